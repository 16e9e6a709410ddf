"""TAU Urban Audio-Visual Scenes 2021: the tables of the development set, and places that stay together."""

import csv
from collections import Counter, defaultdict

import pytest

from avbench.core.errors import UserError
from avbench.data.manifest import read_manifest
from avbench.datasets import build_manifest

SCENES = ["airport", "metro_station", "street_pedestrian"]
META = ["filename_audio", "filename_video", "scene_label", "identifier"]


def write_tsv(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter="\t").writerows([header, *rows])


def rows_of_set():
    """Ten places a scene with four clips each; the last two are fold 1's evaluation part."""
    for scene in SCENES:
        for place in range(10):
            for segment in range(4):
                stem = f"{scene}-lisbon-{SCENES.index(scene) * 10 + place}-{segment}"
                row = [f"audio/{stem}.wav", f"video/{stem}.mp4", scene, f"lisbon-{SCENES.index(scene) * 10 + place}"]
                yield row, "test" if place >= 8 else "train"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "TAU-urban-audio-visual-scenes-2021-development"
    rows = list(rows_of_set())
    write_tsv(folder / "meta.csv", META, [row for row, _ in rows])
    for part, split in (("train", "train"), ("evaluate", "test")):
        chosen = [row[:3] for row, s in rows if s == split]
        write_tsv(folder / "evaluation_setup" / f"fold1_{part}.csv", META[:3], chosen)
    write_tsv(folder / "evaluation_setup" / "fold1_test.csv", META[:2], [row[:2] for row, s in rows if s == "test"])
    for kind in ("audio", "video"):
        (folder / kind).mkdir()
    return folder


def make(root, **options):
    path = root.parent / "clips.csv"
    build_manifest("tau_av", {"directory": str(root)} | options, {}, path)
    return read_manifest(path)


def test_the_official_layout_becomes_a_manifest(root):
    table = make(root)
    assert len(table) == 120
    expected = {row[0].split("/")[1][:-4]: (f"{root}/{row[0]}", row[2]) for row, _ in rows_of_set()}
    assert {row.clip_id: (row.source, row.label) for row in table.itertuples()} == expected
    places = {row[0].split("/")[1][:-4]: row[3] for row, _ in rows_of_set()}
    assert dict(zip(table.clip_id, table.recording, strict=True)) == places
    assert (table.groupby("recording")["split"].nunique() == 1).all()
    assert set(table.start_s) == {0}
    assert set(table.duration_s) == {10}
    official = {row[0].split("/")[1][:-4]: split for row, split in rows_of_set()}
    assert {row.clip_id for row in table.itertuples() if row.split == "test"} == {
        key for key, split in official.items() if split == "test"
    }


def test_the_folder_that_holds_the_set_will_do_too(root):
    assert make(root).equals(make(root.parent / "other", directory=str(root.parent)))


@pytest.mark.parametrize("seed", range(5))
def test_no_place_is_on_two_sides(root, seed):
    table = make(root, validation_share=0.25, seed=seed)
    sides = defaultdict(set)
    for row in table.itertuples():
        sides[row.clip_id.rsplit("-", 1)[0]].add(row.split)
    assert {len(side) for side in sides.values()} == {1}
    held = Counter(place.split("-")[0] for place, side in sides.items() if side == {"validation"})
    assert held == dict.fromkeys(SCENES, 2)


def test_the_split_is_the_same_again_and_other_with_another_seed(root):
    first, again, other = make(root), make(root), make(root, seed=1)
    assert first.equals(again)
    assert list(first.split) != list(other.split)


def test_the_video_file_is_the_source_on_request(root):
    assert all(source.endswith(".mp4") for source in make(root, media="video").source)
    with pytest.raises(UserError, match=r"options.media: 'both'"):
        make(root, media="both")


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("meta.csv", ["../secret.wav", "video/x.mp4", "airport", "x-1"], None),
        ("meta.csv", ["audio/airport-lisbon-0-0.wav", "video/x.mp4", "airport", "x-1"], "row 122: .* already in row 2"),
        ("meta.csv", ["audio/x.wav", "video/x.mp4", "airport"], "row 122 has 3 fields instead of 4"),
        ("meta.csv", ["audio/x.wav", "video/x.mp4", "airport", ""], "row 122: identifier is empty"),
        (
            "evaluation_setup/fold1_train.csv",
            ["audio/x.wav", "video/x.mp4", "airport"],
            "row 98: 'audio/x.wav' is not in",
        ),
        (
            "evaluation_setup/fold1_evaluate.csv",
            ["audio/airport-lisbon-0-0.wav", "video/airport-lisbon-0-0.mp4", "airport"],
            "row 26: clip 'airport-lisbon-0-0' is already in .*fold1_train.csv, row 2",
        ),
        (
            "evaluation_setup/fold1_evaluate.csv",
            ["audio/airport-lisbon-8-0.wav", "video/airport-lisbon-8-0.mp4", "airprot"],
            "row 26: the label 'airprot' .* is unknown",
        ),
    ],
)
def test_a_bad_row_is_reported(root, table, row, message):
    with (root / table).open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter="\t").writerow(row)
    if message is None:  # listed nowhere else, so it is not used
        assert len(make(root)) == 120
        return
    with pytest.raises(UserError, match=f"{table}, {message}"):
        make(root)


@pytest.mark.parametrize("name", ["../../secret.wav", "/etc/secret.wav"])
def test_no_path_leads_out_of_the_folder(root, name):
    for table, row in (
        ("meta.csv", [name, "v.mp4", "airport", "x"]),
        ("evaluation_setup/fold1_train.csv", [name, "v.mp4", "airport"]),
    ):
        with (root / table).open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter="\t").writerow(row)
    with pytest.raises(UserError, match="leads out of the dataset's folder"):
        make(root)


def test_missing_parts_are_named(root, tmp_path):
    with pytest.raises(UserError, match=r"the folder .*absent does not exist. Set options.directory"):
        make(tmp_path / "absent")
    (root / "evaluation_setup" / "fold1_evaluate.csv").unlink()
    with pytest.raises(UserError, match=r"fold1_evaluate.csv cannot be read: No such file"):
        make(root)
    (root / "audio").rmdir()
    with pytest.raises(UserError, match=r"Extract the set's audio archives"):
        make(root)
    (root / "audio").mkdir()
    write_tsv(root / "meta.csv", META[:3], [])
    with pytest.raises(UserError, match=r"meta.csv has no column 'identifier'"):
        make(root)
