"""What an earlier run has packed is kept, and only what has changed is done again."""

import json
import os

import pytest

from avbench.config.checks import CheckSettings
from avbench.config.store import StoreSettings
from avbench.data import ledger
from avbench.data.packing import packer
from tests.support import media_files as files
from tests.support.packing import checked, contents, decodings, leave_work, run, write_rows


def test_changed_files_and_settings_are_done_again(two, monkeypatch):
    leave_work(two, monkeypatch)
    calls = decodings(monkeypatch)
    files.ordinary(two / "b.mp4", 1.75, seed=9)
    store, _ = run(two)
    assert calls == ["b.mp4"]
    assert store.duration_s.tolist() == [2.0, 1.75]
    calls.clear()
    smaller = StoreSettings(frame_rate=4.0, width=32, height=32, sample_rate=8000)
    store, _ = run(two, store=smaller)
    assert sorted(calls) == ["a.mp4", "b.mp4"]
    assert store.settings == smaller


def test_another_threshold_decodes_nothing(two, monkeypatch):
    run(two)
    calls = decodings(monkeypatch)
    assert set(checked(two).values()) == {("stored", "")}
    assert set(checked(two, checks=CheckSettings(2.5)).values()) == {("rejected", "short")}
    assert calls == []


def test_a_packed_shard_is_brought_up_to_date(two, monkeypatch):
    run(two)
    before = contents(two / "out")
    calls = decodings(monkeypatch)
    run(two)
    assert calls == []
    assert contents(two / "out") == before
    # A row more, another label, another split: only the new clip is decoded.
    files.ordinary(two / "c.mp4", seed=3)
    write_rows(two, [(f"{name}.mp4", f"{name}.mp4", 0.0, 2.0, "y", "test") for name in "abc"])
    store, _ = run(two)
    assert calls == ["c.mp4"]
    assert store.clip_ids == ["a.mp4", "b.mp4", "c.mp4"]
    run(two, "fresh")
    assert contents(two / "out") == contents(two / "fresh")
    # A row less: its clip leaves the store.
    write_rows(two, [("b.mp4", "b.mp4", 0.0, 2.0, "y", "test")])
    assert run(two)[0].clip_ids == ["b.mp4"]


def test_a_stored_clip_outlives_its_file(two, monkeypatch):
    run(two)
    before = contents(two / "out")
    (two / "a.mp4").unlink()
    calls = decodings(monkeypatch)
    run(two)
    assert calls == []
    assert contents(two / "out") == before


@pytest.mark.parametrize("damage", ["0.arrow", "0.parquet"])
def test_a_damaged_shard_is_packed_anew(two, damage):
    run(two)
    before = contents(two / "out")
    (two / "out" / damage).write_bytes(b"damaged")
    run(two)
    assert contents(two / "out") == before


def test_an_unforeseen_error_costs_one_clip(two, monkeypatch):
    original = packer.decode

    def decode(path, *arguments):
        if path.endswith("a.mp4"):
            raise ZeroDivisionError("odd")
        return original(path, *arguments)

    monkeypatch.setattr(packer, "decode", decode)
    _, states = run(two)
    assert states == {"a.mp4": ("rejected", "corrupt"), "b.mp4": ("stored", "")}


def replace_while_decoding(monkeypatch, path, times):
    """Write another file in place of one while it is decoded, so many times."""
    real, left = packer.Packer._packed, [times]

    def decode(self, clip, video, *others):
        decoded = real(self, clip, video, *others)
        if video == str(path) and left[0]:
            left[0] -= 1
            files.ordinary(path, 1.75, seed=20 + left[0])
        return decoded

    monkeypatch.setattr(packer.Packer, "_packed", decode)


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(two, monkeypatch):
    replace_while_decoding(monkeypatch, two / "b.mp4", 1)
    store, outcomes = run(two)
    assert store.duration_s.tolist() == [2.0, 1.75]
    assert set(outcomes.values()) == {("stored", "")}


