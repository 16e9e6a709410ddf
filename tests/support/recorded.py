"""A finished experiment in miniature with all its records, written by what writes them; but nothing is trained."""

from pathlib import Path

import numpy as np
import pandas as pd

from avbench.core.files import write_csv, write_json, write_text
from avbench.data import ledger
from avbench.data.manifest import write_manifest
from avbench.evaluation import scores as predictions
from avbench.provenance import record as provenance
from avbench.results import collect, tables

LABELS, SEEDS = ("drum", "dog, barking"), (0, 1)
RUN = "results/tiny/runs/toys/few/none"
BUDGETS = {"random": "default", "untrained": "all", "supervised": "all"}
SUPERVISED = "results/tiny/supervised/toys/few"


def write_experiment() -> Path:
    """Write ``data/toys`` and ``results/tiny`` into the working folder; return the latter."""
    write_data()
    subset = Path("results/tiny/subsets/toys/few.csv")
    training = ledger.stored(ledger.read("data/toys/ledger.parquet"), "train")
    write_csv(subset, training[["clip_id", "label"]])
    write_json("results/tiny/statistics/toys/few.json", {"mean": [0.0], "std": [1.0]})
    scores = []
    for seed in SEEDS:
        pretrain(seed, subset)
        for method in ("random", "untrained"):
            folder = Path(RUN, method, BUDGETS[method], f"seed-{seed}")
            if method == "untrained":
                write_text(folder / "checkpoint.pt", f"initial weights {seed}")
            write_text(folder / "embeddings.npz", f"features of {method} {seed}")
            inputs = [folder / "embeddings.npz", folder / "checkpoint.pt", "data/toys/stored.json"]
            scores.append(score(folder, method, seed, "linear", inputs))
            inputs = [folder / "checkpoint.pt", subset, "data/toys/stored.json"]
            scores.append(score(folder / "finetune", method, seed, "finetune", inputs))
        folder = Path(SUPERVISED, f"seed-{seed}")
        scores.append(score(folder, "supervised", seed, "supervised", [subset, "data/toys/stored.json"]))
    write_tables(scores)
    write_json("results/tiny/config.json", {"experiment": "tiny"})
    for name in ("figures/accuracy.png", "figures/accuracy.pdf", "report.html", "logs/tables.log"):
        write_text(Path("results/tiny", name), name)
    return Path("results/tiny")


def write_data() -> None:
    """Write the manifest, the ledger and the coverage of a dataset of 12 clips, one of which is not stored."""
    clips = pd.DataFrame(
        [
            (f"clip-{number:02d}", f"media/{number}.mp4", 0.0, 2.0, LABELS[number % 2], split)
            for number, split in enumerate(["train"] * 6 + ["validation"] * 2 + ["test"] * 4)
        ],
        columns=["clip_id", "source", "start_s", "duration_s", "label", "split"],
    )
    write_manifest("data/toys/clips.csv", clips)
    became = clips[["clip_id", "label", "split"]].assign(state="stored", reason="", detail="")
    became.loc[5, ["state", "reason", "detail"]] = ["rejected", "silent", "peak -90 dBFS"]
    measured = {name: 1.0 if name in ledger.NUMBERS else "00" for name in ledger.MEASURED}
    table = became.assign(**measured)
    ledger.write("data/toys/ledger.parquet", table)
    write_json("data/toys/coverage.json", ledger.coverage(table))
    write_json("data/toys/stored.json", ledger.stored_state(table, ledger.read_content("data/toys/ledger.parquet")))


def pretrain(seed: int, subset: Path) -> None:
    """Write a run's checkpoint and what tells of it."""
    folder = Path(RUN, "random", "default", f"seed-{seed}")
    write_text(folder / "checkpoint.pt", f"trained weights {seed}")
    identity = {"dataset": "toys", "subset": "few", "labels": "none", "budget": "default", "seed": seed}
    identity["method"] = "random"
    made = {"outputs": provenance.digests([folder / "checkpoint.pt"])}
    stamp = provenance.stamp([subset, "results/tiny/statistics/toys/few.json"])
    write_json(folder / "run.json", identity | made | {"settings": {"epochs": 2}, "provenance": stamp})


def score(folder: Path, method: str, seed: int, protocol: str, inputs: list) -> Path:
    """Write scores, predictions and their record."""
    tested = ledger.stored(ledger.read("data/toys/ledger.parquet"), "test")
    correct = np.random.default_rng([seed, len(protocol)]).integers(0, 2, len(tested)).astype(float)
    told = tested[["clip_id", "label"]].assign(task="toys", protocol=protocol, modality="audio", correct=correct)
    identity = {"method": method, "subset": "few", "labels": "none", "budget": BUDGETS[method], "seed": seed}
    output = folder / "scores.csv"
    predictions.write_scores(output, told.assign(prediction="drum"), identity, {"toys": 5}, {"toys": 1.0})
    written = [output, output.with_name(predictions.FILE)]
    provenance.record(output.with_name(provenance.FILE), inputs, written, {"protocol": protocol})
    return output


def write_tables(scores: list[Path]) -> None:
    """Collect the scores into the table of them, and record it."""
    tables.write("results/tiny/tables/accuracy.csv", collect.accuracy(scores))
    beside = [path.with_name(name) for path in scores for name in (predictions.FILE, provenance.FILE)]
    runs = [Path(RUN, "random", "default", f"seed-{seed}", "run.json") for seed in SEEDS]
    record = Path("results/tiny/provenance/tables.json")
    provenance.record(record, [*scores, *beside, *runs], [Path("results/tiny/tables/accuracy.csv")])
