"""A user's own files: folders of classes, lists, and what is refused."""

import csv
import os
import unicodedata
import wave
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.data.manifest import COLUMNS, read_manifest
from avbench.data.recordings import recordings
from avbench.datasets import build_manifest
from avbench.datasets.splits import stratified

CLASSES = ["dog, barking", '-"sea"', "train", "$(id)"]


def write_wav(path, seconds=0.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * round(8000 * seconds)))


def write_mp4(path, seconds):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width = stream.height = 32
        for i in range(round(10 * seconds)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), i, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def fill(root, classes=CLASSES, clips=10):
    for name in classes:
        for i in range(clips):
            write_wav(root / name / f"-clip {i}.wav")
    return root


def make(folder, **options):
    build_manifest("folder", options, {}, folder / "clips.csv")
    return read_manifest(folder / "clips.csv")


def of_folder(root, **options):
    return make(root.parent, directory=str(root), **options)


def write_list(path, header, *rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def test_a_folder_a_class_is_split_by_shares(tmp_path):
    root = fill(tmp_path / "mine")
    table = of_folder(root, validation_share=0.2, test_share=0.3)
    assert Counter(zip(table.label, table.split, strict=True)) == {
        (label, split): n for label in CLASSES for split, n in (("train", 5), ("validation", 2), ("test", 3))
    }
    for row in table.itertuples():
        assert row.source == f"{root}/{row.clip_id}"
        assert Path(row.source).is_file()
        assert row.label == Path(row.source).parent.name
        assert (row.start_s, row.duration_s) == (0, 0.5)
    assert of_folder(root, validation_share=0.2, test_share=0.3).equals(table)


def test_split_folders_are_kept(tmp_path):
    root = tmp_path / "mine"
    for split in ("train", "validation", "test"):
        fill(root / split, clips=2)
    table = of_folder(root)
    assert all(row.clip_id.startswith(f"{row.split}/{row.label}/") for row in table.itertuples())
    assert Counter(table.split) == {"train": 8, "validation": 8, "test": 8}


def test_a_split_without_a_folder_is_taken_from_training(tmp_path):
    root = tmp_path / "mine"
    for split in ("train", "test"):
        fill(root / split)
    table = of_folder(root, validation_share=0.2, test_share=0.9)
    assert Counter(table.split) == {"train": 32, "validation": 8, "test": 40}
    assert all(row.clip_id.startswith("test/") == (row.split == "test") for row in table.itertuples())


def test_other_files_and_hidden_ones_are_left_out_aloud(tmp_path, capsys):
    root = fill(tmp_path / "mine")
    (root / "train" / "notes.txt").touch()
    (root / "train" / ".hidden.wav").touch()
    (root / ".git").mkdir()
    (root / "readme.md").touch()
    assert len(of_folder(root)) == 40
    assert "left out 1 files with other extensions: .txt (1); such as 'notes.txt'" in capsys.readouterr().out


def test_durations_come_from_the_files(tmp_path):
    root = tmp_path / "mine"
    write_wav(root / "a" / "x.wav", 1.25)
    write_mp4(root / "a" / "y.MP4", 1.5)
    (root / "a" / "z.mp4").write_bytes(b"no video")
    table = of_folder(root, validation_share=0, test_share=0).set_index("clip_id")
    assert table.duration_s["a/x.wav"] == 1.25
    assert table.duration_s["a/y.MP4"] == pytest.approx(1.5)
    assert table.duration_s["a/z.mp4"] > 0


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/dog/a.wav", "dog/a.wav"], "holds 'train', a folder of classes, beside 'dog'"),
        (["test/dog/a.wav", "validation/dog/a.wav"], "has no folder 'train' beside 'test'"),
        (["dog/deep/a.wav"], "class folder .*dog holds the folder 'deep'"),
        (["val/dog/a.wav"], "class folder .*val holds the folder 'dog'.*named train, validation, test"),
        (["dog/a.txt"], "class folder .*dog holds no audio or video"),
        (["a.wav"], "mine holds no clips"),
        (["dog/a.wav", "dog/b.wav"], "1 of 1 labels have too few clips .*'dog' .2."),
        (
            ["train/dog/a.wav", "validation/dog/a.wav", "test/cat/a.wav"],
            "test/cat/a.wav: the label 'cat' .* is unknown",
        ),
    ],
)
def test_other_layouts_are_refused(tmp_path, files, message):
    for name in files:
        write_wav(tmp_path / "mine" / name)
    with pytest.raises(UserError, match=message):
        of_folder(tmp_path / "mine")


