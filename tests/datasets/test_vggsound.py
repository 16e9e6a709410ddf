"""VGGSound: its list, the namings of its clips, and the validation split by video."""

import csv
import string
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.data.manifest import read_manifest
from avbench.datasets import build_manifest

HOSTILE = [
    "-1pRmoJIGQc",
    "..",
    "$(id)",
    "a,b",
    'say "hi"',
    " x ",
    "line\nbreak",
    "--help",
    "%2e%2e",
    "`id`;#",
    "../../etc/x",
]
LABELS = ["bird chirping, tweeting", 'playing "air" guitar', " blank ", "NA", "a\nb"]


def write_list(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def make(folder, rows, **options):
    """Write list and manifest; return the manifest's rows by clip id."""
    listing = rows if isinstance(rows, Path) else write_list(folder / "list.csv", rows)
    build_manifest("vggsound", {"validation_share": 0.0} | options, {"listing": listing}, folder / "clips.csv")
    table = read_manifest(folder / "clips.csv")
    return {row.clip_id: row for row in table.itertuples()}


def test_a_clip_is_a_stretch_of_a_video(tmp_path):
    rows = [("-1pRmoJIGQc", 30, "dog", "test"), ("-1pRmoJIGQc", 40, "dog", "train")]
    made = make(tmp_path, rows)
    assert list(made) == ["-1pRmoJIGQc_000030", "-1pRmoJIGQc_000040"]
    assert {row.source for row in made.values()} == {"https://www.youtube.com/watch?v=-1pRmoJIGQc"}
    assert {row.recording for row in made.values()} == {"-1pRmoJIGQc"}
    assert [(row.start_s, row.duration_s, row.split) for row in made.values()] == [(30, 10, "test"), (40, 10, "train")]


def test_another_address_can_be_given(tmp_path):
    (row,) = make(tmp_path, [("abc", 1, "dog", "test")], url="http://127.0.0.1:8000/{id}.mp4").values()
    assert row.source == "http://127.0.0.1:8000/abc.mp4"
    with pytest.raises(UserError, match=r"options.url: 'http://x/y' has no \{id\}"):
        make(tmp_path, [("abc", 1, "dog", "test")], url="http://x/y")


def test_hostile_ids_and_labels_are_kept_verbatim_and_quoted_in_addresses(tmp_path):
    rows = [(name, i, LABELS[i % 5], "train") for i, name in enumerate(HOSTILE)]
    made = make(tmp_path, rows, url="http://127.0.0.1/{id}")
    assert {(key, row.label) for key, row in made.items()} == {(f"{n}_{i:06d}", label) for n, i, label, _ in rows}
    for row, (name, *_) in zip(made.values(), rows, strict=True):
        address = row.source.removeprefix("http://127.0.0.1/")
        assert set(address) <= set(string.ascii_letters + string.digits + "-._~%")
        assert unquote(address) == name


@settings(max_examples=25, deadline=None)
@given(videos=st.lists(st.text("abc-_019", min_size=3, max_size=6), min_size=40, max_size=80), seed=st.integers(0, 9))
def test_validation_never_shares_a_video_with_training(tmp_path_factory, videos, seed):
    keys = sorted({(video, start) for i, video in enumerate(videos) for start in (i, i + 100)})
    rows = [(video, start, f"label {start % 3}", "train") for video, start in keys]
    made = make(tmp_path_factory.mktemp("v"), rows, validation_share=0.3, seed=seed)
    sides = defaultdict(set)
    for video, start in keys:
        sides[video].add(made[f"{video}_{start:06d}"].split)
    assert {len(side) for side in sides.values()} == {1}
    assert {"train"} in sides.values()


def test_validation_depends_on_the_video_alone(tmp_path):
    rows = [(f"v{i}", i, "dog", "train") for i in range(3000)] + [("t", 1, "dog", "test")]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    full = make(tmp_path / "a", rows, validation_share=0.1)
    part = make(tmp_path / "b", rows[::-7], validation_share=0.1)
    assert {key: full[key].split for key in part} == {key: row.split for key, row in part.items()}
    held = sum(row.split == "validation" for row in full.values())
    assert abs(held - 300) < 4 * 270**0.5
    assert full["t_000001"].split == "test"


def test_excluded_ids_are_left_out(tmp_path):
    (tmp_path / "out.txt").write_bytes(b"-abc\r\n\r\nxyz_000007\nnobody")
    rows = [
        ("-abc", 1, "dog", "train"),
        ("-abc", 2, "dog", "test"),
        ("xyz", 7, "dog", "train"),
        ("xyz", 8, "dog", "test"),
    ]
    assert set(make(tmp_path, rows, exclude=str(tmp_path / "out.txt"))) == {"xyz_000008"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("id", "start", "label", "split")], r"row 1: the start second is 'start'.*header"),
        ([("a", 1, "dog", "test"), ("b", "-3", "dog", "test")], "row 2: the start second is '-3'"),
        ([("a", "1.5", "dog", "test")], "whole number"),
        ([("a", "१", "dog", "test")], "whole number"),
        ([("a", 1, "dog", "validation")], "row 1: the split is 'validation'; it must be train or test"),
        ([("a", 1, "dog")], r"row 1 has 3 fields instead of 4 \(id, start second, label, split\)"),
        ([("a", 1, "bird chirping", " tweeting", "test")], "row 1 has 5 fields.*double quotes"),
        ([("a", 1, " ", "test")], "row 1: label is empty"),
        ([("", 1, "dog", "test")], "row 1: id is empty"),
        ([("a\0b", 1, "dog", "test")], "row 1: the id holds a null character"),
        (
            [("a", 1, "dog", "test"), ("b", 1, "dog", "test"), ("a", "01", "cat", "train")],
            "row 3: 'a_000001' is already in row 1",
        ),
        (
            [("a", 1, "dog", "train"), ("b", 1, "dgo", "test")],
            r"row 2: the label 'dgo' of test clip 'b_000001' is unknown",
        ),
        ([], "is empty"),
    ],
)
def test_a_bad_list_is_reported_with_its_row(tmp_path, rows, message):
    listing = write_list(tmp_path / "bad.csv", rows)
    with pytest.raises(UserError, match=f"(?s)bad.csv.*{message}"):
        make(tmp_path, listing)
    assert not (tmp_path / "clips.csv").exists()


@pytest.mark.parametrize("content", [b"a,1,\xff,test\n", b'a,1,"dog,test\n', b'a,1,"do"g,test\n'])
def test_a_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(UserError, match="bad.csv"):
        make(tmp_path, tmp_path / "bad.csv")


def test_missing_files_are_named(tmp_path):
    rows = [("abc", 1, "dog", "test")]
    with pytest.raises(UserError, match=r"nowhere.csv cannot be read"):
        make(tmp_path, tmp_path / "nowhere.csv")
    with pytest.raises(UserError, match=r"options.exclude: cannot read .*absent"):
        make(tmp_path, rows, exclude=str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"unknown key 'directory'"):
        make(tmp_path, rows, directory="x")
