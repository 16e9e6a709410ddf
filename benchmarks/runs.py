"""Whole runs of pretraining on generated clips: bfloat16 against float32, and one that is stopped and goes on.

    python -m benchmarks.runs {losses,resume} [--device auto] [--steps 300] [--output FILE]

``losses`` trains in float32, in bfloat16, and in float32 from another seed, and writes the mean loss of every ten
steps. ``resume`` trains twice undisturbed and once stopped by SIGTERM halfway and started again, and compares weights:
on a CPU they must be the same numbers; on a GPU, where sums are not made in a fixed order, they must lie as close to
those of an undisturbed run as two undisturbed runs do, within `SLACK`. The ``paper`` preset in batches of 64 on a GPU,
``small`` in batches of 24 else.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from avbench.config.features import FeatureSettings
from avbench.config.methods import PRESETS
from avbench.config.models import settings_of
from avbench.config.store import StoreSettings
from avbench.core.files import write_csv, write_json
from avbench.data.store import Row, encode_frames, open_store, write_shard
from avbench.features.statistics import subset_statistics
from avbench.training import checkpoint
from avbench.training.devices import pick

STEPS_AN_EPOCH = 10
SLACK = 3.0
TRIES = 4  # to stop a run between its first step and its last
_EX_TEMPFAIL = 75


class Setting:
    """What is trained on a device, in a folder that `generate` fills."""

    def __init__(self, folder: Path, device: str, steps: int) -> None:
        gpu = device.startswith("cuda")
        self.folder, self.device, self.epochs = folder, device, max(1, round(steps / STEPS_AN_EPOCH))
        self.model, self.batch_size = ("paper", 64) if gpu else ("small", 24)
        self.machine = {"device": device, "loader_threads": 8 if gpu else 0}
        small = FeatureSettings(8000, n_fft=256, hop=250, n_mels=32, frame_rate=4.0, video_s=1.0)
        self.features = FeatureSettings() if gpu else small

    def generate(self) -> None:
        """Write clips that can be learnt: a wave of its own colour and direction, and a tone that goes with it."""
        rng, features = np.random.default_rng(0), self.features
        size = settings_of(self.model).video.input_shape[-1]
        store = StoreSettings(features.frame_rate, size, size, features.sample_rate)
        seconds = 2 * max(features.audio_s, features.video_s)
        time_s, y, x, colour = np.ogrid[0 : seconds : 1 / features.frame_rate, 0 : 1 : 1 / size, 0 : 1 : 1 / size, 0:3]
        sample_s = np.arange(round(seconds * features.sample_rate)) / features.sample_rate
        rows = []
        for clip in range(STEPS_AN_EPOCH * self.batch_size):
            kind, tint = rng.uniform(0, 2 * np.pi, 2)
            waves = 128 + 90 * np.sin(12 * (x * np.cos(kind) + y * np.sin(kind)) + time_s) * np.cos(tint + 2 * colour)
            frames = (waves + rng.normal(0, 8, waves.shape)).clip(0, 255).astype(np.uint8)
            tone = 4000 * np.sin(2 * np.pi * 200 * 2 ** (3.5 * kind / (2 * np.pi)) * sample_s + tint)
            sound = (tone + rng.normal(0, 500, sample_s.size)).astype("<i2").tobytes()
            rows.append(Row(f"{clip:04d}", encode_frames(frames, store), sound, seconds))
        write_shard(self.folder / "data/generated/store/0.arrow", rows, store)
        ids = [row.clip_id for row in rows]
        write_csv(self.folder / "subset.csv", pd.DataFrame({"clip_id": ids, "label": "any"}))
        packed = open_store(self.folder / "data", "generated")
        write_json(self.folder / "statistics.json", subset_statistics(packed, ids[:64], features))

    def command(self, name: str, precision: str = "float32", seed: int = 0) -> list[str]:
        """Return the command of one run, which writes to the folder of that name."""
        training = {"model": self.model, "batch_size": self.batch_size, "epochs": self.epochs, "precision": precision}
        job = {
            "method": asdict(PRESETS["random"]),
            "pretraining": training | {"learning_rate": 1e-3},
            "features": asdict(self.features),
            "seeds": [seed],
            "identity": {"dataset": "generated", "subset": "all", "labels": "true", "budget": "default"},
            "subset": str(self.folder / "subset.csv"),
            "statistics": str(self.folder / "statistics.json"),
            "outputs": [str(self.folder / name)],
            "data": str(self.folder / "data"),
        }
        machine = json.dumps(self.machine)
        return [sys.executable, "-m", "avbench", "pretrain", "--job", json.dumps(job), "--machine", machine]

    def train(self, name: str, **how: Any) -> float:
        """Run to the end; return how long it took, in seconds."""
        begin = time.monotonic()
        subprocess.run(self.command(name, **how), check=True)
        return time.monotonic() - begin


def losses(setting: Setting) -> pd.DataFrame:
    """Return the mean loss of every ten steps: columns steps, float32, bfloat16, other_seed, difference."""
    runs = {"float32": {}, "bfloat16": {"precision": "bfloat16"}, "other_seed": {"seed": 1}}
    curves = {}
    for name, how in runs.items():
        setting.train(name, **how)
        lines = (setting.folder / name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        curves[name] = [json.loads(line)["loss"] for line in lines]
    steps = STEPS_AN_EPOCH * np.arange(1, setting.epochs + 1)
    table = pd.DataFrame({"steps": steps} | curves)
    return table.assign(difference=table["bfloat16"] - table["float32"])


def resume(setting: Setting) -> pd.DataFrame:
    """Return one row: how far the runs' weights lie apart, and whether that keeps what is promised.

    Columns: device, steps, stopped_at, apart and undisturbed_apart (lengths of the difference of all weights, over that
    of the weights), identical, holds.
    """
    whole = setting.train("first")
    setting.train("second")
    trained = json.loads((setting.folder / "first/run.json").read_text(encoding="utf-8"))["speed"]["seconds"]
    for attempt in range(TRIES):  # other jobs may slow a start down, or a run
        name = f"stopped-{attempt}"
        process = subprocess.Popen(setting.command(name))
        time.sleep(whole - trained * (0.5 + attempt / 8 * (-1) ** attempt))
        process.terminate()
        if process.wait() == _EX_TEMPFAIL:
            break
    else:
        raise RuntimeError("no run could be stopped between its first step and its last: raise --steps")
    told = subprocess.run(setting.command(name), check=True, stdout=subprocess.PIPE, text=True).stdout
    first, second, stopped = (_weights(setting.folder / run / "checkpoint.pt") for run in ("first", "second", name))
    apart, undisturbed = (float((first - other).norm() / first.norm()) for other in (stopped, second))
    gpu = setting.device.startswith("cuda")
    row = {
        "device": torch.cuda.get_device_name() if gpu else "CPU",
        "steps": setting.epochs * STEPS_AN_EPOCH,
        "stopped_at": int(re.search(r"going on at step (\d+)", told)[1]),
        "apart": apart,
        "undisturbed_apart": undisturbed,
        "identical": torch.equal(first, stopped),
    }
    return pd.DataFrame([row | {"holds": apart <= SLACK * undisturbed if gpu else row["identical"]}])


def _weights(path: Path) -> torch.Tensor:
    """Return all numbers of a checkpoint's model in one row."""
    values = checkpoint.load(path)["model"].values()
    return torch.cat([value.double().flatten() for value in values if value.is_floating_point()])


def main() -> None:
    """Run, print and write; end with status 1 where `resume` does not hold."""
    parser = argparse.ArgumentParser(prog="benchmarks.runs", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["losses", "resume"])
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--steps", type=int, default=300, help="of each run; rounded to tens")
    parser.add_argument("--output", type=Path, help="a CSV file; results/benchmarks/WHAT.csv unless given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Path(folder), pick(args.device).type, args.steps)
        setting.generate()
        table = {"losses": losses, "resume": resume}[args.what](setting)
    write_csv(args.output or Path(f"results/benchmarks/{args.what}.csv"), table)
    print(table.to_string(index=False))
    if args.what == "resume" and not table["holds"].all():
        sys.exit(1)


if __name__ == "__main__":
    main()
