"""Thousands of mutated files: whatever they hold, decoding ends soon, with a clip or a reason, in bounded memory."""

import faulthandler
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from avbench.config.checks import CheckSettings
from avbench.config.store import StoreSettings
from avbench.data import ledger
from avbench.data.manifest import COLUMNS, read_manifest, write_manifest
from avbench.data.media.clip import MediaError
from avbench.data.media.decode import decode
from avbench.data.store import Store
from tests.support import media_files as files

FILES = 2400
HANGS_AFTER_S = 60  # decoding one takes 10 ms
MOST_MEMORY = 1_000_000_000  # bytes, of the whole process
REASONS = {"stored", "corrupt", "no-video", "no-audio", "short", "long", "large", "timestamps", "silent"}  # no timeout
SOURCES = {
    "h264.mp4": {"video_codec": "libx264", "options": {"bf": "2", "g": "5"}, "audio_codec": "aac"},
    "fragments.mp4": {"video_codec": "libx264", "container": {"movflags": "frag_keyframe+empty_moov"}},
    "hevc.mp4": {"video_codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "av1.mkv": {"video_codec": "libaom-av1", "options": {"cpu-used": "8"}, "audio_codec": "libopus"},
    "vp9.webm": {"video_codec": "libvpx-vp9", "options": {"cpu-used": "8"}, "audio_codec": "libvorbis"},
    "h264.ts": {"video_codec": "libx264"},
    "mpeg2.mpg": {"video_codec": "mpeg2video", "fps": 25, "audio_codec": "mp2"},
    "mpeg4.avi": {"video_codec": "mpeg4", "audio_codec": "libmp3lame"},
    "h264.avi": {"video_codec": "libx264", "options": {"bf": "2", "g": "5"}, "audio_codec": "pcm_s16le"},
    "wmv.wmv": {"video_codec": "wmv2", "audio_codec": "libmp3lame"},
    "h263.flv": {"video_codec": "flv", "fps": 25, "sample_rate": 44100},
    "mjpeg.mov": {"video_codec": "mjpeg", "pix_fmt": "yuvj420p", "audio_codec": "pcm_s16le"},
    "vorbis.ogg": {"video": False, "audio_codec": "libvorbis", "sample_rate": 44100},
    "opus.ogg": {"video": False, "audio_codec": "libopus", "sample_rate": 48000},
    "mp3.mp3": {"video": False, "audio_codec": "libmp3lame"},
    "flac.flac": {"video": False, "audio_codec": "flac"},
    "pcm.wav": {"video": False, "audio_codec": "pcm_s16le"},
    "alac.caf": {"video": False, "audio_codec": "alac"},
}


def write_sources(folder):
    """Write small clips of many kinds, and the beginnings of real ones where there are any."""
    for name, keywords in SOURCES.items():
        keywords = {"audio_codec": "aac"} | keywords
        frames = files.moving(round(0.8 * keywords.get("fps", 8))) if keywords.pop("video", True) else None
        sound = files.noise(0.8, keywords.get("sample_rate", 16000))
        files.write_media(folder / name, frames, audio=sound, **keywords)
    for path in sorted(files.REAL_CLIPS.glob("vggsound/*.mp4"))[:3]:
        beginning(path, folder / f"real-{path.name}")
    for path in files.REAL_CLIPS.glob("formats/h26*"):
        shutil.copy(path, folder)
    return folder


def beginning(path, target, seconds=0.5):
    """Copy the beginning of a file, packets as they are."""
    with av.open(str(path)) as source, av.open(str(target), "w") as output:
        streams = {s.index: output.add_stream_from_template(s) for s in source.streams if s.type in ("video", "audio")}
        for packet in source.demux(*(source.streams[index] for index in streams)):
            if packet.dts is not None and packet.dts * packet.time_base < seconds:
                packet.stream = streams[packet.stream_index]
                output.mux(packet)


# Mutations: bytes to bytes, by chance


def flip_bits(data, rng, others):
    places = rng.random(len(data)) < 10 ** rng.uniform(-6, -2)
    places[rng.integers(len(data))] = True
    return np.where(places, data ^ (1 << rng.integers(0, 8, len(data), np.uint8)), data)


def flip_header_bits(data, rng, others):
    head = rng.integers(16, 1024)
    return np.concatenate([flip_bits(data[:head], rng, others), data[head:]])


def truncate(data, rng, others):
    return data[: rng.integers(len(data))]


def lose_the_beginning(data, rng, others):
    return data[rng.integers(len(data)) :]


def zero_a_stretch(data, rng, others):
    begin, length = rng.integers(len(data)), rng.integers(1, 2000)
    return np.concatenate([data[:begin], np.zeros_like(data[begin : begin + length]), data[begin + length :]])


def swap_stretches(data, rng, others):
    a, b, c = np.sort(rng.integers(0, len(data), 3))
    return np.concatenate([data[:a], data[b:c], data[a:b], data[c:]])


def repeat_a_stretch(data, rng, others):
    a, b = np.sort(rng.integers(0, len(data), 2))
    return np.concatenate([data[:b], *[data[a:b]] * int(rng.integers(1, 5)), data[b:]])


def swap_headers(data, rng, others):
    head = rng.integers(4, 512)
    return np.concatenate([others[rng.integers(len(others))][:head], data[head:]])


def splice(data, rng, others):
    other = others[rng.integers(len(others))]
    return np.concatenate([data[: rng.integers(len(data))], other[rng.integers(len(other)) :]])


def inflate_a_number(data, rng, others):
    """Overwrite a field, a box's size for choice, with a number that is too large, or negative."""
    data = data.copy()
    text = data.tobytes()
    tags = [b"moov", b"trak", b"stsz", b"stts", b"stsc", b"stco", b"ctts", b"mdat", b"avcC", b"esds", b"tkhd", b"mvhd"]
    tags += [b"moof", b"trun", b"LIST", b"strh", b"strf", b"idx1", b"fmt ", b"data", b"OggS", b"fLaC", b"desc", b"stsd"]
    found = [text.index(tag) for tag in tags if tag in text]
    near = found[rng.integers(len(found))] + rng.integers(-4, 40) if found else rng.integers(len(data))
    number = rng.choice([0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x10000, 0, rng.integers(2**32)])
    width = rng.choice([1, 2, 4])
    value = int(number).to_bytes(4, rng.choice(["big", "little"]))[:width]
    near = int(np.clip(near, 0, len(data) - 4))
    data[near : near + width] = np.frombuffer(value, np.uint8)
    return data


MUTATIONS: list[Callable] = [
    flip_bits,
    flip_header_bits,
    truncate,
    lose_the_beginning,
    zero_a_stretch,
    swap_stretches,
    repeat_a_stretch,
    swap_headers,
    splice,
    inflate_a_number,
]


def mutated(number, originals):
    """Return the corpus' file of this number: of one kind by turns, mutated once or more often."""
    rng = np.random.default_rng(number)
    data = originals[number % len(originals)]
    for _ in range(rng.geometric(0.7)):
        changed = MUTATIONS[rng.integers(len(MUTATIONS))](data, rng, originals)
        data = changed if len(changed) else data
    return data.tobytes()


def outcome(path, number, streams):
    """Decode as the number says; return ``stored`` or the reason why not."""
    rng = np.random.default_rng([number, 1])
    wanted = streams if rng.random() < 0.7 else {rng.choice(["video", "audio"])}
    settings = StoreSettings(16.0, 32, 32, video="video" in wanted, audio="audio" in wanted)
    start_s, duration_s = rng.choice([0.0, 0.2, 2.5], p=[0.6, 0.3, 0.1]), rng.choice([0.5, 2.0, 1e9])
    try:
        clip = decode(path, settings, start_s, duration_s)
    except MediaError as error:
        return error.reason if error.detail and "\n" not in error.detail else f"no one-line detail of {error.reason}"
    assert 0 < clip.duration_s <= duration_s
    assert len(clip.frames) == (np.ceil(clip.duration_s * 16 - 1e-4) if settings.video else 0)
    assert len(clip.audio) == (round(clip.duration_s * 16000) if settings.audio else 0)
    return "stored"


def kinds(path):
    """Return the kinds of a file's streams."""
    with av.open(str(path)) as container:
        return {stream.type for stream in container.streams}


def peak_memory():
    """Return the most memory that this process has had, in bytes."""
    # Not ru_maxrss: a new process begins with that of the one that started it.
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])


