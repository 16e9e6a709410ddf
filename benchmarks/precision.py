"""Whether bfloat16 changes what is found: runs of the same seeds in both precisions, probed alike.

    python -m benchmarks.precision [--configfile config/demo.yaml] [--data data] [--subset small] [--seeds 5]

Needs the packed dataset of a configuration, as ``make demo`` leaves it. Pretrains ``random`` and ``soft-positive`` in
float32 and under bfloat16 autocast, on the GPU if there is one; embeds the task's clips in float32 with either, and
probes them. Prints, and writes to results/benchmarks/precision.csv, the accuracies of each method and modality, their
difference over the same seeds and test clips with its 95 % interval, and how far apart two precisions of a seed lie,
and two seeds of a precision.
"""

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from avbench.config.evaluation import LinearSettings
from avbench.config.features import FeatureSettings
from avbench.config.methods import PRESETS
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.config.settings import build
from avbench.config.subsets import SubsetSettings
from avbench.config.tasks import read_tasks
from avbench.core.files import write_csv, write_json
from avbench.data import ledger
from avbench.data.store import open_store
from avbench.data.subsets import draw
from avbench.evaluation.embedding import encode
from avbench.evaluation.linear_probe import linear_probe
from avbench.evaluation.tasks import task_clips
from avbench.features.statistics import subset_statistics
from avbench.models.embedder import load_embedder
from avbench.plan.jobs import Plan
from avbench.pretraining.pretrain_job import PretrainJob
from avbench.pretraining.run import pretrain
from avbench.results.estimates import estimate
from avbench.training import checkpoint
from avbench.training.devices import pick

METHODS = ("random", "soft-positive")
PRECISIONS = ("float32", "bfloat16")
OUTPUT = Path("results/benchmarks/precision.csv")


def compare(experiment: Plan, data: Path, subset: str, seeds: int) -> pd.DataFrame:
    """Train and probe; one row per method and modality, shares rather than per cent, printing the losses meanwhile."""
    dataset, features = experiment.dataset, build(FeatureSettings, experiment.feature_settings(), "features")
    store = open_store(data, dataset)
    pool = ledger.stored(ledger.read(data / dataset / "ledger.parquet"), "train")
    clips = draw(pool, build(SubsetSettings, experiment.subset_settings(subset), "subset"))
    ids, labels = list(clips["clip_id"]), list(clips["label"])
    statistics = subset_statistics(store, ids, features)
    machine = build(MachineSettings, experiment.machine_settings(), "machine")
    task = next(task for task in read_tasks(experiment.task_settings()) if task.dataset == dataset)
    probed = task_clips(task, data, {"clip_id": ids, "label": labels})
    truth, split = probed["label"].to_numpy(str), probed["split"].to_numpy(str)
    linear = build(LinearSettings, experiment.evaluation["linear"], "evaluation.linear")
    device = pick(machine.device)
    what, clock = ("time", time.perf_counter) if device.type == "cuda" else ("CPU time", time.process_time)
    rows = []
    for method in METHODS:
        models, losses, seconds = {}, {}, {}
        for precision in PRECISIONS:
            settings = experiment.pretrain_settings(subset, experiment.longest) | {"precision": precision}
            settings = build(PretrainSettings, settings, "pretraining")
            models[precision], losses[precision], begin = [], [], clock()
            for seed in range(seeds):
                with tempfile.TemporaryDirectory() as name:
                    where, identity = Path(name), {"dataset": dataset, "subset": subset, "labels": "true"}
                    identity["budget"] = experiment.longest
                    write_csv(where / "subset.csv", clips[["clip_id", "label"]])
                    write_json(where / "statistics.json", statistics)
                    files = {"subset": where / "subset.csv", "labels": (where / "subset.csv",), "data": data}
                    files |= {"statistics": where / "statistics.json", "outputs": (where,)}
                    job = PretrainJob(PRESETS[method], settings, features, (seed,), identity, **files)
                    pretrain(job, machine, log=lambda _: None)
                    models[precision].append(load_embedder(checkpoint.load(where / "checkpoint.pt")).to(device))
                    lines = (where / "metrics.jsonl").read_text().splitlines()
                    losses[precision].append([json.loads(line)["loss"] for line in lines])
            seconds[precision] = (clock() - begin) / seeds
        print(_losses(method, *(np.array(losses[precision]) for precision in PRECISIONS)))
        print(f"{method}: {what} of a run " + ", ".join(f"{p} {s:.1f} s" for p, s in seconds.items()))
        for modality in task.modalities:
            right = {}
            for precision, trained in models.items():
                found = encode(trained, store, list(probed["clip_id"]), modality, device)
                said = [linear_probe(values, truth, split, linear).predictions for values in found]
                right[precision] = (np.stack(said) == truth[split == "test"]) * 1.0
            plain, short = (right[precision] for precision in PRECISIONS)
            difference = estimate({task.name: short - plain})
            row = (method, modality, seeds, difference.clips, plain.mean(), short.mean())
            bounds = (difference.mean, difference.low, difference.high, difference.low <= 0 <= difference.high)
            apart = np.abs(short.mean(axis=1) - plain.mean(axis=1)).mean()
            rows.append((*row, *bounds, apart, _apart(plain.mean(axis=1))))
    columns = ["method", "modality", "seeds", "clips", *PRECISIONS, "difference", "low", "high", "holds_zero"]
    return pd.DataFrame(rows, columns=[*columns, "between_precisions", "between_seeds"])


def _apart(values: np.ndarray) -> float:
    """Return how far two of the values (n, …) lie apart, in the mean over all pairs."""
    return float(np.mean([np.abs(a - b) for a, b in itertools.combinations(values, 2)]))


def _losses(method: str, plain: np.ndarray, short: np.ndarray) -> str:
    """Say how far curves, (seeds, epochs), of the same seed lie apart, and how far those of other seeds."""
    between, seeds = np.abs(short - plain), max(np.abs(a - b).max() for a, b in itertools.combinations(plain, 2))
    return (
        f"{method}: losses of the same seed differ by {between.max():.4f} at most in one epoch, in the last by "
        f"{between[:, -1].max():.4f}; those of different seeds in float32 by {seeds:.4f} at most; they fall from "
        f"{plain[:, 0].mean():.3f} to {plain[:, -1].mean():.3f}, and in bfloat16 to {short[:, -1].mean():.3f}"
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="benchmarks.precision", description=__doc__.splitlines()[0])
    parser.add_argument("--configfile", type=Path, default=Path("config/demo.yaml"), help="of an experiment")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of its packed datasets")
    parser.add_argument("--subset", default="small", help="one of the experiment's")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each method and precision")
    args = parser.parse_args()
    if args.seeds < 2:
        parser.error("--seeds: at least two, to see how far apart they lie")
    experiment = Plan(yaml.safe_load(args.configfile.read_text(encoding="utf-8")), Path())
    if not (args.data / experiment.dataset / "ledger.parquet").exists():
        parser.error(f"{args.data / experiment.dataset} holds no packed dataset; run `make demo` first, or give --data")
    if args.subset not in experiment.subsets:
        parser.error(f"--subset: {args.configfile} has {', '.join(experiment.subsets)}")
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    table = compare(experiment, args.data, args.subset, args.seeds)
    write_csv(OUTPUT, table)
    print(f"\n{where}, {args.configfile}, subset {args.subset}\n{table.round(4).to_string(index=False)}")
    print(f"written to {OUTPUT}")


if __name__ == "__main__":
    main()
