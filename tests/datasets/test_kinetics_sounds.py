"""Kinetics-Sounds: of Kinetics' lists, the clips of the classes that can be heard."""

import csv

import pytest

from avbench.core.errors import UserError
from avbench.data.manifest import read_manifest
from avbench.datasets import build_manifest
from avbench.datasets.kinetics_sounds import CLASSES

HEADER = ["label", "youtube_id", "time_start", "time_end", "split", "is_cc"]
LISTS = {"train": "train", "val": "validation", "test": "test"}


def rows_of(split):
    """Two clips a class, of the classes that can be heard and of one that cannot, ``val`` as lists write it."""
    for number, label in enumerate([*CLASSES, "archery"]):
        for clip in range(2):
            yield [label, f"{split:_<5}{number:03d}{clip}-x", 7 * clip, 7 * clip + 10, split, 0]


@pytest.fixture
def lists(tmp_path):
    for name in LISTS:
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([HEADER, *rows_of(name)])
    return [str(tmp_path / f"{name}.csv") for name in LISTS]


def make(lists, tmp_path, **options):
    build_manifest("kinetics_sounds", {"lists": lists} | options, {}, tmp_path / "clips.csv")
    return read_manifest(tmp_path / "clips.csv")


def test_kinetics_own_splits_become_a_manifest_of_the_classes_that_can_be_heard(lists, tmp_path, capsys):
    clips = make(lists, tmp_path)
    assert "64 train, 64 validation, 64 test clips of 32 of 32 classes, of 198 listed" in capsys.readouterr().out
    assert len(set(CLASSES)) == 32
    listed = [row for name in LISTS for row in rows_of(name) if row[0] != "archery"]
    expected = {f"{v}_{b:06d}": (label, float(b), 10.0, LISTS[s], v) for label, v, b, _, s, _ in listed}
    found = {c.clip_id: (c.label, c.start_s, c.duration_s, c.split, c.recording) for c in clips.itertuples()}
    assert found == expected
    assert clips.source[0] == f"https://www.youtube.com/watch?v={clips.recording[0]}"


def test_where_the_test_clips_have_no_labels_the_validation_clips_are_tested(lists, tmp_path):
    clips = make(lists[:2], tmp_path, test="validation", validation_share=0.3)
    assert set(clips.recording[clips.split == "test"]) == {row[1] for row in rows_of("val") if row[0] != "archery"}
    assert 5 < (clips.split == "validation").sum() < 35
    with pytest.raises(UserError, match="no clip is for test. Add Kinetics' list .* or set options.test: validation"):
        make(lists[:2], tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["singing", "abc", 5, 5, "train", 0], r"train.csv, row 68: from '5' to '5' is no time"),
        (["singing", "abc", "x", 15, "train", 0], r"row 68: from 'x' to '15' is no time"),
        (["singing", "abc", 5, 15, "holdout", 0], r"row 68: the split is 'holdout'; it must be one of train, val"),
        (["singing", "train0000-x", 0, 10, "train", 0], r"row 68: 'train0000-x_000000' is already in row 2"),
    ],
)
def test_rows_that_break_a_rule_are_named(lists, tmp_path, row, message):
    with open(lists[0], "a", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerow(row)
    with pytest.raises(UserError, match=message):
        make(lists, tmp_path)


def test_lists_without_labels_and_lists_given_twice_are_named(lists, tmp_path):
    (tmp_path / "unlabelled.csv").write_text("youtube_id,time_start,time_end,split\nabc,0,10,test\n")
    with pytest.raises(UserError, match="unlabelled.csv has no column 'label'"):
        make([*lists, str(tmp_path / "unlabelled.csv")], tmp_path)
    (tmp_path / "again.csv").write_bytes((tmp_path / "test.csv").read_bytes())
    with pytest.raises(UserError, match="is in two of the lists"):
        make([*lists, str(tmp_path / "again.csv")], tmp_path)
