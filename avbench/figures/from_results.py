"""From an experiment's result files to its figures: what each figure reads, and nothing about how it looks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avbench import ledger, tables
from avbench.coverage import against_published
from avbench.coverage import table as coverage_table
from avbench.figures import accuracy_by_size, coverage, gains, pairs, samples, style, timing, training_loss
from avbench.fileio import read_csv, read_json

SHOWN_CLIPS = 9
SHOWN_NEGATIVES = 4

Settings = Mapping[str, Any]


def subset_sizes(settings: Settings) -> dict[str, float]:
    """Return the mean number of clips a class of each subset, from the subsets' files."""
    found = {}
    for name, path in settings["subsets"].items():
        labels = read_csv(path, ("clip_id", "label"))["label"]
        found[name] = len(labels) / len(set(labels))
    return found


def chance(settings: Settings) -> dict[str, float]:
    """Return the share of correct guesses on each task: one over its number of classes."""
    data = Path(settings["data"])
    return {
        name: 1 / ledger.stored(ledger.read(data / task["dataset"] / "ledger.parquet"), "test")["label"].nunique()
        for name, task in settings["tasks"].items()
    }


def draw_accuracy(settings: Settings, stem: Path) -> None:
    """Accuracy by size, a line a method."""
    summary = tables.beside_probes(tables.read(settings["summary"]))
    roles = {name: task["role"] for name, task in settings["tasks"].items()}
    accuracy_by_size.plot(summary, subset_sizes(settings), stem, chance(settings), roles)


def draw_gains(settings: Settings, stem: Path) -> None:
    """Paired gains over the random method."""
    gains.plot(tables.accuracy([settings["accuracy"]]), subset_sizes(settings), stem)


def draw_losses(settings: Settings, stem: Path) -> None:
    """Training loss and batch accuracy of every run."""
    runs, batch_sizes, improving = [], {}, []
    for path in map(Path, settings["runs"]):
        run = read_json(path)
        key = (run["method"], run["subset"], run["seed"])
        runs.append((*key, pd.read_json(path.with_name("metrics.jsonl"), lines=True)))
        batch_sizes[key[:2]] = run["batch_size"]
        if run["still_improving"]:
            improving.append(key)
    training_loss.plot(runs, subset_sizes(settings), batch_sizes, stem, improving)


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
    "losses": draw_losses,
    "pairs": draw_pairs,
    "samples": draw_samples,
    "coverage": draw_coverage,
    "timing": draw_timing,
}
