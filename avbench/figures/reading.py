"""From an experiment's result files to its figures: what each figure reads, and nothing about how it looks."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.config.evaluation import CLASSIFIERS, MEAN_AVERAGE_PRECISION, ROC_AREA, of_sets
from avbench.core.errors import NothingToShowError
from avbench.core.files import read_csv, read_json
from avbench.data import ledger
from avbench.data.label_sets import every_label, indicators
from avbench.evaluation import scores
from avbench.figures import captions, names, style
from avbench.provenance.record import require_recorded
from avbench.results import tables

Run = tuple[str, str, int, pd.DataFrame]
# Protocols that train something have figures of their own, apart from those that only compare features.
TRAINING = CLASSIFIERS
COMPARING = ("knn", "knn-map", "knn-auc", "retrieval-5")
NEAR = 0.05  # subsets whose sizes or imbalances differ by less are alike

Settings = Mapping[str, Any]


def subset_sizes(settings: Settings) -> dict[str, float]:
    """Return the mean number of clips a class of each subset, from the subsets' files."""
    found = {}
    for name, path in settings["subsets"].items():
        labels = read_csv(path, ("clip_id", "label"))["label"]
        found[name] = len(labels) / len(set(labels))
    return found


def guesses(settings: Settings) -> dict[tuple[str, str], dict[str, float]]:
    """Return the shares of correct guesses by task and protocol, each by its name in ``style.GUESSES``.

    Chance is one over the number of classes, or for R@k the share of the test clips that are among the first k. Where
    the test clips' classes are unequal, who always says the largest is right more often. Where clips have several
    labels, ranking them at random has, of a label, the average precision of its share of the clips, and half the area.
    """
    data = Path(settings["data"])
    found: dict[tuple[str, str], dict[str, float]] = {}
    for name, task in settings["tasks"].items():
        labels = ledger.stored(ledger.read(data / task["dataset"] / "ledger.parquet"), "test")["label"]
        found[name, "retrieval-5"] = {"chance": min(5 / len(labels), 1.0)}
        if task.get("multi_label"):
            share = indicators(labels.tolist(), every_label(labels)).mean(axis=0)
            ranked = {MEAN_AVERAGE_PRECISION: float(share[share < 1].mean()), ROC_AREA: 0.5}
            found |= {
                (name, of_sets(protocol, metric)): {"chance": chance}
                for protocol in ("linear", "knn")
                for metric, chance in ranked.items()
            }
            continue
        chance, largest = 1 / labels.nunique(), float(labels.value_counts(normalize=True).iloc[0])
        known = {"chance": chance} | ({"always the largest class": largest} if largest > (1 + NEAR) * chance else {})
        found |= {(name, protocol): known for protocol in (*TRAINING, "knn")}
    return found


def roles(settings: Settings) -> dict[str, str]:
    """Return whether each task is in-domain or out-of-domain."""
    return {name: task["role"] for name, task in settings["tasks"].items()}


