"""Training end to end against the step alone on resident data, and loading alone against what that step takes.

On the GPU if there is one: the ``paper`` preset in float32 and bfloat16, and compiled; ``small`` on one CPU core else.
"""

import argparse
import contextlib
import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from avbench.config.features import FeatureSettings
from avbench.config.methods import PRESETS
from avbench.config.models import PRESETS as MODELS
from avbench.config.pretraining import PretrainSettings
from avbench.config.store import StoreSettings
from avbench.core.files import write_csv
from avbench.data.store import Row, Store, encode_frames, write_shard
from avbench.features.windows import Clips
from avbench.methods.losses.info_nce import info_nce
from avbench.models.embedder import Embedder
from avbench.pretraining.loop import compile_model
from avbench.pretraining.window_batches import Batch, Batches, on_device
from avbench.training.allocator import keep_freed_memory
from avbench.training.devices import pick
from avbench.training.optimizer import Adam
from avbench.training.telemetry import Timing
from benchmarks.peaks import share_of_peak

CLIPS = 600
CACHE_MB = 10_000  # enough for all of them
ROUNDS = 10
THREADS = max(1, min(8, (os.cpu_count() or 2) - 1))  # that load for a GPU; each holds two batches


def _store(folder: Path, features: FeatureSettings, size: int) -> Store:
    """Write clips, two windows long: drifting waves of colour with some grain, and noise for sound."""
    rng = np.random.default_rng(0)
    settings = StoreSettings(features.frame_rate, size, size, features.sample_rate)
    seconds = 2 * max(features.audio_s, features.video_s)
    time_s, y, x, colour = np.ogrid[0 : seconds : 1 / features.frame_rate, 0 : 1 : 1 / size, 0 : 1 : 1 / size, 0:3]
    waves = 128 + 90 * np.sin(6 * x + time_s + colour) * np.cos(4 * y + colour)
    frames = (waves + rng.normal(0, 4, waves.shape)).clip(0, 255).astype(np.uint8)
    images = encode_frames(frames, settings)
    sound = rng.integers(-3000, 3000, round(seconds * features.sample_rate)).astype("<i2").tobytes()
    write_shard(folder / "0.arrow", [Row(f"{i:04d}", images, sound, seconds) for i in range(CLIPS)], settings)
    return Store([folder / "0.arrow"])


