"""VGGSound: its list, the namings of its clips, and the validation split by video."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avbench.datasets import build_manifest
from avbench.errors import UserError
from avbench.manifest import read_manifest

REAL = Path(__file__).parents[3] / "shared" / "real-clips"
HOSTILE = ["-1pRmoJIGQc", "..", "$(id)", "a,b", 'say "hi"', " x ", "line\nbreak", "--help", "%2e%2e", "`id`;#"]
LABELS = ["bird chirping, tweeting", 'playing "air" guitar', " blank ", "NA", "a\nb"]


def write_list(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def make(folder, rows, files=None, **options):
    """Write list and files, build the manifest, return its rows by clip id."""
    listing = rows if isinstance(rows, Path) else write_list(folder / "list.csv", rows)
    clips = folder / "clips"
    clips.mkdir(exist_ok=True)
    names = [f"{row[0]}_{int(row[1]):06d}.mp4" for row in rows] if files is None else files
    for name in names:
        (clips / name).touch()
    options = {"directory": str(clips), "validation_share": 0.0} | options
    build_manifest("vggsound", options, {"listing": listing}, folder / "clips.csv")
    table = read_manifest(folder / "clips.csv")
    return {row.clip_id: row for row in table.itertuples()}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("stem", ["{id}_000030", "{id}_30000_40000", "{id}_30_40"])
def test_three_namings_and_extensions_are_recognised(tmp_path, stem, suffix):
    name = stem.format(id="-1pRmoJIGQc") + suffix
    (row,) = make(tmp_path, [("-1pRmoJIGQc", 30, "dog", "test")], [name]).values()
    assert row.source == str(tmp_path / "clips" / name)
    assert (row.start_s, row.duration_s, row.split) == (0, 10, "test")


def test_the_first_naming_wins(tmp_path):
    names = ["abc_30_40.mp4", "abc_000030.webm", "abc_30000_40000.mp4"]
    (row,) = make(tmp_path, [("abc", 30, "dog", "train")], names).values()
    assert Path(row.source).name == "abc_000030.webm"


def test_two_segments_of_a_video_are_two_clips(tmp_path):
    rows = [("abc", 30, "dog", "train"), ("abc", 40, "cat", "train")]
    made = make(tmp_path, rows, ["abc_30_40.mp4", "abc_40_50.mp4"])
    assert {key: Path(row.source).name for key, row in made.items()} == {
        "abc_000030": "abc_30_40.mp4",
        "abc_000040": "abc_40_50.mp4",
    }


def test_a_clip_without_a_file_stays_with_the_path_where_it_would_be(tmp_path):
    rows = [("here", 1, "dog", "train"), ("gone", 2, "dog", "test")]
    made = make(tmp_path, rows, ["here_000001.mp4", "gone_000003.mp4", "gone_2_13.mp4", "gone_000002.mp4.part"])
    assert made["gone_000002"].source == str(tmp_path / "clips" / "gone_000002.mp4")


def test_hostile_ids_and_labels_are_kept_verbatim(tmp_path):
    rows = [(name, i, LABELS[i % 5], "train") for i, name in enumerate(HOSTILE)]
    made = make(tmp_path, rows)
    assert {(key, row.label) for key, row in made.items()} == {(f"{n}_{i:06d}", label) for n, i, label, _ in rows}
    assert all(Path(row.source).is_file() and Path(row.source).parent == tmp_path / "clips" for row in made.values())


def test_sources_are_relative_where_the_option_is(tmp_path, monkeypatch):
    real = tmp_path / "disk" / "data"
    real.mkdir(parents=True)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "data").symlink_to(real)
    (tmp_path / "work" / "media").mkdir()
    (tmp_path / "work" / "media" / "abc_000001.mp4").touch()
    monkeypatch.chdir(tmp_path / "work")
    listing = write_list(tmp_path / "list.csv", [("abc", 1, "dog", "test")])
    build_manifest("vggsound", {"directory": "media"}, {"listing": listing}, "data/vggsound/clips.csv")
    source = read_manifest("data/vggsound/clips.csv").source[0]
    assert not Path(source).is_absolute()
    assert (Path("data/vggsound") / source).is_file()


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
    full = make(tmp_path / "a", rows, ["v0_000000.mp4"], validation_share=0.1)
    part = make(tmp_path / "b", rows[::-7], ["v0_000000.mp4", "t_000001.mp4"], validation_share=0.1)
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
        ([("../../etc/x", 1, "dog", "test")], "row 1: '../../etc/x' is no YouTube id"),
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
        make(tmp_path, listing, ["a_000001.mp4"])
    assert not (tmp_path / "clips.csv").exists()


@pytest.mark.parametrize("content", [b"a,1,\xff,test\n", b'a,1,"dog,test\n', b'a,1,"do"g,test\n'])
def test_a_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(UserError, match="bad.csv"):
        make(tmp_path, tmp_path / "bad.csv", ["a_000001.mp4"])


def test_missing_files_and_folders_are_named(tmp_path):
    rows = [("abc", 1, "dog", "test")]
    with pytest.raises(UserError, match=r"nowhere.csv cannot be read"):
        make(tmp_path, tmp_path / "nowhere.csv", [])
    with pytest.raises(UserError, match=r"the folder .*absent does not exist. Set options.directory"):
        make(tmp_path, rows, directory=str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"options.exclude: cannot read .*absent"):
        make(tmp_path, rows, exclude=str(tmp_path / "absent"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "abc.mp4").touch()
    with pytest.raises(UserError, match=r"holds none of the 1 clips.*abc_000001 or abc_1000_11000 or abc_1_11"):
        make(tmp_path, rows, directory=str(tmp_path / "other"))
    with pytest.raises(UserError, match=r"unknown key 'path'"):
        make(tmp_path, rows, path="x")


@pytest.mark.skipif(not (REAL / "vggsound.csv").is_file(), reason="needs the folder of real clips")
def test_real_clips_are_all_found(tmp_path):
    options = {"directory": str(REAL / "vggsound")}
    build_manifest("vggsound", options, {"listing": REAL / "vggsound.csv"}, tmp_path / "clips.csv")
    table = read_manifest(tmp_path / "clips.csv")
    assert len(table) == 8
    assert set(table.source) == {str(path) for path in (REAL / "vggsound").iterdir()}
    assert set(table.split) == {"test"}
