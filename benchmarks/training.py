"""A training step on resident data, on the GPU if there is one: the ``paper`` preset there, ``small`` on a CPU.

The peer is the same step without the loader: what the run loses by reading and cutting clips.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from avbench.features import FeatureSettings
from avbench.loss import info_nce
from avbench.methods import PRESETS
from avbench.models import PRESETS as MODELS
from avbench.optimizer import Adam
from avbench.pretrain import Batches, PretrainSettings, Task, pick_device
from avbench.store import Row, Store, StoreSettings, encode_frames, write_shard
from avbench.windows import Clips

CLIPS = 600


def _store(folder: Path, features: FeatureSettings, size: int) -> Store:
    """Write clips of noise, two windows long."""
    rng = np.random.default_rng(0)
    settings = StoreSettings(features.frame_rate, size, size, features.sample_rate)
    seconds = 2 * max(features.audio_s, features.video_s)
    frames = rng.integers(0, 256, (round(seconds * features.frame_rate), size, size, 3)).astype(np.uint8)
    images = encode_frames(frames, settings)
    sound = rng.integers(-3000, 3000, round(seconds * features.sample_rate)).astype("<i2").tobytes()
    write_shard(folder / "0.arrow", [Row(f"{i:04d}", images, sound, seconds) for i in range(CLIPS)], settings)
    return Store([folder / "0.arrow"])


def _rate(step: Callable[[], None], clips: int, seconds: float, device: torch.device) -> float:
    """Return clips a second over ``seconds``, after three steps of warming up."""
    for _ in range(3):
        step()
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        step()
        done += clips
    if device.type == "cuda":
        torch.cuda.synchronize()
    return done / (time.perf_counter() - begin)


def rows(seconds: float) -> list[dict]:
    """Measure for about ``seconds``."""
    device = pick_device("auto")
    if device.type == "cuda":
        features = FeatureSettings()
        settings = PretrainSettings(model="paper", epochs=10_000, precision="bfloat16")
    else:
        features = FeatureSettings(8000, n_fft=256, hop=250, n_mels=32, frame_rate=4.0, video_s=1.0)
        settings = PretrainSettings(model="small", epochs=10_000, batch_size=20)
    batch, mels = settings.batch_size, features.n_mels
    torch.set_num_threads(settings.cpu_threads)
    task = Task(settings, features, {"mean": [0.0] * mels, "std": [1.0] * mels}, 0).to(device).train()
    optimizer = Adam(task.model.parameters(), settings.learning_rate, settings.weight_decay)
    with tempfile.TemporaryDirectory() as folder:
        size = MODELS[settings.model].video.input_shape[-1]
        clips = Clips(_store(Path(folder), features, size), [f"{i:04d}" for i in range(CLIPS)], features)
        upcoming = Batches(clips, np.arange(CLIPS) % 10, PRESETS["soft-positive"], settings, 0).since(
            0, 4 if device.type == "cuda" else 0
        )

        def step(drawn: list[torch.Tensor] | None = None) -> None:
            batch = next(upcoming) if drawn is None else None
            inputs = drawn or [batch.audio, batch.frames, batch.flips]
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
                audio, video = task(*(tensor.to(device, non_blocking=True) for tensor in inputs))
            loss, _ = info_nce(audio.float(), video.float(), settings.temperature)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        first = next(upcoming)
        resident = [tensor.to(device) for tensor in (first.audio, first.frames, first.flips)]
        fed = _rate(step, batch, seconds / 2, device)
        alone = _rate(lambda: step(resident), batch, seconds / 2, device)
    return [
        {
            "name": f"training, {settings.model} preset, batch {batch}, {settings.precision}, {device.type}",
            "ours": round(fed, 1),
            "peer": round(alone, 1),
            "peer_name": "the step alone on resident data",
            "ratio": round(fed / alone, 2),
            "unit": "clips/s",
        }
    ]
