"""From an experiment's result files to its figures: what each figure reads, and nothing about how it looks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avbench import ledger, predictions, published, tables
from avbench.coverage import against_published
from avbench.coverage import table as coverage_table
from avbench.errors import UserError
from avbench.figures import (
    accuracy_by_balance,
    accuracy_by_size,
    captions,
    class_gains,
    class_size,
    combinations,
    confusion,
    coverage,
    dynamics,
    embedding_map,
    gains,
    geometry,
    noise,
    noise_by_imbalance,
    pairs,
    paper,
    published_losses,
    samples,
    sampling,
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
_NEAR = 0.05  # subsets whose sizes or imbalances differ by less are alike

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


def own(table: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Keep the rows of each method's own labels: methods that are known by name alone must not show several runs."""
    return tables.own(table, settings.get("own_labels"))


def imbalances(settings: Settings) -> dict[str, float]:
    """Return how unequal each subset's classes are: as it was asked for, or else largest over smallest."""
    asked = settings.get("imbalances", {})
    sizes = {name: class_sizes(path).values() for name, path in settings["subsets"].items() if name not in asked}
    return {name: asked.get(name) or max(sizes[name]) / min(sizes[name]) for name in settings["subsets"]}


def most_balanced(settings: Settings) -> dict[str, float]:
    """Return the clips a class of subsets, of those of about the same size only the most balanced."""
    sizes, unequal = subset_sizes(settings), imbalances(settings)

    def beaten(name: str) -> bool:
        alike = [other for other in sizes if abs(sizes[other] - sizes[name]) < _NEAR * sizes[name]]
        return unequal[name] > (1 + _NEAR) * min(unequal[other] for other in alike)

    return {name: size for name, size in sizes.items() if not beaten(name)}


def of_ends(table: pd.DataFrame, sizes: Mapping[str, float]) -> dict[str, float]:
    """Return the sizes of the smallest and the largest subset, of those with at least half of the methods."""
    methods = table.groupby("subset")["method"].nunique()
    there = [name for name in style.subset_names(sizes) if methods.get(name, 0) >= methods.max() / 2]
    if not there:
        raise UserError("a figure has nothing to show: its table has no row.")
    return {subset: sizes[subset] for subset in (there[0], there[-1])}


def class_sizes(path: str) -> dict[str, int]:
    """Count the clips of each class of a subset's file."""
    return pd.Series(read_csv(path, ("clip_id", "label"))["label"]).value_counts().to_dict()