def own(table: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Keep the rows of each method's own labels at the longest budget.

    Methods that are known by name alone must not show several runs.
    """
    return longest(tables.own(table, settings.get("own_labels")), settings)


def longest(table: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Keep the rows of the longest budget, and those that depend on none."""
    return tables.at_budget(table, settings["budgets"][-1])


def imbalances(settings: Settings) -> dict[str, float]:
    """Return how unequal each subset's classes are: as it was asked for, or else largest over smallest."""
    asked = settings.get("imbalances", {})
    sizes = {name: class_sizes(path).values() for name, path in settings["subsets"].items() if name not in asked}
    return {name: asked.get(name) or max(sizes[name]) / min(sizes[name]) for name in settings["subsets"]}


def most_balanced(settings: Settings) -> dict[str, float]:
    """Return the clips a class of subsets, of those of about the same size only the most balanced."""
    sizes, unequal = subset_sizes(settings), imbalances(settings)

    def beaten(name: str) -> bool:
        alike = [other for other in sizes if abs(sizes[other] - sizes[name]) < NEAR * sizes[name]]
        return unequal[name] > (1 + NEAR) * min(unequal[other] for other in alike)

    return {name: size for name, size in sizes.items() if not beaten(name)}


def of_ends(table: pd.DataFrame, sizes: Mapping[str, float]) -> dict[str, float]:
    """Return the sizes of the smallest and the largest subset, of those with at least half of the methods."""
    methods = table.groupby("subset")["method"].nunique()
    there = [name for name in names.subset_names(sizes) if methods.get(name, 0) >= methods.max() / 2]
    if not there:
        raise NothingToShowError("This figure has nothing to show: its table has no row.")
    return {subset: sizes[subset] for subset in (there[0], there[-1])}


def class_sizes(path: str) -> dict[str, int]:
    """Count the clips of each class of a subset's file."""
    return pd.Series(read_csv(path, ("clip_id", "label"))["label"]).value_counts().to_dict()


def of_first_protocol(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of the first protocol that trains something, or else of the first that there is; and its name.

    With them come its mean average precisions, of tasks whose clips have several labels.

    Raises:
        NothingToShowError: there is no row.
    """
    if table.empty:
        raise NothingToShowError("This figure has nothing to show: its table has no row.")
    found = set(table["protocol"])
    first = next((name for name in TRAINING if name in found), table["protocol"].iloc[0])
    return table[table["protocol"].isin([first, of_sets(first, MEAN_AVERAGE_PRECISION)])], first


def along_noise(settings: Settings, kinds: Iterable[str]) -> tuple[pd.DataFrame, str]:
    """Return the robustness of methods at several rates of a kind of noise, under one protocol; and its name.

    Args:
        settings: of the figure.
        kinds: of noise that are looked for.
    """
    table = longest(tables.read(settings["robustness"]), settings)
    table = table[table["noise"].isin(list(kinds))]
    if table.empty:
        return table, ""
    table, protocol = of_first_protocol(table)
    return table[table.groupby(["method", "noise", "subset"])["rate"].transform("nunique") > 1], protocol


def say(text: str, stem: Path) -> None:
    """Write a figure that has nothing to show, and says why."""
    style.save(style.notice(text), stem)
    captions.write(stem, text)


def trained_scores(settings: Settings) -> pd.DataFrame:
    """Return the scores of :func:`methods_scores` at the longest budget."""
    return longest(methods_scores(settings), settings)


def methods_scores(settings: Settings) -> pd.DataFrame:
    """Return the summary of the protocols that train something, of each method's own labels at every budget.

    The supervised baseline stands beside each protocol.
    """
    summary = tables.own(tables.read(settings["summary"]), settings.get("own_labels"))
    return tables.beside_probes(summary[summary["protocol"].isin(TRAINING)])


def of_one_task(paths: list[str], task: str, modality: str) -> pd.DataFrame:
    """Read the linear probe's predictions of several seeds: columns seed (its place), clip_id, label, ….

    Args:
        paths: the seeds' files, in their order.
        task, modality: what was classified.
    """
    found = []
    for seed, path in enumerate(paths):
        require_recorded(path)
        table = scores.read(path)
        here = (table["task"] == task) & (table["protocol"] == "linear") & (table["modality"] == modality)
        found.append(table[here].assign(seed=seed))
    return pd.concat(found, ignore_index=True)


def read_runs(settings: Settings) -> tuple[list[Run], dict[tuple[str, str], int]]:
    """Read the training of runs: their metrics, and batch sizes by method and subset."""
    runs, batch_sizes = [], {}
    known = settings.get("own_labels", {})
    for path in map(Path, settings["runs"]):
        run = read_json(path)
        if run["labels"] != known.get(run["method"], run["labels"]):
            continue
        key = (run["method"], run["subset"], run["seed"])
        runs.append((*key, pd.read_json(path.with_name("metrics.jsonl"), lines=True)))
        batch_sizes[key[:2]] = run["batch_size"]
    return runs, batch_sizes