def test_a_file_that_is_replaced_again_and_again_fails_alone(two, monkeypatch):
    replace_while_decoding(monkeypatch, two / "b.mp4", 9)
    store, outcomes = run(two)
    assert store.clip_ids == ["a.mp4"]
    assert outcomes["b.mp4"] == ("unavailable", "replaced")
    details = ledger.read(two / "out/0.parquet").set_index("clip_id").detail
    assert str(two / "b.mp4") in details["b.mp4"]
    monkeypatch.undo()
    assert run(two)[0].clip_ids == ["a.mp4", "b.mp4"]  # without being asked


def test_a_file_that_is_replaced_before_its_shard_is_written_is_stored_as_it_was(two, monkeypatch):
    real = packer.Packer.finish

    def finish(self, clip):
        outcome = real(self, clip)
        files.ordinary(two / clip.clip_id, 1.5, seed=30)
        return outcome

    monkeypatch.setattr(packer.Packer, "finish", finish)
    assert run(two)[0].duration_s.tolist() == [2.0, 2.0]
    monkeypatch.undo()
    assert run(two)[0].duration_s.tolist() == [1.5, 1.5]


def test_what_was_kept_of_a_clip_and_is_gone_is_a_row(two, monkeypatch):
    real = packer.Packer.finish

    def finish(self, clip):
        outcome = real(self, clip)
        if clip.clip_id == "a.mp4":
            clip.piece.unlink()
        return outcome

    monkeypatch.setattr(packer.Packer, "finish", finish)
    store, outcomes = run(two)
    assert store.clip_ids == ["b.mp4"]
    assert outcomes["a.mp4"] == ("unavailable", "replaced")
    monkeypatch.undo()
    assert run(two)[0].clip_ids == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize("name", ["0.arrow", "0.parquet"])
def test_a_damaged_shard_is_packed_anew_aloud(two, monkeypatch, capsys, name):
    run(two)
    before = contents(two / "out")
    path = two / "out" / name
    data = path.read_bytes()
    path.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    run(two)
    assert "packing the shard anew" in capsys.readouterr().out
    assert contents(two / "out") == before


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_a_row_and_is_not_opened(two, kind, monkeypatch):
    (two / "b.mp4").unlink()
    if kind == "pipe":
        os.mkfifo(two / "b.mp4")
    elif kind == "folder":
        (two / "b.mp4").mkdir()
    else:
        (two / "b.mp4").symlink_to("/dev/zero")
    calls = decodings(monkeypatch)
    store, outcomes = run(two)
    assert store.clip_ids == ["a.mp4"]
    assert calls == ["a.mp4"]
    assert outcomes["b.mp4"] == ("unavailable", "unreadable")


@pytest.mark.parametrize(("fault", "reason"), [(lambda: bytearray(4_000_000_000), "large"), (os.abort, "corrupt")])
def test_a_clip_that_takes_all_memory_or_crashes_costs_itself(two, monkeypatch, fault, reason):
    original = packer.decode

    def decode(path, *arguments):
        if path.endswith("a.mp4"):
            fault()
        return original(path, *arguments)

    monkeypatch.setattr(packer, "decode", decode)
    _, states = run(two)
    assert states == {"a.mp4": ("rejected", reason), "b.mp4": ("stored", "")}


def test_where_another_source_fails_too_the_damaged_archive_is_told_beside(two):
    loss = {"archive": "x_08.tar.gz", "reason": "it ends too early", "files": ["b.mp4.mp4"], "unnamed": False}
    (two / "clips").mkdir()
    (two / "clips" / ".damaged-1.json").write_text(json.dumps(loss), encoding="utf-8")
    (two / "b.mp4").write_bytes(b"no video")
    sources = [{"directory": str(two / "clips")}, "files"]
    assert run(two, sources=sources)[1] == {"a.mp4": ("stored", ""), "b.mp4": ("rejected", "corrupt")}
    details = dict(ledger.read(two / "out" / "0.parquet", ["clip_id", "detail"]).itertuples(index=False))
    assert details["b.mp4"].endswith("(it ends too early), and the clip is one of those that this has cost")
    # Once the archive is whole, what failed because of it is tried again.
    (two / "clips" / ".damaged-1.json").unlink()
    (two / "b.mp4").unlink()
    assert run(two, sources=sources[:1])[1]["b.mp4"] == ("unavailable", "missing")