def of_first_protocol(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of the first protocol that trains something, or else of the first that there is; and its name."""
    found = set(table["protocol"])
    first = next((name for name in TRAINING if name in found), table["protocol"].iloc[0])
    return table[table["protocol"] == first], first


def along_noise(settings: Settings) -> tuple[pd.DataFrame, str]:
    """Return the robustness of methods at several rates of a kind of noise, under one protocol; and its name."""
    table = tables.read(settings["robustness"])
    if table.empty:
        return table, ""
    table, protocol = of_first_protocol(table)
    return table[table.groupby(["method", "noise", "subset"])["rate"].transform("nunique") > 1], protocol


def say(text: str, stem: Path) -> None:
    """Write a figure that has nothing to show, and says why."""
    style.save(style.notice(text), stem)
    captions.write(stem, text)


def trained_scores(settings: Settings) -> pd.DataFrame:
    """Return the summary of the protocols that train something, the supervised baseline beside each."""
    summary = own(tables.read(settings["summary"]), settings)
    return tables.beside_probes(summary[summary["protocol"].isin(TRAINING)])


def draw_accuracy(settings: Settings, stem: Path) -> None:
    """Accuracy by size, a line a method."""
    accuracy_by_size.plot(trained_scores(settings), most_balanced(settings), stem, chance(settings), roles(settings))


def draw_neighbours(settings: Settings, stem: Path) -> None:
    """Accuracy of nearest neighbours and cross-modal retrieval by size."""
    summary = own(tables.read(settings["summary"]), settings)
    shown = summary[summary["protocol"].isin(COMPARING)]
    accuracy_by_size.plot(shown, most_balanced(settings), stem, chance(settings), roles(settings))


def draw_balance(settings: Settings, stem: Path) -> None:
    """Accuracy by the balance of the subset, a line a method."""
    subsets, scores, unequal = {}, trained_scores(settings), imbalances(settings)
    for name, path in settings["subsets"].items():
        clips = sum(class_sizes(path).values())
        subsets[name] = accuracy_by_balance.Subset(settings["balance"][name], clips, unequal[name])
    # Methods that were run on few of the subsets say nothing of balance.
    runs = scores[scores["subset"].isin(list(subsets))].groupby("method")["subset"].nunique()
    few = list(runs[runs < runs.max() / 2].index)
    accuracy_by_balance.plot(scores[~scores["method"].isin(few)], subsets, stem, chance(settings), roles(settings))


def draw_gains(settings: Settings, stem: Path) -> None:
    """Paired gains over the random method."""
    comparisons = own(tables.read(settings["comparisons"]), settings)
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


def read_runs(settings: Settings) -> tuple[list[training_loss.Run], dict[tuple[str, str], int], list[Any]]:
    """Read the training of runs: their metrics, batch sizes by method and subset, and which were still improving."""
    runs, batch_sizes, improving = [], {}, []
    known = settings.get("own_labels", {})
    for path in map(Path, settings["runs"]):
        run = read_json(path)
        if run["labels"] != known.get(run["method"], run["labels"]):
            continue
        key = (run["method"], run["subset"], run["seed"])
        runs.append((*key, pd.read_json(path.with_name("metrics.jsonl"), lines=True)))
        batch_sizes[key[:2]] = run["batch_size"]
        if run["still_improving"]:
            improving.append(key)
    return runs, batch_sizes, improving


def draw_losses(settings: Settings, stem: Path) -> None:
    """Training loss and batch accuracy of every run."""
    runs, batch_sizes, improving = read_runs(settings)
    training_loss.plot(runs, subset_sizes(settings), batch_sizes, stem, improving)


def draw_published_losses(settings: Settings, stem: Path) -> None:
    """Training loss of every run beside the published one of its method."""
    runs, batch_sizes, _ = read_runs(settings)
    theirs = published.read_losses(settings["losses"])
    published_losses.plot(runs, subset_sizes(settings), batch_sizes, theirs, settings["same_dataset"], stem)


def draw_noise(settings: Settings, stem: Path) -> None:
    """Accuracy against the rate of label noise, on the most balanced subsets: the smallest and the largest of them."""
    table, protocol = along_noise(settings)
    if table.empty:
        say("No method was run at several rates of label noise on one subset.", stem)
        return
    even = table[table["imbalance"] <= (1 + _NEAR) * table["imbalance"].min()].sort_values("clips", kind="stable")
    ends = {even["subset"].iloc[0], even["subset"].iloc[-1]}
    rows, crossed, scored = (
        part[part["subset"].isin(ends) & (part["protocol"] == protocol)]
        for part in (table, tables.read(settings["break_even"]), tables.read(settings["summary"]))
    )
    noise.plot(rows, crossed, scored, protocol, stem)


def draw_noise_by_imbalance(settings: Settings, stem: Path) -> None:
    """Gain over random pairing by the rate of label noise and the imbalance, of one task and modality."""
    table, protocol = along_noise(settings)
    task, modality = settings["task"], settings["modality"]
    table = table[(table["task"] == task) & (table["modality"] == modality)]
    table = table[table.groupby(["method", "noise"])["imbalance"].transform("nunique") > 1]
    if table.empty:
        say("No method was run with label noise on subsets of several imbalances.", stem)
        return
    noise_by_imbalance.plot(table, task, protocol, modality, stem)


def draw_class_size(settings: Settings, stem: Path) -> None:
    """Gain of each class over a baseline against its number of pretraining clips."""
    baseline, theirs = settings["baseline"]
    where, found = (settings["task"], settings["modality"]), {}
    for method, files in settings["methods"].items():
        for subset, paths in files.items():
            ours, other = (of_one_task(of, *where) for of in (paths, theirs[subset]))
            found[method, subset] = class_size.by_size(ours, other, class_sizes(settings["subsets"][subset]))
    class_size.plot(found, imbalances(settings), baseline, *where, stem)


def draw_geometry(settings: Settings, stem: Path) -> None:
    """How the embeddings of a task's test clips lie, on the smallest and the largest subset."""
    table, sizes = own(tables.read(settings["geometry"]), settings), subset_sizes(settings)
    table = table[table["task"] == settings["task"]]
    ends = of_ends(table, sizes)
    geometry.plot(table[table["subset"].isin(list(ends))], ends, settings["task"], stem)


def draw_dynamics(settings: Settings, stem: Path) -> None:
    """Embeddings of the followed clips along training, on the smallest and the largest subset."""
    table, sizes = own(tables.read(settings["dynamics"]), settings), subset_sizes(settings)
    ends = of_ends(table, sizes)
    dynamics.plot(table[table["subset"].isin(list(ends))], ends, stem)


def draw_combinations(settings: Settings, stem: Path) -> None:
    """Gain of every combination of positives, batches and loss over random pairing, on one task and two sizes."""
    table = own(tables.read(settings["comparisons"]), settings)
    table = table[(table["baseline"] == combinations.BASELINE) & (table["task"] == settings["task"])]
    table, protocol = of_first_protocol(table[table["method"].isin(list(settings["methods"]))])
    ends = of_ends(table, subset_sizes(settings))
    combinations.plot(
        table[table["subset"].isin(list(ends))],
        settings["methods"],
        ends,
        settings["label_variants"],
        settings["task"],
        protocol,
        stem,
    )


def draw_sampling(settings: Settings, stem: Path) -> None:
    """What each run really pairs beside its gain, on the subset that has most runs."""
    counted, compared = tables.read(settings["sampling"]), tables.read(settings["comparisons"])
    sizes = subset_sizes(settings)
    runs = counted.drop_duplicates(["method", "labels", "subset"])["subset"].value_counts()
    subset = max(style.subset_names(sizes), key=lambda name: runs.get(name, 0))
    where = {"task": settings["task"], "modality": settings["modality"], "baseline": sampling.BASELINE}
    for column, value in (where | {"subset": subset}).items():
        compared = compared[compared[column] == value]
    compared, protocol = of_first_protocol(compared)
    table = sampling.counted(counted[counted["subset"] == subset], compared, settings.get("own_labels"))
    sampling.plot(
        table, settings["label_variants"], sizes[subset], settings["task"], protocol, settings["modality"], stem
    )


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
    from avbench.batches import Batches
    from avbench.features import FeatureSettings, LogMel
    from avbench.methods import Method
    from avbench.pairing import numbered, read_pairing
    from avbench.pretrain import PretrainSettings
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
        known = read_pairing(entry["labels"], ids) if entry["labels"] else true
        used = true if method.needs == "neighbours" else known
        training = build(PretrainSettings, settings["pretraining"], "pretraining")
        plan = Batches(clips, numbered(ids, known, method), method, training, settings["seed"])
        # Where the probability of a foreign positive changes, the end at which it is highest shows one.
        epoch = max((0, training.epochs - 1), key=lambda end: method.probability_at(end, training.epochs))
        anchors = plan.epoch(epoch)[0]
        videos = plan.videos(anchors, epoch)
        shown = int(np.argmax(videos != anchors))  # an anchor with a foreign positive, where the method has any
        batch = plan.read(0, epoch, anchors)

        def picture(place: int, batch=batch, videos=videos, used=used) -> pairs.Picture:
            clip = int(videos[place])
            return pairs.Picture(ids[clip], batch.frames[place].numpy(), true[clip], used[clip])

        others = [place for place in range(len(anchors)) if place != shown]
        if method.loss_uses_labels:  # to which videos of the anchor's class are no negatives
            others = [place for place in others if used[int(anchors[place])] != used[int(anchors[shown])]]
        others = others[:SHOWN_NEGATIVES]
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
    "noise": draw_noise,
    "noise_by_imbalance": draw_noise_by_imbalance,
    "class_size": draw_class_size,
    "combinations": draw_combinations,
    "sampling": draw_sampling,
    "geometry": draw_geometry,
    "dynamics": draw_dynamics,
    "losses": draw_losses,
    "published_losses": draw_published_losses,
    "pairs": draw_pairs,
    "samples": draw_samples,
    "coverage": draw_coverage,
    "timing": draw_timing,
}
