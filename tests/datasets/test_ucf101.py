"""UCF101: folders of classes and the official lists; classes whose files have sound."""

import pytest

from avbench.core.errors import UserError
from avbench.data.manifest import read_manifest
from avbench.datasets import build_manifest
from tests.support import media_files

SOUNDING, SILENT = ["Archery", "HandstandPushups"], ["Biking"]


def names(label):
    """Five groups a class with two clips each; one class is written otherwise in its files' names."""
    written = label.replace("Handstand", "HandStand")
    return [f"v_{written}_g{group:02d}_c{clip:02d}.avi" for group in range(1, 6) for clip in (1, 2)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ucf101")
    (folder / "ucfTrainTestlist").mkdir()
    labels = sorted(SOUNDING + SILENT)
    index = "".join(f"{number} {label}\n" for number, label in enumerate(labels, start=1))
    (folder / "ucfTrainTestlist" / "classInd.txt").write_text(index)
    for label in labels:
        (folder / "UCF-101" / label).mkdir(parents=True)
        for number, name in enumerate(names(label)):
            # One file of a class with sound has none.
            silent = label in SILENT or (label == "Archery" and number == 3)
            audio = {} if silent else {"audio": media_files.noise(1.0), "audio_codec": "mp3"}
            frames = media_files.moving(8, seed=number)
            media_files.write_media(folder / "UCF-101" / label / name, frames, video_codec="mpeg4", **audio)
    for split in (1, 2, 3):
        train, test = [], []
        for number, label in enumerate(labels, start=1):
            for name in names(label):
                tested = f"_g{split:02d}_" in name
                line = f"{label}/{name.replace('HandStand', 'Handstand')}"
                (test if tested else train).append(line if tested else f"{line} {number}")
        (folder / "ucfTrainTestlist" / f"trainlist{split:02d}.txt").write_text("\n".join(train) + "\n")
        (folder / "ucfTrainTestlist" / f"testlist{split:02d}.txt").write_text("\n".join(test) + "\n")
    return folder


def make(files, tmp_path, **options):
    build_manifest("ucf101", {"directory": str(files)} | options, {}, tmp_path / "clips.csv")
    return read_manifest(tmp_path / "clips.csv")


@pytest.mark.parametrize("split", [1, 2, 3])
def test_each_official_split_becomes_a_manifest_of_the_classes_with_sound(files, tmp_path, split, capsys):
    clips = make(files, tmp_path, split=split, validation_share=0.25)
    assert "2 of 3 classes have sound; left out are Biking" in capsys.readouterr().out
    assert sorted(clips.clip_id) == sorted(name[:-4] for label in SOUNDING for name in names(label))
    assert set(clips.clip_id[clips.split == "test"].str[-7:-4]) == {f"g{split:02d}"}
    assert (clips.groupby("recording").split.nunique() == 1).all()
    assert clips[clips.split == "validation"].label.value_counts().to_dict() == dict.fromkeys(SOUNDING, 2)
    for clip in clips.itertuples():
        assert clip.source == f"{files}/UCF-101/{clip.label}/{clip.clip_id}.avi"
        assert clip.duration_s == pytest.approx(1.0, abs=0.2)  # sound is padded to whole frames


def test_all_classes_can_be_asked_for(files, tmp_path):
    assert set(make(files, tmp_path, classes="all").label) == {*SOUNDING, *SILENT}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": 4}, "options.split: 4 is unknown"),
        ({"classes": "some"}, "options.classes: 'some' is unknown"),
        ({"directory": "/nowhere"}, "nowhere does not exist. Set options.directory"),
    ],
)
def test_options_that_are_wrong_are_named(files, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        make(files, tmp_path, **options)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Archery/../../x.avi", r"trainlist01.txt, row 1: .* is not Class/v_Class_g01_c01.avi"),
        (
            "Archery/v_Archery_g02_c01.avi 1\nArchery/v_Archery_g02_c01.avi 1",
            "row 2: 'v_Archery_g02_c01' is already in",
        ),
        ("", "trainlist01.txt is empty"),
    ],
)
def test_lists_that_break_a_rule_are_named(files, tmp_path, line, message):
    (tmp_path / "UCF-101").symlink_to(files / "UCF-101")
    (tmp_path / "ucfTrainTestlist").mkdir()
    (tmp_path / "ucfTrainTestlist" / "trainlist01.txt").write_text(line + "\n")
    with pytest.raises(UserError, match=message):
        make(tmp_path, tmp_path)
