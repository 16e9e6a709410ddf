"""Start-up: from ``python -m avbench pretrain`` to the end of its first step, with a subset as large as the paper's.

The store is generated, of short clips and small pictures: what is asked for is what grows with the number of clips. It
lies in the page cache, as it was written just now. Charged is the process's CPU time, with the interpreter's start.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from avbench.config.methods import PRESETS
from avbench.config.store import StoreSettings
from avbench.core.files import write_csv, write_json
from avbench.data.store import Row, encode_frames, write_shard
from avbench.models.embedder import Embedder

CLIPS, CLASSES, SHARDS = 38_007, 309, 256  # of the paper's largest subset, in VGGSound's shards
PROMISED_S = 15
STORE = StoreSettings(frame_rate=4.0, width=32, height=32, sample_rate=8000)
SECONDS = 1.25
FEATURES = {"sample_rate": 8000, "n_fft": 256, "hop": 250, "n_mels": 32, "frame_rate": 4.0, "video_s": 1.0}
RUNS = 3


class _Done(BaseException):
    """The first step is made: nothing of what follows is asked for."""


def first_step(folder: str) -> dict[str, float]:
    """Pretrain up to the first step; return the CPU time of each part, in seconds."""
    parts: dict[str, float] = {"interpreter": time.process_time()}
    begin = time.process_time()
    from avbench.cli import main as cli
    from avbench.data.store import Store
    from avbench.pretraining import run
    from avbench.training import optimizer

    parts["imports"] = time.process_time() - begin

    def clocked(owner: Any, name: str, part: str) -> None:
        inner: Callable = getattr(owner, name)

        @functools.wraps(inner)
        def outer(*args: Any, **kwargs: Any) -> Any:
            begin = time.process_time()
            try:
                return inner(*args, **kwargs)
            finally:
                parts[part] = parts.get(part, 0) + time.process_time() - begin

        setattr(owner, name, outer)

    def last(inner: Callable) -> Callable:
        def outer(self: Any) -> None:
            inner(self)
            raise _Done

        return outer

    clocked(run, "read_csv", "lists")
    clocked(Store, "__init__", "opening the store")
    clocked(run.Clips, "__init__", "subset in the store")
    clocked(run.Batches, "__init__", "batches of an epoch")
    clocked(run.Batches, "read", "first batch")
    clocked(Embedder, "__init__", "model")
    clocked(Embedder, "forward", "first forward pass")
    optimizer.Adam.step = last(optimizer.Adam.step)
    where = Path(folder)
    job = {
        "method": asdict(PRESETS["soft-positive"]),
        "pretraining": {"model": "small", "batch_size": CLASSES, "epochs": 100},
        "features": FEATURES,
        "seeds": [0],
        "identity": {"dataset": "generated", "subset": "all", "labels": "true", "budget": "default"},
        "subset": str(where / "subset.csv"),
        "labels": [str(where / "subset.csv")],
        "statistics": str(where / "statistics.json"),
        "outputs": [str(where / "run")],
        "data": str(where / "data"),
    }
    try:
        cli.main(["pretrain", "--job", json.dumps(job), "--machine", json.dumps({"device": "cpu"})])
    except _Done:
        pass
    else:
        raise RuntimeError("there was no first step")
    whole = time.process_time()
    parts["everything else"] = whole - sum(parts.values())
    return parts | {"whole": whole}


def _generate(folder: Path) -> None:
    import pandas as pd  # here, since pretraining does without it

    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (round(SECONDS * STORE.frame_rate), 4, 4, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    images = encode_frames(frames, STORE)
    sound = rng.integers(-3000, 3000, round(SECONDS * STORE.sample_rate)).astype("<i2").tobytes()
    names = np.array([f"{index:011d}_000030" for index in range(CLIPS)])
    for shard, members in enumerate(np.array_split(names, SHARDS)):
        rows = [Row(str(name), images, sound, SECONDS) for name in members]
        write_shard(folder / f"data/generated/store/{shard:03d}.arrow", rows, STORE)
    labels = [f"sound of kind {index % CLASSES}" for index in range(CLIPS)]
    write_csv(folder / "subset.csv", pd.DataFrame({"clip_id": names, "label": labels}))
    bands = {"mean": [-40.0] * FEATURES["n_mels"], "std": [15.0] * FEATURES["n_mels"]}
    write_json(folder / "statistics.json", {"clips": CLIPS} | bands)


def rows() -> list[dict]:
    """Measure some starts; the fastest counts, which other jobs have disturbed least."""
    with tempfile.TemporaryDirectory() as name:
        _generate(Path(name))
        code = "import json, sys; from benchmarks.startup import first_step; print(json.dumps(first_step(sys.argv[1])))"
        found = []
        for _ in range(RUNS):
            begin = time.perf_counter()
            told = subprocess.run(
                [sys.executable, "-c", code, name],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            ).stdout
            found.append(json.loads(told.splitlines()[-1]) | {"by the clock": time.perf_counter() - begin})
    best = min(found, key=lambda parts: parts["whole"])
    print("start-up: " + ", ".join(f"{part} {seconds:.2f} s" for part, seconds in best.items()))
    return [
        {
            "name": f"start-up: `avbench pretrain` to the end of its first step, {CLIPS:,} clips",
            "ours": round(best["whole"], 1),
            "peer": PROMISED_S,
            "peer_name": "promise",
            "ratio": round(best["whole"] / PROMISED_S, 2),
            "unit": "s",
        }
    ]


def main() -> None:
    """Print the rows."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for row in rows():
        print(row)


if __name__ == "__main__":
    main()
