"""Finding trimmed clips by the names in use, in folders and in archives."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.data.packing.trimmed import SUFFIXES, Collection, accept, stems

IDS = ["abcdefghijk", "-Qowmc0P9ic", "_a_000010_xx", "--help______", "a.b", "é"]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "clips"
    made.mkdir()
    return made


@pytest.mark.parametrize("video", IDS)
@pytest.mark.parametrize("name", ["{}_000030", "{}_30000_40000", "{}_30_40"])
@pytest.mark.parametrize("suffix", [*SUFFIXES, ".MP4", ".WebM"])
def test_clips_are_found_under_the_names_in_use(folder, video, name, suffix):
    path = folder / (name.format(video) + suffix)
    path.touch()
    collection = Collection(folder)
    assert collection.find(f"{video}_000030") == path
    assert collection.find(f"{video}_000031") is None
    assert collection.find(f"{video}x_000030") is None
    # Archives of such clips give our own name, under which the clip is found as well.
    assert accept(path.name) == f"{video}_000030{suffix.lower()}"


@pytest.mark.parametrize("video", ["abcdefghijk", "-Qowmc0P9ic", "--help_____"])
def test_clips_are_found_in_folders_of_classes_under_the_names_of_kinetics(folder, video):
    (folder / "playing organ").mkdir()
    (folder / ".cache").mkdir()
    path = folder / "playing organ" / f"{video}_000030_000040.mp4"
    path.touch()
    (folder / ".cache" / f"{video}_000050_000060.mp4").touch()
    assert Collection(folder).find(f"{video}_000030") == path
    assert Collection(folder).find(f"{video}_000050") is None
    assert accept(path.name) == f"{video}_000030.mp4"
    # Other spans, and what is no YouTube id before them, are names of their own.
    for name in (f"{video}_000030_000041.mp4", "ab_000030_000040.mp4"):
        assert accept(name) == name


def test_other_clips_are_found_by_their_id(folder):
    for name in ("a.mp4", "b_1.webm", "c", "d.txt", ".mp4"):
        (folder / name).touch()
    (folder / "e.mp4").mkdir()
    (folder / "f.mp4").symlink_to("nowhere")
    collection = Collection(folder)
    found = {clip_id: collection.find(clip_id) for clip_id in ("a", "b_1", "c", "d", "", "e", "f", "../clips/a", "a\0")}
    assert {clip_id: path.name for clip_id, path in found.items() if path} == {"a": "a.mp4", "b_1": "b_1.webm"}


def test_our_own_name_and_the_first_extension_come_first(folder):
    names = ["x_5_15.mp4", "x_5000_15000.webm", "x_5000_15000.mkv", "x_5000_15000.MKV", "x_000005.webm"]
    expected = ["x_000005.webm", "x_5000_15000.MKV", "x_5000_15000.mkv", "x_5000_15000.webm", "x_5_15.mp4"]
    for name in names:
        (folder / name).touch()
    for name in expected:
        assert Collection(folder).find("x_000005").name == name
        (folder / name).unlink()


def test_a_folder_is_read_once_and_late(folder, monkeypatch):
    reads = []
    scandir = os.scandir

    def counted(path):
        reads.append(path)
        return scandir(path)

    collection = Collection(folder)
    (folder / "a_000000.mp4").touch()
    monkeypatch.setattr(os, "scandir", counted)
    with ThreadPoolExecutor(8) as executor:
        found = list(executor.map(collection.find, ["a_000000", "b_000000"] * 50))
    assert len(reads) == 1
    assert found == [folder / "a_000000.mp4", None] * 50


def test_a_missing_folder_is_named(folder):
    (folder / "file").touch()
    for path in (folder / "absent", folder / "file"):
        with pytest.raises(UserError, match=rf"sources: directory: .*{path.name} is no folder"):
            Collection(path)


def test_a_folder_that_disappears_is_named(folder):
    collection = Collection(folder)
    folder.rmdir()
    with pytest.raises(UserError, match=r"sources: directory: cannot read .*clips: No such file"):
        collection.find("a")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a_000010.mp4", "a_000010.mp4"),
        ("a_10_20.MP4", "a_000010.mp4"),
        ("a_0_10.mkv", "a_000000.mkv"),
        ("a_0_10000.mkv", "a_000000.mkv"),
        ("a_110000_120000.mp4", "a_000110.mp4"),
        ("a_000010_000020.mp4", "a_000010_000020.mp4"),  # our own name of the video a_000010
        ("a_10_25.mp4", "a_10_25.mp4"),
        ("a_5500_15500.mp4", "a_5500_15500.mp4"),
        ("a_010_020.mp4", "a_010_020.mp4"),
        ("a_20_10.mp4", "a_20_10.mp4"),
        ("_0_10.mp4", "_0_10.mp4"),
        ("anything.webm", "anything.webm"),
        ("a_1000000_1000010.mp4", "a_1000000_1000010.mp4"),  # no start second of six digits
        ("a_" + "9" * 100 + "_" + "9" * 5000 + ".mp4", "a_" + "9" * 100 + "_" + "9" * 5000 + ".mp4"),
        ("._a_000010.mp4", None),
        (".mp4", None),
        ("a_000010.txt", None),
        ("a_000010", None),
        ("../a_000010.mp4", None),
        ("a\\b.mp4", None),
        ("a\0.mp4", None),
        ("", None),
    ],
)
def test_names_in_archives(name, kept):
    assert accept(name) == kept


@given(st.text(min_size=1, max_size=20), st.integers(0, 999_999), st.sampled_from(SUFFIXES), st.integers(0, 2))
def test_every_naming_of_a_clip_leads_to_its_id(video, start, suffix, naming):
    clip_id = f"{video}_{start:06d}"
    assume(not video.startswith(".") and not set(video) & set("/\\\0"))
    names = stems(clip_id)
    assert len(names) == 4  # that of Kinetics is for ids of YouTube alone, see above
    # Our own name may look like a range where the id ends in a number: the range is the likelier meaning.
    assume(naming or accept(clip_id + suffix) == clip_id + suffix)
    assert accept(names[naming] + suffix) == clip_id + suffix
