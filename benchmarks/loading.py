"""Loading a training sample (8 frames, log-mel of 1 s of audio): from the store, against decoding the window's MP4.

Both end as tensors, in batches, and both are charged for the log-mel, which is the same.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch

from avbench.features import FeatureSettings, LogMel
from avbench.store import Store
from benchmarks.packing import SECONDS, SETTINGS, media, pack

FRAMES = 8
AUDIO_S = 1.0
BATCH = 16


def from_store(store: Store, row: int, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Video [t, t + 0.5), audio [t - 0.25, t + 0.75)."""
    samples = round(AUDIO_S * SETTINGS.sample_rate)
    frames = store.frames(row, round(t * SETTINGS.frame_rate), FRAMES)
    return frames, store.audio(row, round((t - 0.25) * SETTINGS.sample_rate), samples)


def from_media(path: Path, t: float) -> tuple[np.ndarray, np.ndarray]:
    """The same from the file, as well as PyAV can: seek to the key frame before, decode no more than the window."""
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        video.codec_context.thread_count = 1
        container.seek(round(t * av.time_base))
        wanted, frames, previous = t + np.arange(FRAMES) / SETTINGS.frame_rate, [], None
        for frame in container.decode(video):
            while len(frames) < FRAMES and previous is not None and wanted[len(frames)] < frame.time:
                frames.append(previous.to_ndarray(format="rgb24", width=SETTINGS.width, height=SETTINGS.height))
            if len(frames) == FRAMES:
                break
            previous = frame
        while len(frames) < FRAMES:
            frames.append(previous.to_ndarray(format="rgb24", width=SETTINGS.width, height=SETTINGS.height))
        begin = t - 0.25
        container.seek(int(max(begin - 0.1, 0) * av.time_base), stream=None)
        resampler, parts, first = av.AudioResampler("s16", "mono", SETTINGS.sample_rate), [], None
        for frame in container.decode(audio):
            if frame.time + frame.samples / frame.sample_rate <= begin - 0.05:
                continue
            first = frame.time if first is None else first
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            if frame.time >= begin + AUDIO_S:
                break
        sound = np.concatenate(parts)[max(round((begin - first) * SETTINGS.sample_rate), 0) :]
    return np.stack(frames), sound[: round(AUDIO_S * SETTINGS.sample_rate)]


def _batches(sample: Callable[[int, float], tuple], count: int, seconds: float) -> list[float]:
    """Return the CPU time a sample of each batch, of random clips and times."""
    rng = np.random.default_rng(0)
    log_mel = LogMel(FeatureSettings(sample_rate=SETTINGS.sample_rate, audio_s=AUDIO_S))
    times, end = [], time.monotonic() + seconds
    while not times or time.monotonic() < end:
        begin = time.process_time()
        drawn = [sample(int(rng.integers(count)), float(rng.uniform(0.25, SECONDS - 0.8))) for _ in range(BATCH)]
        _, sound = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
        log_mel(sound)
        times.append((time.process_time() - begin) / BATCH)
    return times


def rows(seconds: float, clips: Path | None = None) -> list[dict]:
    """Measure each side for about half of ``seconds``."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = media(folder, clips)
        store = Store([pack(paths, folder)])
        by_name = {path.stem: path for path in paths}
        files = [by_name[clip_id.rpartition("@")[0]] for clip_id in store.clip_ids]
        ours = _batches(lambda row, t: from_store(store, row, t), len(store), seconds / 2)
        theirs = _batches(lambda row, t: from_media(files[row], t), len(store), seconds / 2)
    mine, peer = 1 / statistics.median(ours), 1 / statistics.median(theirs)
    return [
        {
            "name": "loading a sample, with the log-mel",
            "ours": round(mine, 1),
            "peer": round(peer, 1),
            "peer_name": "windowed PyAV decode, same log-mel",
            "ratio": round(mine / peer, 1),
            "unit": "samples/s a core",
        }
    ]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder with MP4 files to use instead of synthetic ones")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure")
    arguments = parser.parse_args()
    for row in rows(arguments.seconds, arguments.clips):
        print(row)


if __name__ == "__main__":
    main()
