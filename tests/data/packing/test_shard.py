"""Packing a shard: every clip is accounted for, whatever ends the job."""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from avbench.config.store import StoreSettings
from avbench.core.errors import UserError
from avbench.core.hashing import shard_of
from avbench.data.packing import shard as pack
from tests.support import media_files as files
from tests.support.packing import STORE, checked, contents, decodings, run, write_rows
from tests.support.paths import ROOT


def test_every_clip_ends_in_the_ledger_with_its_reason(tmp_path):
    good = files.ordinary(tmp_path / "good.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(good[: len(good) // 2])
    (tmp_path / "empty.mp4").write_bytes(b"")
    files.write_media(tmp_path / "film.mp4", files.moving(16))
    files.write_media(tmp_path / "radio.mp4", audio=files.noise(2))
    files.write_media(tmp_path / "still.mp4", files.moving(1).repeat(16, 0), audio=files.noise(2))
    files.write_media(tmp_path / "silent.mp4", files.moving(16), audio=0 * files.noise(2))
    files.ordinary(tmp_path / "short.mp4", 0.5)
    sources = {
        "good": ("good.mp4", "stored", ""),
        "absolute": (str(tmp_path / "good.mp4"), "stored", ""),
        "cut": ("cut.mp4", "rejected", "corrupt"),
        "empty": ("empty.mp4", "rejected", "corrupt"),
        "film": ("film.mp4", "rejected", "no-audio"),
        "radio": ("radio.mp4", "rejected", "no-video"),
        "still": ("still.mp4", "rejected", "still"),
        "silent": ("silent.mp4", "rejected", "silent"),
        "short": ("short.mp4", "rejected", "short"),
        "none": ("none.mp4", "unavailable", "missing"),
        "folder": (".", "unavailable", "unreadable"),
        "url": ("https://example.org/good.mp4", "unavailable", "unavailable"),
    }
    write_rows(tmp_path, [(i, s[0], 0.0, 2.0, "x", "train") for i, s in sources.items()])
    store, states = run(tmp_path)
    assert checked(tmp_path) == {i: s[1:] for i, s in sources.items()}
    # What decodes is stored; thresholds decide later.
    decodable = {"absolute", "good", "short", "silent", "still"}
    assert set(store.clip_ids) == {i for i, state in states.items() if state[0] == "stored"} == decodable
    assert store.settings == STORE
    (good,) = store.rows(["good"])
    assert store.frame_count(good) == 16
    assert len(store.audio(good)) == 16000
    assert list((tmp_path / "work").iterdir()) == []


HOSTILE = [
    "-rf",
    "--help",
    "..",
    "../../etc/passwd",
    "/tmp/x",
    "$(touch pwned)",
    "`id`",
    "a\nb",
    "a,b",
    'a"b',
    " ",
    "é",
]


def test_hostile_ids_neither_run_nor_escape(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    files.ordinary(folder / "a.mp4")
    ids = [name for name in HOSTILE if name.strip()] + ["x" * 5000]
    write_rows(folder, [(i, "a.mp4", 0.0, 2.0, i, "train") for i in ids])
    store, states = run(folder)
    assert store.clip_ids == sorted(ids)
    assert set(states.values()) == {("stored", "")}
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.mp4", "clips.csv", "clips.csv.sha256", "out", "work"]


def test_shards_divide_the_manifest(tmp_path):
    files.ordinary(tmp_path / "a.mp4")
    ids = [f"clip {i}" for i in range(12)]
    write_rows(tmp_path, [(i, "a.mp4", 0.0, 1.0, "x", "train") for i in ids])
    seen = []
    for shard in range(5):
        store, states = run(tmp_path, shard=shard, shards=5)
        assert sorted(states) == store.clip_ids == sorted(i for i in ids if shard_of(i, 5) == shard)
        seen += store.clip_ids
    assert sorted(seen) == sorted(ids)
    with pytest.raises(UserError, match="shard 5 does not exist"):
        run(tmp_path, shard=5, shards=5)


def test_a_trim_of_a_long_file(tmp_path):
    files.write_media(tmp_path / "a.mp4", files.moving(64), audio=files.click(8, 5.25, 16000))
    write_rows(tmp_path, [("a_5", "a.mp4", 5.0, 2.0, "x", "train"), ("a_1", "a.mp4", 1.0, 2.0, "x", "train")])
    store, states = run(tmp_path)
    assert set(states.values()) == {("stored", "")}
    assert checked(tmp_path) == {"a_1": ("rejected", "silent"), "a_5": ("stored", "")}
    assert abs(abs(store.audio(1).astype(int)).argmax() - 0.25 * 8000) < 8


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder with 40 clips, one in eight of them bad, and what packing them in one go gives."""
    folder = tmp_path_factory.mktemp("many")
    rows = []
    for i in range(40):
        name = f"{i}.mp4"
        if i % 8 == 3:
            (folder / name).write_bytes(b"broken")
        else:
            files.ordinary(folder / name, 1.5, seed=i)
        rows.append((f"-clip {i}", name, 0.0, 1.5, "x", "train"))
    write_rows(folder, rows)
    store, states = run(folder, "reference", threads=1)
    assert len(store) == 35
    assert len(states) == 40
    return folder


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_nothing(many, threads):
    run(many, f"threads{threads}", threads=threads)
    assert contents(many / f"threads{threads}") == contents(many / "reference")


DRIVER = """
import sys
from pathlib import Path
from avbench.core.errors import UserError
from avbench.data.packing.shard import PackJob, pack_shard
from avbench.data.store import StoreSettings
if len(sys.argv) > 4:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
folder, out, work = map(Path, sys.argv[1:4])
print("begins", flush=True)
try:
    settings = StoreSettings(8.0, 32, 32, 8000)
    pack_shard(PackJob(folder / "clips.csv", 0, 1, settings, out / "0.arrow", out / "0.parquet", work, threads=2))
except UserError as error:
    print(error)
    sys.exit(2)
"""


def driver(*arguments, **keywords):
    command = [sys.executable, "-c", DRIVER, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_killed_jobs_go_on_where_they_were(many, tmp_path):
    work = tmp_path / "work"
    kept = 0
    for pieces in (1, 12, 25):
        process = driver(many, tmp_path / "out", work)
        deadline = time.monotonic() + 60
        while len(list((work / "000").glob("*"))) < pieces and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        assert process.poll() is None, "finished before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / "out").exists() or not contents(tmp_path / "out")
        finished = {path for path in (work / "000").iterdir() if path.suffix != ".part"}
        assert len(finished) >= max(kept, pieces - 2)  # two may have been in work
        kept = len(finished)
    before = {path: path.stat().st_mtime_ns for path in finished}
    with pytest.MonkeyPatch.context() as patch:
        decoded = decodings(patch)
        paths = tmp_path / "out" / "0.arrow", tmp_path / "out" / "0.parquet"
        pack.pack_shard(pack.PackJob(many / "clips.csv", 0, 1, STORE, *paths, work, threads=2, progress=False))
    assert len(decoded) == 40 - len(before)
    assert contents(tmp_path / "out") == contents(many / "reference")
    assert list(work.iterdir()) == []


def test_kills_at_random_moments_change_nothing(many, tmp_path):
    out, work, moments = tmp_path / "out", tmp_path / "work", random.Random(0)
    kills = 0
    while kills < 20:
        process = driver(many, out, work)
        assert process.stdout.readline() == "begins\n"
        time.sleep(moments.uniform(0, 0.25))
        process.kill()
        process.communicate()
        if process.returncode == 0:  # it was quicker: begin anew
            assert contents(out) == contents(many / "reference")
            shutil.rmtree(out)
        kills += process.returncode != 0
    process = driver(many, out, work)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors
    assert contents(out) == contents(many / "reference")
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(("limit", "what"), [(10_000, "work"), (200_000, "0.arrow")])
def test_a_full_disk_ends_the_job(many, tmp_path, limit, what):
    # A limit on the size of files stands in for the disk: first for a clip's result, then for the store alone.
    process = driver(many, tmp_path / "out", tmp_path / "work", limit)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert "cannot write" in output
    assert what in output
    assert "free space" in output
    assert not (tmp_path / "out").exists() or not contents(tmp_path / "out")


def test_audio_only(tmp_path):
    files.write_media(tmp_path / "a.wav", audio=files.noise(2), audio_codec="pcm_s16le")
    write_rows(tmp_path, [("a", "a.wav", 0.0, 2.0, "x", "train")])
    store, states = run(tmp_path, store=StoreSettings(8.0, 32, 32, video=False))
    assert states == {"a": ("stored", "")}
    assert store.frame_count(0) == 0
    assert len(store.audio(0)) == 32000


def test_an_empty_shard_is_written(tmp_path):
    write_rows(tmp_path, [])
    store, states = run(tmp_path, progress=True)
    assert len(store) == len(states) == 0


def test_progress_off_a_terminal_is_a_line(two, capsys):
    (two / "b.mp4").write_bytes(b"")
    run(two, progress=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("shard 0: 2/2 clips, ")
    assert line.endswith("1 stored, 1 corrupt")
    run(two, "other")
    assert capsys.readouterr().err == ""


def test_real_clips_are_stored(tmp_path):
    clips = sorted(files.REAL_CLIPS.glob("vggsound/*.mp4"))
    if not clips:
        pytest.skip("no real clips")
    write_rows(tmp_path, [(path.stem, str(path), 0.0, 3.0, "x", "train") for path in clips])
    store, states = run(tmp_path, store=StoreSettings(16.0, 112, 112))
    assert set(states.values()) == {("stored", "")}
    assert store.duration_s.tolist() == [3.0] * len(clips)
    for row in range(len(store)):
        assert store.frames(row).shape == (48, 112, 112, 3)
        assert store.frames(row).std() > 15


def test_real_clips_and_odd_formats_are_found_in_folders(tmp_path):
    folders = [files.REAL_CLIPS / name for name in ("vggsound", "formats")]
    if not folders[0].is_dir():
        pytest.skip("no real clips")
    sources = [{"directory": str(folder)} for folder in folders]
    url = "https://example.org/"
    with (files.REAL_CLIPS / "vggsound.csv").open(encoding="utf-8") as stream:
        rows = [(f"{row[0]}_{int(row[1]):06d}", url, float(row[1]), 10.0, "x", "train") for row in csv.reader(stream)]
    write_rows(tmp_path, [*rows, ("nasa_13013", url, 0.0, 13.0, "x", "train")])
    store, states = run(tmp_path, sources=sources)
    assert set(checked(tmp_path).values()) == {("stored", "")}
    assert len(store) == len(states) == 9
    odd = ("av1_video", "h265_video", "h264_10bits")
    write_rows(tmp_path, [(name, url, 0.0, 10.0, "x", "train") for name in odd])
    store, states = run(tmp_path, "odd", store=StoreSettings(8.0, 32, 32, audio=False), sources=sources)
    assert states == dict.fromkeys(odd, ("stored", ""))
    assert [store.frames(row).std() > 15 for row in range(3)] == [True] * 3
