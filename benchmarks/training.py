"""Training end to end against the step alone on resident data, and loading alone against what that step takes.

On the GPU if there is one: the ``paper`` preset in bfloat16; ``small`` on one CPU core else.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from avbench.features import FeatureSettings
from avbench.loss import info_nce
from avbench.methods import PRESETS
from avbench.models import PRESETS as MODELS
from avbench.optimizer import Adam
from avbench.pretrain import Batch, Batches, PretrainSettings, Task, on_device, pick_device
from avbench.progress import Timing
from avbench.store import Row, Store, StoreSettings, encode_frames, write_shard
from avbench.windows import Clips

CLIPS = 600
CACHE_MB = 200  # as in config/demo.yaml


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
    next_batch: Callable[[], Batch], step: Callable[[Batch], None], seconds: float, clock: Callable[[], float]
) -> Timing:
    """Time steps over so many seconds, after three of warming up."""
    for _ in range(3):
        step(next_batch())
    timing = Timing()
    while timing.seconds < seconds:
        begin = clock()
        batch = next_batch()
        ready = clock()
        step(batch)
        timing.add(clock() - begin, ready - begin, batch.clips)
    return timing


def _rate(timing: Timing) -> float:
    return timing.clips / timing.seconds


def _rows(settings: PretrainSettings, features: FeatureSettings, device: torch.device, seconds: float) -> list[dict]:
    gpu = device.type == "cuda"
    # On a CPU all is done in line, and charged its CPU time, so that a busy machine favours neither side.
    clock = time.perf_counter if gpu else time.process_time
    task = Task(settings, features, {"mean": [0.0] * features.n_mels, "std": [1.0] * features.n_mels}, 0)
    task.to(device).train()
    optimizer = Adam(task.model.parameters(), settings.learning_rate, settings.weight_decay)

    def step(batch: Batch) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            audio, video = task(*batch.inputs)
        loss, _ = info_nce(audio.float(), video.float(), settings.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        float(loss.detach())  # as training does; waits for the GPU

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        store = _store(Path(folder), features, MODELS[settings.model].video.input_shape[-1])

        def upcoming(cache_mb: float) -> Iterator[Batch]:
            clips = Clips(store, store.clip_ids, features, cache_mb)
            schedule = Batches(clips, np.arange(CLIPS) % 10, PRESETS["soft-positive"], settings, 0)
            loaded = on_device(schedule.since(0, 4 if gpu else 0), device)
            return stack.enter_context(contextlib.closing(loaded))

        decoding, cached = upcoming(0), upcoming(CACHE_MB)
        for _ in range(2 * CLIPS // settings.batch_size):  # by then every clip is in memory
            next(cached)
        resident = next(decoding)
        alone = _measure(lambda: resident, step, seconds / 4, clock)
        fed = _measure(lambda: next(decoding), step, seconds / 4, clock)
        loading = [
            _measure(lambda batches=batches: next(batches), lambda _: None, seconds / 4, clock)
            for batches in (decoding, cached)
        ]

    what = f"{settings.model} preset, batch {settings.batch_size}, {settings.precision}, {device.type}"
    rows = [
        (f"training, {what}", _rate(fed), _rate(alone), "the step alone on resident data", "clips/s"),
        *(
            (f"loading alone, {how}, {what}", _rate(timing), _rate(alone), "what the step alone takes", "clips/s")
            for how, timing in zip(("decoding", "decoded clips in memory"), loading, strict=True)
        ),
        (f"waiting for data, {what}", 100 * fed.waited / fed.seconds, 100, "all the time", "%"),
    ]
    if gpu:
        peak, there = torch.cuda.max_memory_allocated(device), torch.cuda.get_device_properties(device).total_memory
        rows.append((f"memory, {what}", peak / 1e9, there / 1e9, torch.cuda.get_device_name(device), "GB"))
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


def rows(seconds: float) -> list[dict]:
    """Measure each batch size for about ``seconds``; one that the GPU has no memory for is left out, with a line."""
    device = pick_device("auto")
    if device.type == "cuda":
        features = FeatureSettings()
        each = [PretrainSettings(batch_size=size, epochs=10_000, precision="bfloat16") for size in (64, 309)]
    else:
        features = FeatureSettings(8000, n_fft=256, hop=250, n_mels=32, frame_rate=4.0, video_s=1.0)
        each = [PretrainSettings("small", batch_size=size, epochs=100_000) for size in (20, 100)]
    torch.set_num_threads(1)
    found = []
    for settings in each:
        try:
            found += _rows(settings, features, device, seconds)
        except torch.OutOfMemoryError:
            print(f"training, batch {settings.batch_size}: not measured, the GPU has not enough memory")
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
    return found


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure each batch size")
    for row in rows(parser.parse_args().seconds):
        print(row)


if __name__ == "__main__":
    main()
