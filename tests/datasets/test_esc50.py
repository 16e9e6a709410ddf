"""ESC-50: the table and the folder as they are published, a fold against the others."""

import csv

import pytest

from avbench.core.errors import UserError
from avbench.data.manifest import read_manifest
from avbench.datasets import build_manifest

HEADER = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
CATEGORIES = ["dog", "chirping_birds", "hand_saw"]


def rows_of_set():
    """Eight clips a class and fold, two of each source recording, as ``{fold}-{source}-{take}-{target}.wav``."""
    for fold in range(1, 6):
        for target, category in enumerate(CATEGORIES):
            for number in range(8):
                source, take = fold * 10_000 + target * 100 + number // 2, "AB"[number % 2]
                yield [f"{fold}-{source}-{take}-{target}.wav", fold, target, category, target == 0, source, take]


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "ESC-50-master"
    for name in ("meta", "audio"):
        (folder / name).mkdir(parents=True)
    with (folder / "meta" / "esc50.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows_of_set()])
    return folder


def make(root, **options):
    path = root.parent / "clips.csv"
    build_manifest("esc50", {"directory": str(root)} | options, {}, path)
    return read_manifest(path)


@pytest.mark.parametrize("fold", range(1, 6))
def test_each_fold_is_tested_against_the_others(root, fold):
    clips = make(root, fold=fold)
    assert len(clips) == 120
    test = clips[clips.split == "test"]
    assert set(test.clip_id.str[0]) == {str(fold)}
    assert len(test) == 24
    listed = {row[0].removesuffix(".wav"): row for row in rows_of_set()}
    for clip in clips.itertuples():
        row = listed[clip.clip_id]
        assert (clip.source, clip.label, clip.recording) == (f"{root}/audio/{row[0]}", row[3], str(row[5]))
        assert (clip.start_s, clip.duration_s) == (0.0, 5.0)


@pytest.mark.parametrize("seed", range(3))
def test_takes_of_a_recording_are_never_on_two_sides(root, seed):
    clips = make(root, validation_share=0.25, seed=seed)
    assert (clips.groupby("recording").split.nunique() == 1).all()
    held = clips[clips.split == "validation"].label.value_counts()
    assert held.to_dict() == dict.fromkeys(CATEGORIES, 8)  # a quarter of 16 recordings, two takes each


def test_the_folder_that_holds_the_set_will_do_too(root):
    assert make(root).equals(make(root, directory=str(root.parent)))


def change(root, **cells):
    path = root / "meta" / "esc50.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    rows[5] |= cells
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER)
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"fold": "6"}, r"esc50.csv, row 7: the fold is '6'; it must be one of 1, 2, 3, 4, 5"),
        ({"filename": "../x.wav"}, r"row 7: '../x.wav' is no file name"),
        ({"filename": "1-10000-A-0.wav"}, r"row 7: clip '1-10000-A-0' is already in .*row 2"),
        ({"category": ""}, r"row 7: category is empty"),
    ],
)
def test_rows_that_break_a_rule_are_named(root, cells, message):
    change(root, **cells)
    with pytest.raises(UserError, match=message):
        make(root)


def test_what_is_missing_is_named(root, tmp_path):
    with pytest.raises(UserError, match=r"nowhere does not exist. Set options.directory .*options.archive"):
        make(root, directory=str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"options.fold: 6 is unknown"):
        make(root, fold=6)