def decode_corpus(folder, first, last):
    """Decode files ``first`` to ``last`` and print their outcomes; a file that ends the process stays in the folder."""
    sources = sorted((folder / "sources").iterdir())
    originals = [np.frombuffer(path.read_bytes(), np.uint8) for path in sources]
    streams = [kinds(path) for path in sources]
    for number in range(first, last):
        path = folder / f"file-{number}"
        path.write_bytes(mutated(number, originals))
        faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
        print(number, outcome(path, number, streams[number % len(sources)]), flush=True)
        path.unlink()
    faulthandler.cancel_dump_traceback_later()
    print("memory", peak_memory())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "sources").mkdir()
    write_sources(folder / "sources")
    return folder


def test_a_mutated_file_ends_as_a_clip_or_with_a_reason(corpus, root):
    # In a process of its own: a fault of a decoder would end this one, without saying which file it was.
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.data.media.test_corpus", str(corpus), "0", str(FILES)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    *outcomes, last = [line.split(" ") for line in done.stdout.splitlines()] or [[]]
    left = sorted(path.name for path in corpus.glob("file-*"))
    assert done.returncode == 0, f"{left} ended the process:\n{done.stderr[-3000:]}"
    assert [int(number) for number, _ in outcomes] == list(range(FILES))
    assert last[0] == "memory"
    assert int(last[1]) < MOST_MEMORY
    counts = Counter(found for _, found in outcomes)
    # Neither so gently that nothing breaks, nor so badly that nothing gets as far as the decoders.
    assert counts["stored"] > FILES / 10, counts
    assert counts["corrupt"] > FILES / 10, counts
    assert set(counts) <= REASONS, counts


