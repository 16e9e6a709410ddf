"""What the size of the full dataset costs: memory of packing and of reading, time of writing the manifest.

Each is measured in a process of its own, against what is promised: a ratio below 1 keeps the promise.
"""

import argparse
import csv
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from avbench.config.store import StoreSettings
from avbench.data.store import Row, Store, encode_frames, write_shard
from benchmarks.packing import ffmpeg_program, media, pack, write_film

WORKERS = 2
PACKING_MB, READING_MB, MANIFEST_S = 1000, 500, 10  # what is promised
STORED = 200_000
SHARDS = 256
LISTED = 199_000  # rows of VGGSound's list
HOUR_S = 3600
STARTS = ("3.3", "900.7", "1800.1", "3580.4")  # of the clips that are cut from an hour


# What the processes do


def packing_mb(folder: str, starts: str, *files: str) -> float:
    """Pack ten seconds from each start of each file; return the peak memory in MB, of the decoding processes, too."""
    chosen = tuple(map(float, starts.split(",")))
    with Peak() as peak:
        stored = len(Store([pack([Path(file) for file in files], Path(folder), chosen, WORKERS)]))
    if stored != len(files) * len(chosen):
        raise RuntimeError(f"of {len(files) * len(chosen)} clips only {stored} were stored")
    return peak.megabytes


class Peak:
    """The most memory of this process and its children together, while it lasts; what they share counts once."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            own = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
            self.megabytes = max(self.megabytes, sum(map(_proportional_mb, own)))
            if self._done.wait(0.01):
                return


def _proportional_mb(process: int | None) -> float:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:  # it has ended
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def reading_mb(folder: str) -> float:
    """Read random clips of a store in a process that could train; return its memory beside the mapped files in MB."""
    import avbench.pretraining.run  # noqa: F401

    store = Store(sorted(Path(folder).glob("*.arrow")))
    for row in np.random.default_rng(0).integers(0, len(store), 20_000):
        store.frames(row)
        store.audio(row)
    # ru_maxrss would count the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) * 1024 / 1e6


def manifest_s(folder: str) -> float:
    """Write the manifest of a list as long as VGGSound's; return the CPU time in seconds."""
    from avbench.datasets import build_manifest

    begin = time.process_time()
    build_manifest("vggsound", {}, {"listing": Path(folder) / "list.csv"}, Path(folder) / "clips.csv")
    return time.process_time() - begin


def _alone(measure: Callable[..., float], *arguments: str | Path) -> float:
    """Measure in a fresh process."""
    name = measure.__name__
    code = f"import sys; from benchmarks.memory import {name}; print(); print({name}(*sys.argv[1:]))"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\n")[-2])


# What they are given


def _repeated(program: str, source: Path, seconds: float, target: Path, *options: str) -> Path:
    """Repeat a film without encoding it again, so that an hour of 4K takes seconds to write."""
    command = [program, "-v", "error", "-y", "-stream_loop", "-1", "-i", f"file:{source}", "-t", str(seconds)]
    subprocess.run([*command, "-c", "copy", *options, str(target)], check=True, stdin=subprocess.DEVNULL)
    return target


def _write_store(folder: Path) -> None:
    """Write many clips of next to nothing: what grows with the number of clips is what is asked for."""
    settings = StoreSettings(1.0, 16, 16)
    (image,) = encode_frames(np.zeros((1, 16, 16, 3), np.uint8), settings)
    names = np.array_split([f"{index:011d}_000030" for index in range(STORED)], SHARDS)
    for shard, members in enumerate(names):
        rows = [Row(str(name), [image] * 2, b"\0" * 64, 2.0) for name in members]
        write_shard(folder / f"{shard:03d}.arrow", rows, settings)


def _write_list(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        for index in range(LISTED):
            label = f"sound of kind {index % 309}, as a name"
            writer.writerow([f"{index * 7919:011x}", 30, label, "test" if index % 12 == 0 else "train"])


def rows(clips: Path | None = None) -> list[dict]:
    """Measure once; without an ffmpeg program no long files are made."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def packing(what: str, files: Sequence[Path], starts: Sequence[str] = ("0",)) -> None:
            megabytes = _alone(packing_mb, folder, ",".join(starts), *files)
            found.append(_row(f"memory of packing with {WORKERS} workers: {what}", megabytes, PACKING_MB, "MB"))

        packing("10 s clips", media(folder, clips))
        program = ffmpeg_program()
        if program is None:
            print("memory: no ffmpeg program, so no long files: skipped", file=sys.stderr)
        else:
            film = {"seconds": 2, "width": 3840, "height": 2160, "preset": "veryfast"}
            short = _repeated(program, write_film(folder / "a.mp4", crf="18", **film), 10, folder / "4k.mp4")
            copies = [Path(shutil.copy(short, folder / f"4k-{number}.mp4")) for number in range(2 * WORKERS)]
            packing(f"4K at {short.stat().st_size * 8e-7:.0f} Mbit/s", copies)
            small = write_film(folder / "b.mp4", crf="45", **film)
            for what, suffix in (("MP4", "mp4"), ("MPEG-TS, no index", "ts")):
                hour = _repeated(program, small, HOUR_S, folder / f"hour.{suffix}")
                packing(f"from an hour of 4K, {what}", [hour], STARTS)
                hour.unlink()
        (folder / "store").mkdir()
        _write_store(folder / "store")
        megabytes = _alone(reading_mb, folder / "store")
        found.append(_row(f"memory of reading a store of {STORED:,} clips", megabytes, READING_MB, "MB"))
        _write_list(folder / "list.csv")
        found.append(_row(f"manifest of {LISTED:,} rows", _alone(manifest_s, folder), MANIFEST_S, "s"))
    return found


def _row(name: str, ours: float, promised: float, unit: str) -> dict:
    ratio = round(ours / promised, 2)
    return {
        "name": name,
        "ours": round(ours, 1),
        "peer": promised,
        "peer_name": "promise",
        "ratio": ratio,
        "unit": unit,
    }


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder with MP4 files to use instead of synthetic ones")
    for row in rows(parser.parse_args().clips):
        print(row)


if __name__ == "__main__":
    main()
