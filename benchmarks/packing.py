"""Packing: our decode, scale, resample, JPEG and store, against the ffmpeg command line doing the same.

Both run on one thread and are charged their CPU time, so that a busy machine favours neither.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
import pandas as pd

from avbench.config.store import StoreSettings
from avbench.data.manifest import COLUMNS, write_manifest
from avbench.data.packing.shard import PackJob, pack_shard

SETTINGS = StoreSettings(frame_rate=16.0, width=112, height=112)
SECONDS = 10.0


def media(folder: Path, clips: Path | None = None, count: int = 2) -> list[Path]:
    """Return the MP4 files under ``clips``, or write some: 10 s, 640 × 360, 30 frames/s, H.264, AAC 44.1 kHz stereo.

    They are about 1 MB each, as clips of VGGSound are.
    """
    if clips is not None:
        return sorted(clips.glob("*.mp4"))
    return [write_film(folder / f"{number}.mp4", seed=number) for number in range(count)]


def write_film(
    path: Path, seconds: float = SECONDS, width: int = 640, height: int = 360, seed: int = 0, **options: str
) -> Path:
    """Write a moving pattern with some noise and white noise for sound; ``options`` are those of x264."""
    rng = np.random.default_rng(seed)
    texture = rng.integers(0, 256, (height // 8, width // 8 + 16, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=30, options={"crf": "23", "threads": "2"} | options)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = output.add_stream("aac", rate=44100, layout="stereo")
        for index in range(round(30 * seconds)):
            picture = np.roll(texture, 3 * index, axis=1)[:, :width] // 2
            picture = picture + rng.integers(0, 16, (height, width, 1), np.uint8)
            output.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
        output.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(
            rng.normal(0, 0.1, (2, round(44100 * seconds))).astype("f4"), "fltp", "stereo"
        )
        sound.sample_rate = 44100
        output.mux(audio.encode(sound))
        output.mux(audio.encode(None))
    return path


def pack(paths: list[Path], folder: Path, starts: tuple[float, ...] = (0.0,), threads: int = 1) -> Path:
    """Pack a clip of each file from each start, named ``{stem}@{start}``, as one shard; return the store."""
    rows = [
        (f"{path.stem}@{start:g}", str(path.resolve()), start, SECONDS, "x", "train")
        for path in paths
        for start in starts
    ]
    write_manifest(folder / "clips.csv", pd.DataFrame(rows, columns=list(COLUMNS)))
    store, ledger = folder / "0.arrow", folder / "0.parquet"
    for made in (store, ledger):  # else there would be nothing to do
        made.unlink(missing_ok=True)
    where = store, ledger, folder / "work"
    pack_shard(PackJob(folder / "clips.csv", 0, 1, SETTINGS, *where, threads=threads, progress=False))
    return store


def ffmpeg_program() -> str | None:
    """Return the program of imageio-ffmpeg, else the one on the PATH, else None."""
    try:
        import imageio_ffmpeg
    except ImportError:
        return shutil.which("ffmpeg")
    return imageio_ffmpeg.get_ffmpeg_exe()


def _ffmpeg(program: str, paths: list[Path], folder: Path) -> None:
    picture = f"fps={SETTINGS.frame_rate},scale={SETTINGS.width}:{SETTINGS.height}:flags=bilinear,format=yuvj444p"
    for path in paths:
        command = [
            program,
            "-v",
            "error",
            "-y",
            "-threads",
            "1",
            "-filter_threads",
            "1",
            "-i",
            f"file:{path.resolve()}",
        ]
        command += [
            "-map",
            "0:v:0",
            "-vf",
            picture,
            "-threads",
            "1",
            "-c:v",
            "mjpeg",
            "-q:v",
            "3",
            str(folder / "f.mjpeg"),
        ]
        command += ["-map", "0:a:0", "-ac", "1", "-ar", str(SETTINGS.sample_rate), str(folder / "a.wav")]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _cpu_s() -> float:
    """Return the CPU time so far, of the processes that have ended, too: clips are decoded in one of their own."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + usage.ru_utime + usage.ru_stime


def rows(seconds: float, clips: Path | None = None) -> list[dict]:
    """Measure for about ``seconds``, ours and theirs in turn; without an ffmpeg program there is nothing to compare."""
    program = ffmpeg_program()
    if program is None:
        print(
            "packing: no ffmpeg program (pip install imageio-ffmpeg, or put ffmpeg on the PATH): skipped",
            file=sys.stderr,
        )
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = media(folder, clips)
        pack(paths, folder)
        ours, theirs = [], []
        end = time.monotonic() + seconds
        while not ours or time.monotonic() < end:
            begin = _cpu_s()
            pack(paths, folder)
            ours.append(_cpu_s() - begin)
            begin = _cpu_s()
            _ffmpeg(program, paths, folder)
            theirs.append(_cpu_s() - begin)
    mine, peer = len(paths) / statistics.median(ours), len(paths) / statistics.median(theirs)
    return [
        {
            "name": "packing 10 s clips",
            "ours": round(mine, 2),
            "peer": round(peer, 2),
            "peer_name": "ffmpeg command line",
            "ratio": round(mine / peer, 2),
            "unit": "clips/s a core",
        }
    ]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder with MP4 files to use instead of synthetic ones")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to measure")
    arguments = parser.parse_args()
    for row in rows(arguments.seconds, arguments.clips):
        print(row)


if __name__ == "__main__":
    main()
