"""A study of seven methods on given features of the paper's size: 38,007 pretraining clips, 512 numbers per modality.

    python -m benchmarks.given FOLDER [--epochs 10] [--cores 1] [--per-class 123]

Features are generated: classes as in `benchmarks.probe`, and beside them what sound and picture of one clip share. The
workflow runs in the folder to its end; what it took is printed by rule, in CPU time, from Snakemake's own benchmarks.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import yaml

from benchmarks.probe import CLASSES, PER_CLASS, WIDTH, generate

ROOT = Path(__file__).resolve().parents[1]
SHARED = 32
METHODS = {
    **dict.fromkeys(("random", "easy-negative", "hard-negative", "soft-positive", "soft-positive-50"), "preset"),
    "sp70": {"positive": "same-class", "labels": "noisy-30"},
    "masked": {"labels": "true", "loss": "masked"},
}


def write(folder: Path, epochs: int, per_class: int) -> None:
    """Write features, the list of clips, and the configuration."""
    rng = np.random.default_rng(1)
    audio, labels, split = generate(seed=0)
    video = generate(seed=2)[0]
    ids = np.array([f"clip-{place:05d}" for place in range(len(labels))])
    own = rng.normal(size=(len(ids), SHARED)).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in (("audio", audio), ("video", video)):
        mixed = values + own @ rng.normal(size=(SHARED, WIDTH)).astype(np.float32) / 4
        np.savez(folder / f"{name}.npz", clip_id=ids, features=mixed)
    rows = [f"{clip},{label},{part}\n" for clip, label, part in zip(ids, labels, split, strict=True)]
    (folder / "clips.csv").write_text("clip_id,label,split\n" + "".join(rows), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(epochs, per_class)), encoding="utf-8")


def configuration(epochs: int, per_class: int) -> dict:
    """Return the study: one seed, linear probe, nearest neighbours and retrieval, of both modalities."""
    dataset = {"rules": "workflow/datasets/features.smk", "shards": 1, "min_coverage": 1}
    return {
        "experiment": "given",
        "seeds": [0],
        "claims": "config/claims.yaml",
        "store": {"frame_rate": 16, "width": 112, "height": 112},
        "checks": {"min_duration_s": 1.0},
        "datasets": {"given": dataset | {"options": {"list": "clips.csv"}}},
        "pretraining": {
            "dataset": "given",
            "model": {name: {"features": f"{name}.npz"} for name in ("audio", "video")},
            "epochs": epochs,
            "learning_rate": 0.001,
        },
        "subsets": {"all-clips": {"clips_per_class": per_class}},
        "labels": {"noisy-30": {"kind": "noise", "noise": "uniform", "rate": 0.3}},
        "methods": METHODS,
        "tasks": {
            "given": {"dataset": "given", "role": "in-domain", "train": "subset", "modalities": ["audio", "video"]}
        },
        "evaluation": {"linear": {"strengths": [0.001, 0.01, 0.1]}, "knn": {}, "retrieval": {}},
    }


def cpu_by_rule(folder: Path) -> dict[str, tuple[int, float]]:
    """Return jobs and CPU seconds of each rule, from the files that Snakemake writes."""
    found: dict[str, list[float]] = defaultdict(list)
    for root in (folder / "results/given/benchmarks", folder / "data/given/benchmarks"):
        for path in root.rglob("*.tsv"):
            with path.open(encoding="utf-8") as stream:
                rows = list(csv.DictReader(stream, delimiter="\t"))
            found[path.relative_to(root).parts[0].removesuffix(".tsv")] += [float(row["cpu_time"]) for row in rows]
    return {rule: (len(seconds), sum(seconds)) for rule, seconds in sorted(found.items())}


def main() -> None:
    """Write, run and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.given", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--per-class", type=int, default=PER_CLASS["train"], help="pretraining clips of each class")
    args = parser.parse_args()
    write(args.folder, args.epochs, args.per_class)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile"]
    command += [str((args.folder / "config.yaml").resolve()), "--directory", str(args.folder)]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run([*command, "--cores", str(args.cores)], check=True, env=os.environ | {"PATH": path})
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    for rule, (jobs, seconds) in cpu_by_rule(args.folder).items():
        print(f"{rule:20} {jobs:3} jobs {seconds:8.1f} s of CPU time")
    print(
        f"{len(METHODS)} methods, {CLASSES * args.per_class:,} × {WIDTH} features, {args.epochs} epochs: "
        f"{(used.ru_utime + used.ru_stime) / 60:.1f} min of CPU time, Snakemake included"
    )


if __name__ == "__main__":
    main()