def _measure(
    sides: Mapping[str, tuple[Callable[[], Batch], Callable[[Batch], None]]],
    seconds: float,
    rounds: int,
    warm_up: int,
    clock: Callable[[], float],
) -> dict[str, Timing]:
    """Time each side's steps in turn; return each one's fastest turn, which other jobs have disturbed least.

    Args:
        sides: what gives the next batch, and what is done with it.
        seconds: for each side, over all rounds.
        rounds: how often it is each side's turn.
        warm_up: steps that do not count, at the beginning of each turn.
        clock: of time, or of CPU time.
    """
    turns: dict[str, list[Timing]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (next_batch, step) in sides.items():
            for _ in range(warm_up):
                step(next_batch())
            turns[name].append(timing := Timing())
            while timing.seconds < seconds / rounds:
                begin = clock()
                batch = next_batch()
                ready = clock()
                step(batch)
                timing.add(clock() - begin, ready - begin, batch.clips)
    return {name: max(measured, key=_rate) for name, measured in turns.items()}


def _rate(timing: Timing) -> float:
    return timing.clips / timing.seconds


def _rows(
    settings: PretrainSettings, compiled: bool, features: FeatureSettings, device: torch.device, seconds: float
) -> list[dict]:
    gpu = device.type == "cuda"
    # On a CPU all is done in line, and charged its CPU time, so that a busy machine favours neither side.
    clock, threads = (time.perf_counter, THREADS) if gpu else (time.process_time, 0)
    if gpu:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = settings.tf32
    embedder = Embedder(settings, features, {"mean": [0.0] * features.n_mels, "std": [1.0] * features.n_mels}, 0)
    embedder.to(device).train()
    optimizer = Adam(embedder.model.parameters(), settings.learning_rate, settings.weight_decay)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")

    def step(batch: Batch) -> None:
        with autocast:
            audio, video = embedder(*batch.inputs)
        loss, _ = info_nce(audio.float(), video.float(), settings.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        float(loss.detach())  # as training does; waits for the GPU

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        store = _store(Path(folder), features, MODELS[settings.model].video.input_shape[-1])

        def schedule(cache_mb: float) -> Batches:
            clips = Clips(store, store.clip_ids, features, cache_mb)
            for clip in np.arange(CLIPS if cache_mb else 0).reshape(-1, 1):  # from here on they are all in memory
                clips.frames(clip, np.zeros(1))
                clips.audio(clip, np.zeros(1))
            return Batches(clips, np.arange(CLIPS) % 10, PRESETS["soft-positive"], settings, 0)

        def upcoming(cache_mb: float) -> Iterator[Batch]:
            loaded = on_device(schedule(cache_mb).since(0, threads), device)
            return stack.enter_context(contextlib.closing(loaded))

        loaders = {"decoding": upcoming(0), "decoded clips in memory": upcoming(CACHE_MB)}
        resident = next(loaders["decoding"])
        if compiled:
            failures: list[str] = []
            compile_model(embedder, schedule(0), autocast, device, failures.append)
            if failures:
                print(f"training, compiled: not measured; {failures[0]}")
                return []
        sides = {"alone": (lambda: resident, step)}
        for how, batches in loaders.items():
            sides[f"training, {how}"] = (partial(next, batches), step)
            sides[f"loading alone, {how}"] = (partial(next, batches), lambda _: None)
        # A GPU's turn is one, and begins when what was loaded during the others' is used up.
        timings = _measure(sides, seconds / len(sides), 1 if gpu else ROUNDS, 2 * threads + 3, clock)

    what = f"{settings.model} preset, batch {settings.batch_size}, {settings.precision}"
    what += f"{', compiled' if compiled else ''}, {device.type}"
    alone = _rate(timings["alone"])
    rows = []
    for how in loaders:
        fed, loading = timings[f"training, {how}"], timings[f"loading alone, {how}"]
        rows += [
            (f"training, {how}, {what}", _rate(fed), alone, "the step alone on resident data", "clips/s"),
            (f"loading alone, {how}, {what}", _rate(loading), alone, "what the step alone takes", "clips/s"),
            (f"waiting for data, {how}, {what}", 100 * fed.waited / fed.seconds, 100, "all the time", "%"),
        ]
    if gpu:
        peak, there = torch.cuda.max_memory_allocated(device), torch.cuda.get_device_properties(device).total_memory
        card = torch.cuda.get_device_name(device)
        rows.append((f"memory, {what}", peak / 1e9, there / 1e9, card, "GB"))
        for how, rate in {
            "the step alone": alone,
            "training": _rate(timings["training, decoded clips in memory"]),
        }.items():
            if (share := share_of_peak(card, settings.model, rate)) is not None:
                rows.append((f"share of the peak, {how}, {what}", 100 * share, 100, f"bfloat16 peak of {card}", "%"))
    return [
        {
            "name": name,
            "ours": round(ours, 1),
            "peer": round(peer, 1),
            "peer_name": peer_name,
            "ratio": round(ours / peer, 2),
            "unit": unit,
        }
        for name, ours, peer, peer_name, unit in rows
    ]


def measured(seconds: float, name: str = "auto") -> Iterator[list[dict]]:
    """Measure each setting for about ``seconds``; one that the GPU has no memory for is left out, with a line.

    Args:
        seconds: for each setting.
        name: of the device, see `pick`.
    """
    device = pick(name)
    if device.type == "cuda":
        features = FeatureSettings()
        kinds = [(309, "float32", False), (309, "bfloat16", False), (309, "bfloat16", True), (64, "bfloat16", False)]
        each = [(PretrainSettings(batch_size=s, epochs=10_000, precision=p), compiled) for s, p, compiled in kinds]
    else:
        features = FeatureSettings(8000, n_fft=256, hop=250, n_mels=32, frame_rate=4.0, video_s=1.0)
        each = [(PretrainSettings("small", batch_size=size, epochs=100_000), False) for size in (20, 100)]
    torch.set_num_threads(1)
    keep_freed_memory()  # as training does
    for settings, compiled in each:
        try:
            yield _rows(settings, compiled, features, device, seconds)
        except torch.OutOfMemoryError:
            print(f"training, batch {settings.batch_size}: not measured, the GPU has not enough memory")
        if device.type == "cuda":
            gc.collect()  # a compiled model holds itself
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)


def rows(seconds: float) -> list[dict]:
    """Return all rows of `measured`."""
    return [row for found in measured(seconds) for row in found]


def main() -> None:
    """Print the rows, and write them to a file after each setting, so that one that takes too long loses no other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure each setting")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--output", type=Path, help="a CSV file")
    args = parser.parse_args()
    done: list[dict] = []
    for found in measured(args.seconds, args.device):
        done += found
        for row in found:
            print(row, flush=True)
        if args.output:
            write_csv(args.output, pd.DataFrame(done))


if __name__ == "__main__":
    main()
