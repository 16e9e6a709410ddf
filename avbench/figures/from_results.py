"""From an experiment's result files to its figures: what each figure reads, and nothing about how it looks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avbench import ledger, predictions, published, tables
from avbench.coverage import against_published
from avbench.coverage import table as coverage_table
from avbench.figures import (
    accuracy_by_balance,
    accuracy_by_size,
    class_gains,
    confusion,
    coverage,
    embedding_map,
    gains,
    pairs,
    paper,
    published_losses,
    samples,
    style,
    timing,
    training_loss,
)
from avbench.fileio import read_csv, read_json

SHOWN_CLIPS = 9
SHOWN_NEGATIVES = 4
# Protocols that train something have figures of their own, apart from those that only compare features.
TRAINING = ("linear", "linear-sgd", "finetune", "supervised")
COMPARING = ("knn", "retrieval-5")

Settings = Mapping[str, Any]


def subset_sizes(settings: Settings) -> dict[str, float]:
    """Return the mean number of clips a class of each subset, from the subsets' files."""
    found = {}
    for name, path in settings["subsets"].items():
        labels = read_csv(path, ("clip_id", "label"))["label"]
        found[name] = len(labels) / len(set(labels))
    return found


def chance(settings: Settings) -> dict[tuple[str, str], float]:
    """Return the share of correct guesses by task and protocol.

    For classes it is one over their number, for R@k the share of the test clips that are among the first k.
    """
    data, found = Path(settings["data"]), {}
    for name, task in settings["tasks"].items():
        labels = ledger.stored(ledger.read(data / task["dataset"] / "ledger.parquet"), "test")["label"]
        found |= {(name, protocol): 1 / labels.nunique() for protocol in (*TRAINING, *COMPARING)}
        found[name, "retrieval-5"] = min(5 / len(labels), 1.0)
    return found


def roles(settings: Settings) -> dict[str, str]:
    """Return whether each task is in-domain or out-of-domain."""
    return {name: task["role"] for name, task in settings["tasks"].items()}


def trained_scores(settings: Settings) -> pd.DataFrame:
    """Return the summary of the protocols that train something, the supervised baseline beside each."""
    summary = tables.read(settings["summary"])
    return tables.beside_probes(summary[summary["protocol"].isin(TRAINING)])


def draw_accuracy(settings: Settings, stem: Path) -> None:
    """Accuracy by size, a line a method."""
    accuracy_by_size.plot(trained_scores(settings), subset_sizes(settings), stem, chance(settings), roles(settings))


def draw_neighbours(settings: Settings, stem: Path) -> None:
    """Accuracy of nearest neighbours and cross-modal retrieval by size."""
    summary = tables.read(settings["summary"])
    shown = summary[summary["protocol"].isin(COMPARING)]
    accuracy_by_size.plot(shown, subset_sizes(settings), stem, chance(settings), roles(settings))


def draw_balance(settings: Settings, stem: Path) -> None:
    """Accuracy by the balance of the subset, a line a method."""
    subsets = {}
    for name, path in settings["subsets"].items():
        labels = read_csv(path, ("clip_id", "label"))["label"]
        counts = pd.Series(labels).value_counts()
        subsets[name] = accuracy_by_balance.Subset(
            settings["balance"][name], len(labels), float(counts.max() / counts.min())
        )
    accuracy_by_balance.plot(trained_scores(settings), subsets, stem, chance(settings), roles(settings))


def draw_gains(settings: Settings, stem: Path) -> None:
    """Paired gains over the random method."""
    comparisons = tables.read(settings["comparisons"])
    gains.plot(comparisons[comparisons["protocol"].isin(TRAINING)], subset_sizes(settings), stem)


def draw_paper(settings: Settings, stem: Path) -> None:
    """Published and measured accuracies."""
    paper.plot(tables.read(settings["paper"]), stem)


