import multiprocessing
import pickle

import numpy as np
import pyarrow as pa
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.store import StoreSettings
from avbench.core.errors import UserError
from avbench.data import store as module
from avbench.data.store import Row, Store, encode_frames, open_store, write_shard
from tests.support import media_files as files

SETTINGS = StoreSettings(frame_rate=8.0, width=32, height=24, sample_rate=1000)


def row(clip_id, frames=5, samples=700, seed=0):
    rng = np.random.default_rng([seed, frames, samples])
    images = encode_frames(files.moving(frames, 24, 32, seed=seed), SETTINGS)
    return Row(clip_id, images, rng.integers(-32768, 32768, samples).astype("<i2").tobytes(), samples / 1000)


def many(count):
    """Rows of different lengths, one of them without frames, one without audio."""
    return [row(f"clip {i:02d}", frames=i % 7, samples=(i * 137) % 1100, seed=i) for i in range(count)]


def write(path, rows):
    write_shard(path, sorted(rows, key=lambda r: r.clip_id), SETTINGS)
    return path


@pytest.fixture(params=[1, 3000, 2**25], ids=lambda size: f"batch{size}")
def shards(request, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BATCH_BYTES", request.param)
    rows = many(20)
    return [write(tmp_path / f"{i:03d}.arrow", rows[i::3]) for i in range(3)], rows


def test_rows_are_sorted_and_complete(shards):
    paths, rows = shards
    store = Store(reversed(paths))
    assert store.settings == SETTINGS
    assert store.clip_ids == [r.clip_id for r in rows]
    assert store.duration_s.tolist() == [r.duration_s for r in rows]
    assert len(store) == 20
    for number, expected in enumerate(rows):
        assert [bytes(image) for image in store.jpegs(number)] == expected.frames
        assert store.audio(number).tobytes() == expected.audio
        assert store.frame_count(number) == len(expected.frames)


def test_windows(shards):
    paths, rows = shards
    store = Store(paths)
    number = int(store.rows(["clip 13"])[0])  # 6 frames, 681 samples
    samples = np.frombuffer(rows[number].audio, "<i2")
    assert np.array_equal(store.audio(number, 100, 50), samples[100:150])
    assert np.array_equal(store.audio(number, 600), samples[600:])
    assert [bytes(image) for image in store.jpegs(number, 2, 3)] == rows[number].frames[2:5]
    frames = store.frames(number, 1, 4)
    assert (frames.shape, frames.dtype) == ((4, 24, 32, 3), np.uint8)
    assert np.array_equal(frames[2], simplejpeg.decode_jpeg(rows[number].frames[3], "RGB"))
    assert store.frames(number, np.int64(6), 0).shape == (0, 24, 32, 3)


@pytest.mark.parametrize(("first", "count"), [(0, 7), (5, 2), (7, None), (-1, 2), (0, -1)])
def test_windows_never_reach_into_the_next_clip(shards, first, count):
    store = Store(shards[0])
    number = int(store.rows(["clip 13"])[0])
    with pytest.raises(IndexError):
        store.frames(number, first, count)
    with pytest.raises(IndexError):
        store.audio(number, first * 100, count and count * 100)


def test_audio_is_a_view_of_the_file(shards):
    audio = Store(shards[0]).audio(5)
    assert not audio.flags.owndata
    assert not audio.flags.writeable


def test_frames_are_close_to_what_was_encoded(tmp_path):
    frames = files.moving(3, 24, 32)
    store = Store([write(tmp_path / "0.arrow", [row("a", 3)])])
    assert np.abs(store.frames(0).astype(int) - frames).mean() < 4


def test_rows_of_clips(shards):
    store = Store(shards[0])
    rows = store.rows(["clip 07", "clip 00", "clip 07"])
    assert rows.dtype == np.int64
    assert rows.tolist() == [7, 0, 7]
    assert store.rows([]).shape == (0,)
    with pytest.raises(UserError, match="'no such clip' is not in the store"):
        store.rows(["clip 07", "no such clip"])


def test_copies_read_the_same(shards):
    store = Store(shards[0])
    copy = pickle.loads(pickle.dumps(store))
    assert copy.clip_ids == store.clip_ids
    assert np.array_equal(copy.frames(6), store.frames(6))
    assert len(pickle.dumps(store)) < 2000


def _digest(store, number, results):
    results.put(store.frames(number).tobytes() + store.audio(number).tobytes())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same(shards, method):
    store = Store(shards[0])
    context = multiprocessing.get_context(method)
    results = context.Queue()
    process = context.Process(target=_digest, args=(store, 6, results))
    process.start()
    received = results.get(timeout=60)
    process.join(60)
    assert received == store.frames(6).tobytes() + store.audio(6).tobytes()


def test_empty_shards_are_fine(tmp_path):
    empty = write(tmp_path / "0.arrow", [])
    assert len(Store([empty])) == 0
    store = Store([empty, write(tmp_path / "1.arrow", [row("a")]), write(tmp_path / "2.arrow", [])])
    assert store.clip_ids == ["a"]
    assert store.settings == SETTINGS


def test_clips_without_pictures_or_sound(tmp_path):
    store = Store([write(tmp_path / "0.arrow", [row("a", frames=0), row("b", samples=0), row("c", 0, 0)])])
    assert [store.frame_count(i) for i in range(3)] == [0, 5, 0]
    assert [len(store.audio(i)) for i in range(3)] == [700, 0, 0]
    assert store.frames(0).shape == (0, 24, 32, 3)


ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.sets(ids, max_size=6))
def test_any_id_is_found(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("store") / "0.arrow"
    rows = {name: Row(name, [], np.int16(i).tobytes(), 1.0) for i, name in enumerate(sorted(names))}
    store = Store([write(path, rows.values())])
    assert store.clip_ids == sorted(names)
    for name, number in zip(names, store.rows(names), strict=True):
        assert store.audio(number).tobytes() == rows[name].audio


def test_the_same_rows_give_the_same_bytes(tmp_path):
    assert write(tmp_path / "a", many(9)).read_bytes() == write(tmp_path / "b", many(9)).read_bytes()


def test_faults_are_named(tmp_path):
    good = write(tmp_path / "good.arrow", [row("a")])
    with pytest.raises(UserError, match="at least one shard"):
        Store([])
    with pytest.raises(UserError, match=r"none\.arrow does not exist"):
        Store([good, tmp_path / "none.arrow"])
    cut = tmp_path / "cut.arrow"
    cut.write_bytes(good.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"cut\.arrow is not a shard"):
        Store([cut])
    cut.write_bytes(b"")
    with pytest.raises(UserError, match=r"cut\.arrow is not a shard"):
        Store([cut])
    other = tmp_path / "other.arrow"
    with pa.OSFile(str(other), "wb") as sink, pa.ipc.new_file(sink, pa.schema([("x", pa.int32())])):
        pass
    with pytest.raises(UserError, match=r"other\.arrow is an Arrow file, but no shard"):
        Store([other])
    write_shard(other, [], StoreSettings(frame_rate=4.0, width=32, height=24, sample_rate=1000))
    with pytest.raises(UserError, match=r"other\.arrow was packed with .*frame_rate=4\.0.*good\.arrow"):
        Store([good, other])
    twice = write(tmp_path / "twice.arrow", [row("a"), row("b")])
    with pytest.raises(UserError, match="clip 'a' is stored twice"):
        Store([good, twice])


def test_a_failed_write_leaves_the_old_shard(tmp_path):
    path = write(tmp_path / "0.arrow", [row("a")])
    before = path.read_bytes()

    def broken():
        yield row("a")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_shard(path, broken(), SETTINGS)
    assert path.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"0.arrow", "0.arrow.sha256"}


def test_shards_that_are_not_there_are_named_with_the_command_that_makes_them(tmp_path):
    folder = tmp_path / "toys" / "store"
    with pytest.raises(UserError, match=rf"{folder} holds no shard.*snakemake .*--forcerun pack"):
        open_store(tmp_path, "toys")
    folder.mkdir(parents=True)
    (folder / "shards.json").write_text('["000"]', encoding="utf-8")
    with pytest.raises(UserError, match=rf"{folder}/000.arrow does not exist.*snakemake .*{folder}/000.arrow"):
        open_store(tmp_path, "toys")
