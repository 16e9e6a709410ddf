"""Loading a training sample (8 frames, log-mel of 1 s of audio) from the store, against what one would use instead:
decoding the window's MP4, by PyAV or torchcodec, and WebDataset's tar files of the same JPEG frames.

All end as tensors, in batches, and all are charged for the log-mel, which is the same. torchcodec (``pip install
torchcodec==0.11.*`` for PyTorch 2.11, and FFmpeg's shared libraries) and webdataset are measured where they work.
"""

import argparse
import importlib.util
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import simplejpeg
import torch

from avbench.config.features import FeatureSettings
from avbench.data.store import Store
from avbench.features.log_mel import LogMel
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


def from_torchcodec(path: Path, t: float) -> tuple[np.ndarray, np.ndarray]:
    """The same, as well as torchcodec can: it scales while it decodes, and trusts the container's index."""
    from torchcodec.decoders import AudioDecoder, VideoDecoder
    from torchcodec.transforms import Resize

    video = VideoDecoder(
        path,
        dimension_order="NHWC",
        num_ffmpeg_threads=1,
        seek_mode="approximate",
        transforms=[Resize((SETTINGS.height, SETTINGS.width))],
    )
    frames = video.get_frames_played_at(list(t + np.arange(FRAMES) / SETTINGS.frame_rate)).data
    audio = AudioDecoder(path, sample_rate=SETTINGS.sample_rate, num_channels=1)
    sound = audio.get_samples_played_in_range(t - 0.25, t - 0.25 + AUDIO_S).data[0]
    return frames.numpy(), (sound * 2**15).clamp(-(2**15), 2**15 - 1).to(torch.int16).numpy()


def write_tar(path: Path, store: Store) -> None:
    """Write the store's clips as WebDataset does: a file a frame, JPEG as it is, and one of 16-bit sound."""
    import webdataset

    with webdataset.TarWriter(str(path)) as tar:
        for row in range(len(store)):
            images = {f"{place:04d}.jpg": bytes(image) for place, image in enumerate(store.jpegs(row))}
            sound = io.BytesIO()
            np.save(sound, store.audio(row))
            tar.write({"__key__": f"{row:06d}", **images, "sound.npy": sound.getvalue()})


def read_tar(path: Path) -> Iterator[dict[str, bytes]]:
    """Yield the clips of a tar file again and again, in their order, which is WebDataset's way: it has no other."""
    import webdataset

    while True:
        yield from webdataset.WebDataset(str(path), shardshuffle=False)


def from_tar(clip: dict[str, bytes], t: float) -> tuple[np.ndarray, np.ndarray]:
    """The window of a clip that was read whole; only its frames are decoded, by the same decoder."""
    first, begin = round(t * SETTINGS.frame_rate), round((t - 0.25) * SETTINGS.sample_rate)
    frames = [simplejpeg.decode_jpeg(clip[f"{place:04d}.jpg"], "RGB") for place in range(first, first + FRAMES)]
    sound = np.load(io.BytesIO(clip["sound.npy"]))
    return np.stack(frames), sound[begin : begin + round(AUDIO_S * SETTINGS.sample_rate)]


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
    """Measure all sides, in about ``seconds``."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = media(folder, clips)
        store = Store([pack(paths, folder)])
        by_name = {path.stem: path for path in paths}
        files = [by_name[clip_id.rpartition("@")[0]] for clip_id in store.clip_ids]
        others = {"windowed PyAV decode, same log-mel": lambda row, t: from_media(files[row], t)}
        try:
            from_torchcodec(files[0], 1.0)
        except (ImportError, RuntimeError, OSError) as error:
            reason = next(iter(str(error).splitlines()), "")
            print(f"loading: not measured against torchcodec, which is not installed or does not work here ({reason})")
        else:
            others["windowed torchcodec decode, same log-mel"] = lambda row, t: from_torchcodec(files[row], t)
        if importlib.util.find_spec("webdataset"):
            write_tar(folder / "clips.tar", store)
            read = read_tar(folder / "clips.tar")
            others["WebDataset, a tar file of the same JPEG frames, same log-mel"] = lambda _, t: from_tar(
                next(read), t
            )
        else:
            print("loading: not measured against WebDataset, which is not installed (pip install webdataset)")
        share = seconds / (1 + len(others))
        ours = _batches(lambda row, t: from_store(store, row, t), len(store), share)
        peers = {name: _batches(sample, len(store), share) for name, sample in others.items()}
    mine = 1 / statistics.median(ours)
    return [
        {
            "name": "loading a sample, with the log-mel",
            "ours": round(mine, 1),
            "peer": round(1 / statistics.median(times), 1),
            "peer_name": peer_name,
            "ratio": round(mine * statistics.median(times), 1),
            "unit": "samples/s a core",
        }
        for peer_name, times in peers.items()
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