def of_one_task(paths: list[str], task: str, modality: str) -> pd.DataFrame:
    """Read the linear probe's predictions of several seeds: columns seed (its place), clip_id, label, ….

    Args:
        paths: the seeds' files, in their order.
        task, modality: what was classified.
    """
    found = []
    for seed, path in enumerate(paths):
        table = predictions.read(path)
        here = (table["task"] == task) & (table["protocol"] == "linear") & (table["modality"] == modality)
        found.append(table[here].assign(seed=seed))
    return pd.concat(found, ignore_index=True)


def draw_class_gains(settings: Settings, stem: Path) -> None:
    """Gains of one method over another, class by class."""
    (method, ours), (baseline, theirs) = (settings[name] for name in ("method", "baseline"))
    where = (settings["task"], settings["modality"])
    drawn = {
        subset: class_gains.gains(of_one_task(ours[subset], *where), of_one_task(theirs[subset], *where))
        for subset in ours
    }
    class_gains.plot(drawn, subset_sizes(settings), method, baseline, stem)


def draw_confusion(settings: Settings, stem: Path) -> None:
    """What one method's linear probe takes for what."""
    method, files = settings["method"]
    where = (settings["task"], settings["modality"])
    drawn = {subset: confusion.shares(of_one_task(paths, *where)) for subset, paths in files.items()}
    confusion.plot(drawn, subset_sizes(settings), method, stem)


def draw_embedding_map(settings: Settings, stem: Path) -> None:
    """Test clips on a map, by the encoders of several methods."""
    key, maps = settings["task"], {}
    for method, path in settings["embeddings"].items():
        with np.load(path) as arrays:
            test = arrays[f"{key}/split"] == "test"
            labels, clips = arrays[f"{key}/label"][test], arrays[f"{key}/clip_id"][test]
            places, coloured = embedding_map.choose(labels, clips)
            maps[method] = embedding_map.project(arrays[f"{key}/{settings['modality']}"][test][places])
    embedding_map.plot(maps, labels[places], coloured, stem)


def read_runs(paths: list[str]) -> tuple[list[training_loss.Run], dict[tuple[str, str], int], list[Any]]:
    """Read the training of runs: their metrics, batch sizes by method and subset, and which were still improving."""
    runs, batch_sizes, improving = [], {}, []
    for path in map(Path, paths):
        run = read_json(path)
        key = (run["method"], run["subset"], run["seed"])
        runs.append((*key, pd.read_json(path.with_name("metrics.jsonl"), lines=True)))
        batch_sizes[key[:2]] = run["batch_size"]
        if run["still_improving"]:
            improving.append(key)
    return runs, batch_sizes, improving


def draw_losses(settings: Settings, stem: Path) -> None:
    """Training loss and batch accuracy of every run."""
    runs, batch_sizes, improving = read_runs(settings["runs"])
    training_loss.plot(runs, subset_sizes(settings), batch_sizes, stem, improving)


def draw_published_losses(settings: Settings, stem: Path) -> None:
    """Training loss of every run beside the published one of its method."""
    runs, batch_sizes, _ = read_runs(settings["runs"])
    theirs = published.read_losses(settings["losses"])
    published_losses.plot(runs, subset_sizes(settings), batch_sizes, theirs, settings["same_dataset"], stem)


def draw_coverage(settings: Settings, stem: Path) -> None:
    """What became of the listed clips of each dataset, why clips are lost, and how many a publication had."""
    data = Path(settings["data"])
    counts = coverage_table({name: ledger.read(data / name / "ledger.parquet") for name in settings["datasets"]})
    name = style.task_name
    drawn = read_csv(list(settings["subsets"].values())[-1], ("clip_id",))["clip_id"]
    notes = against_published(
        counts.assign(dataset=counts["dataset"].map(name)),
        {name(dataset): theirs for dataset, theirs in settings["published"].items()},
        {name(settings["pretraining"]): len(drawn)},
    )
    coverage.plot(counts, stem, notes)


