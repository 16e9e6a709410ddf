"""What the size of an experiment costs beside its computing: planning, nothing to do, starting a verb, lists of clips.

    python -m benchmarks.planning [--clips 1000000]

Planned is config/robustness.yaml with more seeds, in an empty folder and as if it had ended: its outputs are there, a
few bytes each, and Snakemake has noted them as its own. With --clips, a dataset of so many clips is
generated as rows, without media, and goes through the verbs that handle lists. Charged is CPU time (user and system),
which depends less than the clock on what else the machine does, of a process with all that it starts.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from avbench.core.hashing import shard_of
from avbench.data import ledger
from avbench.data.checks import Measurements
from avbench.data.manifest import write_manifest
from avbench.data.packing.outcome import Outcome, as_table

ROOT = Path(__file__).resolve().parents[1]
SEEDS = 7  # of config/robustness.yaml: 2,023 pretraining runs
PROMISED = {"plan": (10, 1000), "light": (2, None), "torch": (6, None)}  # seconds, MB
RUNS = 2
CLASSES, LOST = 309, 0.25
SPLITS = {"train": 0.886, "validation": 0.037, "test": 0.077}  # as in VGGSound with 4 % of training held out


def charged(command: Sequence[object], folder: Path) -> tuple[float, float, str]:
    """Run a command; return its CPU time in seconds, its peak memory in MB and what it printed."""
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))[:300]} failed:\n{text[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, text


def planning(folder: Path, seeds: int) -> list[dict]:
    """Plan an experiment of thousands of runs, before it has begun and after it has ended."""
    config = yaml.safe_load((ROOT / "config" / "robustness.yaml").read_text(encoding="utf-8"))
    config["seeds"] = list(range(seeds))
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--cores", 1]
    snakemake += ["--directory", folder, "--configfile"]
    as_it_is, config_file = ROOT / "config" / "robustness.yaml", folder / "config.yaml"
    quiet = ["--dry-run", "--quiet", "rules"]
    # What a real run does before its first job, too; a dry run then formats every job's description, even a quiet one.
    planned = min(charged([*snakemake, config_file, "--rulegraph"], folder) for _ in range(RUNS))
    listed = min(charged([*snakemake, config_file, *quiet], folder) for _ in range(RUNS))
    shorter = min(charged([*snakemake, as_it_is, *quiet], folder) for _ in range(RUNS))
    described = charged([*snakemake, config_file, "--dry-run"], folder)[2]
    for line in re.findall(r"^    output: (.*)$", described, re.MULTILINE):
        for name in line.split(", "):
            path = folder / re.sub(r" \(.*\)$", "", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"all": {"stored": 0}}) + "\n", encoding="utf-8")  # coverage.json is looked into
    charged([*snakemake, config_file, "--touch", "--forceall", "--quiet", "all"], folder)
    ended = min(charged([*snakemake, config_file, *quiet], folder) for _ in range(RUNS))
    if "Nothing to be done" not in ended[2]:
        raise RuntimeError(f"there is something to be done in an experiment that has ended:\n{ended[2][-2000:]}")
    found = []
    for what, text, (seconds, megabytes, _), promise in (
        ("planning {}", listed[2], planned, PROMISED["plan"]),
        ("dry run of {}", listed[2], listed, (None, None)),
        ("dry run of {}", shorter[2], shorter, PROMISED["plan"]),
        ("finding nothing to do after {}", listed[2], ended, (None, None)),
    ):
        counts = dict(re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE))
        what = what.format(f"{int(counts['pretrain']):,} pretraining runs ({int(counts['total']):,} jobs)")
        found += [
            _row(what, seconds, promise[0], "s"),
            _row(f"{what}: memory", megabytes, promise[1], "MB"),
        ]
    return found


def starting(folder: Path) -> list[dict]:
    """Start a verb that handles lists, and one that builds models."""
    outcome = Outcome("clip", "stored")
    table = as_table([outcome]).assign(label="sound", split="train")
    ledger.write(folder / "ledger.parquet", table)
    light = ["coverage", "--ledger", "ledger.parquet", "--dataset", "one", "--minimum", 0, "--stored", "stored.json"]
    light += ["--output", "coverage.json"]
    found = []
    for kind, what, words in (("light", "without torch", light), ("torch", "with torch", ["models"])):
        seconds = min(charged([sys.executable, "-m", "avbench", *words], folder)[0] for _ in range(2 * RUNS))
        found.append(_row(f"start of a verb {what} (`{words[0]}`)", seconds, PROMISED[kind][0], "s"))
    return found


def lists(folder: Path, clips: int, shards: int) -> pd.DataFrame:
    """Generate a dataset's lists and charge the verbs that handle them; sizes of files in MB."""
    data = folder / "data" / "generated"
    _generate(data, clips, shards)
    avbench = [sys.executable, "-m", "avbench"]
    store = json.dumps({"frame_rate": 16, "width": 112, "height": 112})
    where = ["--manifest", data / "clips.csv"]
    ledgers = sorted((data / "ledger").glob("*.parquet"))
    merged = ["--ledger", data / "ledger.parquet"]
    balanced = json.dumps({"clips_per_class": min(123, max(1, clips // CLASSES // 4))})
    steps = {
        f"pack, one of {shards} shards, no clip to be had": [
            *("pack-shard", *where, "--shard", 0, "--shards", shards, "--settings", store, "--work", folder / "work"),
            *("--store", folder / "000.arrow", "--ledger", folder / "000.parquet"),
        ],
        "ledger, with duplicates": [
            *("ledger", "--ledgers", *ledgers, *where, "--checks", '{"min_duration_s": 1.0}'),
            *("--duplicates", data / "duplicates.csv", "--recordings", data / "recordings.csv"),
            *("--shards", data / "store" / "shards.json", "--output", data / "ledger.parquet"),
        ],
        "coverage": [
            "coverage",
            *merged,
            "--dataset",
            "generated",
            "--minimum",
            0.5,
            "--stored",
            data / "stored.json",
            "--output",
            data / "coverage.json",
        ],
        "coverage-table": [
            "coverage-table",
            "--datasets",
            "generated",
            "--output",
            folder / "results/tables/coverage.csv",
        ],
        "subset, balanced": ["subset", *merged, "--settings", balanced, "--output", folder / "balanced.csv"],
        "subset, all": ["subset", *merged, "--settings", '{"balance": "natural"}', "--output", folder / "all.csv"],
    }
    found = []
    for name, words in steps.items():
        seconds, megabytes, _ = charged([*avbench, *words], folder)
        found.append({"verb": name, "cpu_s": round(seconds, 1), "memory_mb": round(megabytes)})
        print(found[-1], flush=True)
    for path in (data / "clips.csv", data / "ledger", data / "ledger.parquet", folder / "all.csv"):
        files = [path] if path.is_file() else sorted(path.glob("*"))
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{path.relative_to(folder)}: {size:.1f} MB in {len(files)} file{'s'[: len(files) > 1]}", flush=True)
    return pd.DataFrame(found)


def _generate(data: Path, clips: int, shards: int) -> None:
    """Write a manifest, and shards' ledgers in which a share of the clips is lost and the others have random hashes."""
    rng = np.random.default_rng(0)
    names = [f"{index * 7919:011x}_000030" for index in range(clips)]
    table = pd.DataFrame(
        {
            "clip_id": names,
            "source": [f"https://example.org/watch?v={name[:11]}" for name in names],
            "start_s": 30.0,
            "duration_s": 10.0,
            "label": [f"sound of kind {index % CLASSES}, as a name" for index in range(clips)],
            "split": rng.choice(list(SPLITS), clips, p=list(SPLITS.values())),
        }
    )
    write_manifest(data / "clips.csv", table)
    members: list[list[Outcome]] = [[] for _ in range(shards)]
    for name, source, lost in zip(names, table["source"], rng.random(clips) < LOST, strict=True):
        about = {"key": rng.bytes(16).hex(), "origin": source}
        if lost:
            outcome = Outcome(name, "unavailable", "unavailable", "Video unavailable: removed by the uploader", **about)
        else:
            hashes = rng.bytes(32).hex(), rng.bytes(32).hex()
            outcome = Outcome(name, "stored", measured=Measurements(10.0, float("nan"), -3.0, 5.0, *hashes), **about)
        members[shard_of(name, shards)].append(outcome)
    for shard, outcomes in enumerate(members):
        ledger.write(data / "ledger" / f"{shard:03d}.parquet", as_table(sorted(outcomes, key=lambda o: o.clip_id)))


def rows() -> list[dict]:
    """Measure planning and starting; where something is promised, a ratio below 1 keeps it."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        return planning(Path(one), SEEDS) + starting(Path(two))


def _row(name: str, ours: float, promised: float | None, unit: str) -> dict:
    return {
        "name": name,
        "ours": round(ours, 1),
        "peer": promised,
        "peer_name": "promise" if promised else None,
        "ratio": round(ours / promised, 2) if promised else None,
        "unit": unit,
    }


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, help="instead: the lists of a dataset of so many clips")
    parser.add_argument("--shards", type=int, default=256, help="of that dataset")
    args = parser.parse_args()
    if args.clips:
        with tempfile.TemporaryDirectory() as name:
            lists(Path(name), args.clips, args.shards)
        return
    for row in rows():
        print(row)


if __name__ == "__main__":
    main()
