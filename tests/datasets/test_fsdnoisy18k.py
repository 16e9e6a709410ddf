"""FSDnoisy18k: its tables, its parts, and durations from WAV headers."""

import csv
import wave
from collections import Counter

import pytest

from avbench.core.errors import UserError
from avbench.data.manifest import read_manifest
from avbench.data.media.durations import UNKNOWN_S
from avbench.datasets import build_manifest

LABELS = ["Acoustic_guitar", "Coin_(dropping)", "Walk_or_footsteps"]


def write_csv(path, rows):
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def write_wav(path, frames):
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(44100)
        sound.writeframes(bytes(2 * frames))


@pytest.fixture
def root(tmp_path):
    """Per label, 8 verified clips, 12 noisy ones of which 6 are in the small part, and 3 test clips."""
    folder = tmp_path / "FSDnoisy18k"
    folder.mkdir()
    train, test = [], []
    for k, label in enumerate(LABELS):
        for i in range(20):
            train.append([f"{100 * k + i}.wav", label, f"/m/0{k}", int(i < 8), int(8 <= i < 14)])
        test += [[f"{1000 + 100 * k + i}.wav", label, f"/m/0{k}"] for i in range(3)]
    write_csv(
        folder / "FSDnoisy18k.meta" / "train.csv",
        [["fname", "label", "aso_id", "manually_verified", "noisy_small"], *train],
    )
    write_csv(folder / "FSDnoisy18k.meta" / "test.csv", [["fname", "label", "aso_id"], *test])
    for split, rows in (("train", train), ("test", test)):
        for row in rows:
            write_wav(folder / f"FSDnoisy18k.audio_{split}" / row[0], 13230 + 441 * int(row[0][:-4]))
    return folder


def make(root, **options):
    path = root.parent / "clips.csv"
    build_manifest("fsdnoisy18k", {"directory": str(root)} | options, {}, path)
    return read_manifest(path)


@pytest.mark.parametrize(("subset", "per_label"), [("clean", 8), ("noisy", 12), ("noisy_small", 6), ("all", 20)])
def test_each_part_has_its_clips_and_all_test_clips(root, subset, per_label):
    table = make(root, subset=subset, validation_share=0.25)
    counts = Counter(zip(table.label, table.split, strict=True))
    held = round(0.25 * per_label)
    for label in LABELS:
        assert [counts[label, s] for s in ("train", "validation", "test")] == [per_label - held, held, 3]
    first = {"clean": 0, "noisy": 8, "noisy_small": 8, "all": 0}[subset]
    numbers = {int(row.clip_id) % 100 for row in table.itertuples() if row.split != "test"}
    assert numbers == set(range(first, first + per_label))


def test_the_part_changes_neither_the_test_clips_nor_leaves_validation_clips_of_another(root):
    parts = {
        subset: make(root, subset=subset).set_index("clip_id") for subset in ("clean", "noisy", "noisy_small", "all")
    }
    tests = [table[table.split == "test"].index.tolist() for table in parts.values()]
    assert tests == [tests[0]] * 4
    for part in ("clean", "noisy"):
        held_out = set(parts[part].index[parts[part].split == "validation"])
        verified = {clip for clip in held_out if int(clip) % 100 < 8}
        assert verified == (held_out if part == "clean" else set())
        assert held_out


def test_durations_and_sources_are_the_files(root):
    for row in make(root, subset="all").itertuples():
        part = "test" if row.split == "test" else "train"
        assert row.source == f"{root}/FSDnoisy18k.audio_{part}/{row.clip_id}.wav"
        assert row.duration_s == pytest.approx(0.3 + int(row.clip_id) / 100)


def test_missing_and_damaged_files_stay_in_the_manifest(root):
    (root / "FSDnoisy18k.audio_train" / "0.wav").unlink()
    (root / "FSDnoisy18k.audio_train" / "1.wav").write_bytes(b"RIFF")
    (root / "FSDnoisy18k.audio_train" / "2.wav").write_bytes(b"")
    table = make(root).set_index("clip_id")
    assert list(table.duration_s[["0", "1", "2"]]) == [UNKNOWN_S] * 3


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("train", ["9.wav", "Engine", "x", "2", "0"], "row 62: manually_verified is '2'; it must be 0 or 1"),
        ("train", ["9.wav", "Engine", "x", "1", "1"], "row 62: clip '9.wav' is both verified and noisy"),
        ("train", ["0.wav", "Engine", "x", "1", "0"], "row 62: clip '0' is already in .*train.csv, row 2"),
        ("train", ["../0.wav", "Engine", "x", "1", "0"], "row 62: '../0.wav' is no file name"),
        ("train", ["9.wav", "", "x", "1", "0"], "row 62: label is empty"),
        ("train", ["999.wav", "Fire", "x", "1", "0"], None),
        ("test", ["999.wav", "Fier", "x"], "row 11: the label 'Fier' of test clip '999' is unknown"),
    ],
)
def test_a_bad_row_is_reported(root, table, row, message):
    with (root / "FSDnoisy18k.meta" / f"{table}.csv").open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerow(row)
    expected = f"{table}.csv, {message}" if message else r"'Fire' .1...*Lower options.validation_share"
    with pytest.raises(UserError, match=expected):
        make(root)


def test_missing_parts_and_unknown_subsets_are_named(root, tmp_path):
    with pytest.raises(UserError, match=r"options.subset: 'dirty'.*clean, noisy, noisy_small, all"):
        make(root, subset="dirty")
    with pytest.raises(UserError, match=r"absent does not exist"):
        make(tmp_path / "absent")
    (root / "FSDnoisy18k.audio_test").rename(root / "audio")
    with pytest.raises(UserError, match=r"FSDnoisy18k.audio_test does not exist"):
        make(root)