def test_names_that_no_manifest_can_hold_are_refused(tmp_path):
    root = fill(tmp_path / "mine", ["dog"])
    try:
        Path(os.fsdecode(bytes(root / "dog") + b"/\xff.wav")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(UserError, match="is not UTF-8"):
        of_folder(root)


def test_other_columns_of_a_list_are_left_out_aloud(tmp_path, capsys):
    for i in range(8):
        write_wav(tmp_path / f"{i}.wav", 2)
    rows = [(f"{i}.wav", "s1", "a", "") for i in range(8)]
    listing = write_list(tmp_path / "list.csv", ["source", "speaker", "label", "note"], *rows)
    assert len(make(tmp_path, list=str(listing))) == 8
    assert "list.csv: left out the columns speaker, note; a manifest has clip_id" in capsys.readouterr().out


@settings(max_examples=50)
@given(
    clips=st.lists(
        st.tuples(
            st.integers(0, 20),  # the file
            st.sampled_from(["", "dawn", "dusk"]),  # the recording, if it is said
            st.sampled_from(["", "", "", "train", "test"]),  # the split, likewise
        ),
        max_size=40,
    ),
    column=st.booleans(),
)
def test_a_drawn_split_keeps_a_recording_on_one_side(tmp_path_factory, clips, column):
    folder = tmp_path_factory.mktemp("list")
    clips = [*clips, *((100 + i, "", "") for i in range(20))]  # enough recordings, whatever was drawn
    header = ["clip_id", "source", "label", "duration_s", "split", *(["recording"] if column else [])]
    rows = [
        (f"{number}", f"{file}.wav", "x", "1", split, *([recording] if column else []))
        for number, (file, recording, split) in enumerate(clips)
    ]
    table = make(folder, list=str(write_list(folder / "list.csv", header, *rows)))
    of = recordings(table, folder)
    given_to = {s: {r for r, clip in zip(of, clips, strict=True) if clip[2] == s} for s in ("train", "test")}
    for recording in set(of):
        drawn = {s for r, s, clip in zip(of, table.split, clips, strict=True) if r == recording and not clip[2]}
        assert len(drawn) <= 1
        if drawn and recording in given_to["train"] | given_to["test"]:
            assert drawn == {"train" if recording in given_to["train"] else "test"}
    assert all(split == clip[2] for split, clip in zip(table.split, clips, strict=True) if clip[2])


def test_files_of_five_clips_each_are_not_torn_apart(tmp_path):
    rows = [(f"{i}-{k}", f"{i}.wav", "ab"[i % 2], str(k), "1") for i in range(12) for k in range(5)]
    listing = write_list(tmp_path / "list.csv", ["clip_id", "source", "label", "start_s", "duration_s"], *rows)
    table = make(tmp_path, list=str(listing))
    assert (table.groupby("source")["split"].nunique() == 1).all()
    assert table.split.value_counts().to_dict() == {"train": 40, "validation": 10, "test": 10}
    # One recording a clip, if it is said so.
    rows = [(*row, row[0]) for row in rows]
    header = ["clip_id", "source", "label", "start_s", "duration_s", "recording"]
    table = make(tmp_path, list=str(write_list(tmp_path / "list.csv", header, *rows)))
    assert (table.groupby("source")["split"].nunique() > 1).any()


def test_a_label_of_one_recording_cannot_be_split(tmp_path):
    rows = [(f"{k}", "long.wav", "a", str(k), "1") for k in range(9)]
    listing = write_list(tmp_path / "list.csv", ["clip_id", "source", "label", "start_s", "duration_s"], *rows)
    with pytest.raises(UserError, match=r"too few clips or recordings .*'a' .1.*the column recording of a list"):
        make(tmp_path, list=str(listing))


def test_files_that_are_clips_are_split_as_ever(tmp_path):
    rows = [(f"id{i}", f"{i}.wav", "a", "1") for i in range(40)]
    listing = write_list(tmp_path / "list.csv", ["clip_id", "source", "label", "duration_s"], *rows)
    table = make(tmp_path, list=str(listing))
    shares = {"test": 0.15, "validation": 0.15}
    assert table.split.tolist() == stratified(table.clip_id.tolist(), table.label.tolist(), shares, 0, "")
    assert list(table.columns) == list(COLUMNS)


def test_a_list_with_all_columns_is_taken_as_it_is(tmp_path):
    write_wav(tmp_path / "media" / "long.wav", 9)
    header = ["split", "clip_id", "label", "start_s", "duration_s", "source"]
    listing = write_list(
        tmp_path / "media" / "list.csv",
        header,
        ["train", "-a,1", 'x "y"', "0.5", "2", "long.wav"],
        ["validation", "b\n2", 'x "y"', "3", "2.25", str(tmp_path / "elsewhere.mp4")],
        ["test", "c", 'x "y"', "6", "1", "https://example.org/c.mp4"],
    )
    table = make(tmp_path, list=str(listing))
    rel = os.path.relpath(tmp_path / "media" / "long.wav", tmp_path)
    assert [tuple(row) for row in table.itertuples(index=False)] == [
        ("-a,1", str(tmp_path / rel), 0.5, 2.0, 'x "y"', "train"),
        ("b\n2", str(tmp_path / "elsewhere.mp4"), 3.0, 2.25, 'x "y"', "validation"),
        ("c", "https://example.org/c.mp4", 6.0, 1.0, 'x "y"', "test"),
    ]


def test_a_list_of_sources_and_labels_is_enough(tmp_path):
    for i in range(8):
        write_wav(tmp_path / f"{i}.wav", 2)
    rows = [(f"{i}.wav", "ab"[i % 2]) for i in range(8)]
    table = make(tmp_path, list=str(write_list(tmp_path / "list.csv", ["source", "label"], *rows)))
    assert list(table.clip_id) == [f"{i}.wav" for i in range(8)]
    assert Counter(zip(table.label, table.split, strict=True)) == {
        (label, split): n for label in "ab" for split, n in (("train", 2), ("validation", 1), ("test", 1))
    }
    assert set(table.duration_s) == {2}


def test_empty_cells_take_defaults(tmp_path):
    write_wav(tmp_path / "x.wav", 5)
    header = ["clip_id", "source", "label", "start_s", "duration_s", "split", "recording"]
    rows = [(f"c{i}", "x.wav", "a", 1.5 if i else "", "", "test" if i < 2 else "", f"r{i}") for i in range(6)]
    table = make(tmp_path, list=str(write_list(tmp_path / "list.csv", header, *rows)), validation_share=0.25)
    assert list(table.duration_s) == [5, 3.5, 3.5, 3.5, 3.5, 3.5]
    assert Counter(table.split) == {"test": 2, "validation": 1, "train": 3}


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("clip_id,source", "a,x.wav", "has no column 'label'"),
        ("source,label,spilt", "x.wav,a,test", "has the column 'spilt'. Name it 'split'"),
        ("source,label,split", "x.wav,a,val", "row 2: split is 'val'; it must be one of train, validation, test"),
        ("source,label,start_s", "x.wav,a,-1", "row 2: start_s is '-1'"),
        ("source,label,start_s", "x.wav,a,nan", "row 2: start_s is 'nan'"),
        ("source,label,duration_s", "x.wav,a,0", "row 2: duration_s is 0"),
        ("source,label,duration_s", "x.wav,a,long", "row 2: duration_s is 'long'"),
        ("source,label", "x.wav,a\nx.wav,a", "row 3: 'x.wav' is already in row 2. Give each clip its own clip_id"),
        ("source,label", "x.wav,", "row 2: label is empty"),
        ("source,label", "x.wav,a,b", "row 2 has 3 fields instead of 2"),
        ("source,label", "", "holds no clips"),
    ],
)
def test_a_bad_list_is_reported_with_its_row(tmp_path, header, row, message):
    (tmp_path / "list.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"list.csv.*{message}"):
        make(tmp_path, list=str(tmp_path / "list.csv"))


def test_exactly_one_of_folder_and_list(tmp_path):
    for options in ({}, {"directory": str(tmp_path), "list": str(tmp_path / "list.csv")}):
        with pytest.raises(UserError, match="exactly one of directory and list"):
            make(tmp_path, **options)
    with pytest.raises(UserError, match=r"absent does not exist"):
        make(tmp_path, directory=str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"kind: 'fodler' is unknown"):
        build_manifest("fodler", {}, {}, tmp_path / "clips.csv")


@pytest.mark.parametrize(
    "name", ["__MACOSX/dog", "dog/@eaDir", "lost+found", "$RECYCLE.BIN/S-1-5", "#recycle", "System Volume Information"]
)
def test_folders_of_the_system_are_left_out_aloud(tmp_path, capsys, name):
    root = fill(tmp_path / "clips", ["cat", "dog"])
    write_wav(root / name / "0.wav")
    assert len(of_folder(root)) == 20
    assert (
        f"left out the system's folders {next(part for part in name.split('/') if part != 'dog')}"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("unreadable", [".", "cat", "dog"])
def test_an_unreadable_folder_is_named_in_a_line(tmp_path, monkeypatch, unreadable):
    root = fill(tmp_path / "clips", ["cat", "dog"])
    listed = os.listdir

    def refuse(path):
        if Path(path) == root / unreadable:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UserError, match=r"^the folder \S+ cannot be read: Permission denied\. Make it readable"):
        of_folder(root)


@pytest.mark.parametrize("labels", [("caf\u00e9", "cafe\u0301"), ("a", "a "), ("\u1e9b\u0323", "\u017f\u0323\u0307")])
def test_forms_of_one_label_are_one_label(tmp_path, capsys, labels):
    rows = [(f"{number}.wav", labels[number % 2]) for number in range(10)]
    path = write_list(tmp_path / "list.csv", ["source", "label"], *rows)
    clips = make(tmp_path, list=str(path), test_share=0, validation_share=0)
    assert set(clips.label) == {unicodedata.normalize("NFC", labels[0]).strip()}
    assert "taken as one label" in capsys.readouterr().out


def test_forms_of_one_label_in_different_splits_are_one_label(tmp_path):
    root = tmp_path / "clips"
    fill(root / "train", ["caf\u00e9", "bar"])
    fill(root / "test", ["cafe\u0301", "bar"])
    assert set(of_folder(root).label) == {"caf\u00e9", "bar"}


def test_all_tiny_classes_are_named_and_the_remedies_work(tmp_path):
    root = fill(tmp_path / "clips", ["cat"], 5)
    fill(root, ["rare", "rarer"], 1)
    with pytest.raises(UserError) as error:
        of_folder(root)
    for part in (
        "2 of 3 labels",
        "'rare' (1), 'rarer' (1)",
        "Each needs 3 or more",
        "test_share and validation_share to 0",
    ):
        assert part in str(error.value)
    assert len(of_folder(root, test_share=0, validation_share=0)) == 7
    for name in ("rare", "rarer"):
        fill(root, [name], 3)
    assert len(of_folder(root)) == 11


@pytest.mark.parametrize(
    "header", [["source", "label", "label"], ["label", "source", "label"], ["source", "label", "source"]]
)
def test_a_column_that_is_there_twice_is_refused(tmp_path, header):
    path = write_list(tmp_path / "list.csv", header, ["a", "b", "c"])
    with pytest.raises(UserError, match=rf"has the column '{header[2]}' twice"):
        make(tmp_path, list=str(path))


@pytest.mark.parametrize(
    ("source", "written"), [(".\\0.wav", "./0.wav"), ("~/0.wav", "/home/me/0.wav"), ("D:\\a\\0.wav", "D:/a/0.wav")]
)
def test_paths_of_other_systems_are_met_with_what_to_write(tmp_path, monkeypatch, source, written):
    monkeypatch.setenv("HOME", "/home/me")
    path = write_list(tmp_path / "list.csv", ["source", "label"], [source, "a"])
    with pytest.raises(UserError, match=rf"row 2: the source is .* write {written}\."):
        make(tmp_path, list=str(path))


@pytest.mark.parametrize("source", ["/proc/kmsg", "/dev/zero", "pipe.wav"])
def test_what_is_no_file_is_not_opened(tmp_path, monkeypatch, source):
    os.mkfifo(tmp_path / "pipe.wav")
    monkeypatch.setattr("avbench.datasets.folder.duration_s", lambda path: pytest.fail(f"{path} was opened"))
    path = write_list(tmp_path / "list.csv", ["source", "label"], [source, "a"])
    assert make(tmp_path, list=str(path), test_share=0, validation_share=0).duration_s.tolist() == [10.0]


def test_files_that_are_no_clips_are_counted_beside_the_manifest(tmp_path):
    root = fill(tmp_path / "clips", ["cat", "dog"])
    (root / "cat" / "notes.TXT").touch()
    (root / "dog" / "README").touch()
    of_folder(root)
    assert read_json(tmp_path / "left_out.json") == {".txt": 1, "none": 1}
    (root / "cat" / "notes.TXT").unlink()
    (root / "dog" / "README").unlink()
    odd = os.path.join(os.fsencode(root), b"cat", b"a.caf\xe9")
    os.close(os.open(odd, os.O_CREAT))
    of_folder(root)
    assert read_json(tmp_path / "left_out.json") == {".caf\\udce9": 1}
    os.unlink(odd)
    of_folder(root)
    assert not (tmp_path / "left_out.json").exists()


def make_sets(tmp_path, *rows, header=("source", "label", "split")):
    for number in range(len(rows)):
        write_wav(tmp_path / f"{number}.wav", 2)
    listing = write_list(tmp_path / "list.csv", header, *((f"{number}.wav", *row) for number, row in enumerate(rows)))
    return make(tmp_path, list=str(listing), multi_label=True)


def test_labels_of_a_list_are_written_as_sets(tmp_path):
    rows = [("rain; dog", "train"), ("dog;rain;dog", "train"), ("rain", "validation"), (" dog", "test")]
    assert list(make_sets(tmp_path, *rows).label) == ["dog;rain", "dog;rain", "rain", "dog"]


def test_clips_with_several_labels_are_split_whatever_their_sets(tmp_path):
    rows = [(f"a;{number}",) for number in range(10)]
    with pytest.raises(UserError, match="the label '.' of test clip"):  # which are found in no other clip
        make_sets(tmp_path, *rows, header=("source", "label"))
    found = make_sets(tmp_path, *[("a;b",), ("b",), ("a",), ("a;c",), ("c",)] * 4, header=("source", "label"))
    assert Counter(found.split) == {"train": 14, "validation": 3, "test": 3}


def test_a_label_of_a_set_that_no_training_clip_has_is_named(tmp_path):
    rows = [("dog", "train"), ("dog", "validation"), ("cat;dog", "test")]
    with pytest.raises(UserError, match="the label 'cat' of test clip '2.wav' is unknown"):
        make_sets(tmp_path, *rows)
    with pytest.raises(UserError, match="'dog;;cat' hold an empty one"):
        make_sets(tmp_path, ("dog;;cat", "train"))