def test_a_shard_of_mutated_files_accounts_for_every_one(corpus, root):
    originals = [np.frombuffer(path.read_bytes(), np.uint8) for path in sorted((corpus / "sources").iterdir())]
    media = corpus / "media"
    media.mkdir()
    rows = []
    for number in range(FILES):
        (media / str(number)).write_bytes(mutated(number, originals))
        rows.append((f"clip {number}", f"media/{number}", 0.0, 2.0, "x", "train"))
    write_manifest(corpus / "clips.csv", pd.DataFrame(rows, columns=list(COLUMNS)))
    command = [sys.executable, "-m", "avbench", "pack-shard", "--shard", "0", "--shards", "1", "--threads", "2"]
    command += ["--manifest", str(corpus / "clips.csv")]
    command += ["--settings", '{"store": {"frame_rate": 16, "width": 32, "height": 32}}']
    for name in ("store", "ledger", "work"):
        command += [f"--{name}", str(corpus / name)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=HANGS_AFTER_S * 10)
    assert done.returncode == 0, done.stderr[-3000:]
    table = ledger.merge([corpus / "ledger"], read_manifest(corpus / "clips.csv"))
    assert len(table) == FILES
    counts = Counter(table.reason)
    assert counts.pop("") == len(Store([corpus / "store"])) > FILES / 10
    assert set(counts) <= REASONS, counts
    assert all(len(detail.splitlines()) == 1 for detail in table.detail[table.reason != ""])
    checked, *_ = ledger.check(table, CheckSettings(0.1))
    assert len(checked) == FILES


if __name__ == "__main__":
    decode_corpus(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