def draw_timing(settings: Settings, stem: Path) -> None:
    """Seconds by rule, from Snakemake's benchmark files."""
    rows = []
    for root in map(Path, settings["benchmarks"]):
        for path in sorted(root.rglob("*.tsv")):
            rows.append({"rule": path.relative_to(root).parts[0].removesuffix(".tsv"), "seconds": _seconds(path)})
    times = pd.DataFrame(rows).groupby("rule")["seconds"].agg(jobs="count", seconds="sum").reset_index()
    timing.plot(times.sort_values("seconds", ascending=False, ignore_index=True), stem)


def _seconds(path: Path) -> float:
    return float(pd.read_csv(path, sep="\t")["s"].mean())


def draw_samples(settings: Settings, stem: Path) -> None:
    """Stored clips of a subset, each of another class as far as there are enough."""
    from avbench.features import FeatureSettings
    from avbench.settings import build
    from avbench.tasks import open_store

    clips = pd.DataFrame(read_csv(settings["subset"], ("clip_id", "label")))
    chosen = pd.concat([clips.drop_duplicates("label"), clips]).drop_duplicates("clip_id").head(SHOWN_CLIPS)
    features = build(FeatureSettings, settings["features"], "features")
    store = open_store(Path(settings["data"]), settings["dataset"])
    samples.plot(samples.load(store, list(chosen["clip_id"]), list(chosen["label"]), features), stem)


def draw_pairs(settings: Settings, stem: Path) -> None:
    """For each method, one anchor of a batch that its run drew, its positive and the first negatives."""
    from avbench.features import FeatureSettings, LogMel
    from avbench.methods import Method
    from avbench.pretrain import Batches, PretrainSettings
    from avbench.settings import build
    from avbench.tasks import open_store
    from avbench.windows import Clips

    features = build(FeatureSettings, settings["features"], "features")
    store, log_mel = open_store(Path(settings["data"]), settings["dataset"]), LogMel(features)
    truth = read_csv(settings["subset"], ("clip_id", "label"))
    ids, true = truth["clip_id"], truth["label"]
    clips = Clips(store, ids, features)
    drawn = []
    for name, entry in settings["methods"].items():
        method = build(Method, entry["method"], f"methods.{name}")
        used = read_csv(entry["labels"], ("clip_id", "label"))["label"] if entry["labels"] else true
        labels = np.unique(np.array(used), return_inverse=True)[1]
        plan = Batches(
            clips,
            labels,
            method,
            build(PretrainSettings, settings["pretraining"], "pretraining"),
            settings["seed"],
        )
        anchors = plan.epoch(0)[0]
        videos = plan.videos(anchors, 0)
        shown = int(np.argmax(videos != anchors))  # an anchor with a foreign positive, where the method has any
        batch = plan.read(0, 0, anchors)

        def picture(place: int, batch=batch, videos=videos, used=used) -> pairs.Picture:
            clip = int(videos[place])
            return pairs.Picture(ids[clip], batch.frames[place].numpy(), true[clip], used[clip])

        others = [place for place in range(len(anchors)) if place != shown][:SHOWN_NEGATIVES]
        anchor = int(anchors[shown])
        mel = log_mel(batch.audio[shown : shown + 1])[0].numpy()
        drawn.append(
            pairs.Pairing(
                name,
                ids[anchor],
                mel,
                true[anchor],
                used[anchor],
                picture(shown),
                [picture(i) for i in others],
            )
        )
    pairs.plot(drawn, stem)


FIGURES: dict[str, Callable[[Settings, Path], None]] = {
    "accuracy": draw_accuracy,
    "gains": draw_gains,
    "neighbours": draw_neighbours,
    "balance": draw_balance,
    "paper": draw_paper,
    "class_gains": draw_class_gains,
    "confusion": draw_confusion,
    "embedding_map": draw_embedding_map,
    "losses": draw_losses,
    "published_losses": draw_published_losses,
    "pairs": draw_pairs,
    "samples": draw_samples,
    "coverage": draw_coverage,
    "timing": draw_timing,
}
