"""VGGSounder: VGGSound's test clips with sets of labels, by what is heard and what is seen."""

import csv

import pytest

from avbench.core.errors import UserError
from avbench.data.manifest import read_manifest
from avbench.datasets import build_manifest

HEADER = ["video_id", "label", "modality", "background_music", "static_image", "voice_over"]
LABELS = [
    ("t0-abcdefgh_000030", "dog barking", "AV"),
    ("t0-abcdefgh_000030", "people crowd", "V"),
    ("t0-abcdefgh_000030", "bird chirping, tweeting", "A"),
    ("t1-abcdefgh_000000", "people crowd", "V"),
    ("nobody00000_000001", "dog barking", "AV"),
]


@pytest.fixture
def files(tmp_path):
    names = ["dog barking", "people crowd", "bird chirping, tweeting"]
    rows = [(f"{number:03d}-train__", 10, names[number % 3], "train") for number in range(300)]
    rows += [("t0-abcdefgh", 30, "dog barking", "test"), ("t1-abcdefgh", 0, "people crowd", "test")]
    rows += [("t2-abcdefgh", 5, "dog barking", "test")]
    write(tmp_path / "list.csv", rows)
    write(tmp_path / "labels.csv", [HEADER, *((*row, False, False, False) for row in LABELS)])
    return tmp_path


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def make(files, **options):
    inputs = {"listing": files / "list.csv", "labels": files / "labels.csv"}
    build_manifest("vggsounder", options, inputs, files / "clips.csv")
    return read_manifest(files / "clips.csv")


@pytest.mark.parametrize(
    ("perceived", "sets"),
    [
        ("any", {"t0": "bird chirping, tweeting;dog barking;people crowd", "t1": "people crowd"}),
        ("audible", {"t0": "bird chirping, tweeting;dog barking"}),
        ("visible", {"t0": "dog barking;people crowd", "t1": "people crowd"}),
        ("both", {"t0": "dog barking"}),
    ],
)
def test_test_clips_have_the_labels_that_are_asked_for(files, perceived, sets, capsys):
    clips = make(files, perceived=perceived, training_share=1.0)
    test = clips[clips.split == "test"]
    assert {clip.clip_id[:2]: clip.label for clip in test.itertuples()} == sets
    assert (
        f"{len(sets)} of 3 test clips have a label ({perceived}); 1 clips that it has are no" in capsys.readouterr().out
    )
    assert (clips.split != "test").sum() == 300
    assert not clips.label[clips.split != "test"].str.contains(";").any()


def test_a_share_of_the_training_videos_is_taken(files):
    whole, part = make(files, training_share=1.0), make(files, training_share=0.3, validation_share=0.2)
    training = part[part.split != "test"]
    assert 50 < len(training) < 130
    assert set(training.clip_id) < set(whole.clip_id)
    assert set(training.split) == {"train", "validation"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["t2-abcdefgh_000005", "dog barking", "VA", 0, 0, 0], "labels.csv, row 7: the modality is 'VA'"),
        (["t2-abcdefgh_000005", "", "A", 0, 0, 0], "row 7: label is empty"),
        (
            ["t2-abcdefgh_000005", "dog barkin", "A", 0, 0, 0],
            "the label 'dog barkin' of test clip 't2-abcdefgh_000005'",
        ),
    ],
)
def test_labels_that_break_a_rule_are_named(files, row, message):
    with (files / "labels.csv").open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerow(row)
    with pytest.raises(UserError, match=message):
        make(files)


def test_labels_of_other_clips_are_an_error(files):
    write(files / "labels.csv", [HEADER, ("nobody00000_000001", "dog barking", "AV", 0, 0, 0)])
    with pytest.raises(UserError, match="no clip of it is a test clip of"):
        make(files)
    with pytest.raises(UserError, match="options.perceived: 'heard' is unknown"):
        make(files, perceived="heard")
