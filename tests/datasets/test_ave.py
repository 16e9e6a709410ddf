"""AVE: lists separated by ampersands, videos by their YouTube ids."""

import pytest

from avbench.core.errors import UserError
from avbench.data.manifest import read_manifest
from avbench.data.recordings import everywhere
from avbench.datasets import build_manifest

HEADER = "Category&VideoID&Quality&StartTime&EndTime"
EVENTS = ["Church bell", "Male speech, man speaking", "Fixed-wing aircraft, airplane"]
LISTS = {"trainSet.txt": "train", "valSet.txt": "validation", "testSet.txt": "test"}


def rows_of_set():
    for place, name in enumerate(LISTS):
        for number, event in enumerate(EVENTS):
            for clip in range(3):
                yield name, f"{event}&{'-_A'[place]}id{place}{number}{clip}_xyZw&good&{clip}&10"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "AVE_Dataset"
    (folder / "AVE").mkdir(parents=True)
    rows = list(rows_of_set())
    for name in LISTS:
        (folder / name).write_text("".join(f"{row}\n" for listed, row in rows if listed == name))
    (folder / "Annotations.txt").write_text("\n".join([HEADER, *(row for _, row in rows)]))
    return folder


def make(root, **options):
    build_manifest("ave", {"directory": str(root)} | options, {}, root.parent / "clips.csv")
    return read_manifest(root.parent / "clips.csv")


def test_the_official_splits_become_a_manifest(root):
    clips = make(root)
    expected = {row.split("&")[1]: (row.split("&")[0], LISTS[name]) for name, row in rows_of_set()}
    assert {c.clip_id: (c.label, c.split) for c in clips.itertuples()} == expected
    assert clips.recording.tolist() == clips.clip_id.tolist()
    assert clips.source.tolist() == [f"{root}/AVE/{video}.mp4" for video in clips.clip_id]
    assert set(clips.duration_s) == {10.0}
    assert make(root, directory=str(root.parent)).equals(clips)


def test_headers_and_repeated_events_of_a_video_are_one_clip(root, capsys):
    path = root / "trainSet.txt"
    first = path.read_text().splitlines()[0]
    path.write_text("\n".join([HEADER, path.read_text(), first.replace("&0&10", "&6&9")]))
    clips = make(root)
    assert len(clips) == 27
    assert "two splits" not in capsys.readouterr().out


def test_a_video_with_two_events_is_a_clip_of_each(root):
    path = root / "trainSet.txt"
    video = path.read_text().splitlines()[0].split("&")[1]
    path.write_text(path.read_text() + f"{EVENTS[1]}&{video}&good&0&10\n")
    clips = make(root).set_index("clip_id")
    both = [f"{video}+{EVENTS[0]}", f"{video}+{EVENTS[1]}"]
    assert set(clips.loc[both].recording) == {video}
    assert clips.loc[both].source.nunique() == 1
    assert video not in clips.index


def test_a_video_in_two_splits_counts_for_the_later_one_aloud(root, capsys):
    row = (root / "testSet.txt").read_text().splitlines()[0]
    path = root / "trainSet.txt"
    path.write_text(path.read_text() + row + "\n")
    clips = make(root).set_index("clip_id")
    assert clips.loc[row.split("&")[1]].split == "test"
    assert f"1 videos are listed in two splits, such as {row.split('&')[1]!r}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Church bell&../x&good&0&10", r"trainSet.txt, row 10: '../x' is no YouTube id"),
        ("Church bell&abc&good&0", r"trainSet.txt, row 10 has 4 fields instead of 5"),
        ("&abc&good&0&10", r"row 10: Category is empty"),
    ],
)
def test_rows_that_break_a_rule_are_named(root, row, message):
    path = root / "trainSet.txt"
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(UserError, match=message):
        make(root)


def test_what_is_missing_is_named(root):
    (root / "valSet.txt").unlink()
    with pytest.raises(UserError, match=r"valSet.txt cannot be read"):
        make(root)


def test_videos_that_vggsound_has_too_are_known_by_their_ids(root):
    clips = make(root)
    listing = root.parent / "vggsound.csv"
    shared, other = clips.recording[0], "zzzzzzzzzzz"
    assert len(shared) == 11
    listing.write_text(f"{shared},30,church bell ringing,train\n{other},7,church bell ringing,train\n")
    build_manifest("vggsound", {"validation_share": 0.0}, {"listing": listing}, root.parent / "vggsound" / "clips.csv")
    of_vggsound = everywhere(read_manifest(root.parent / "vggsound" / "clips.csv"), root.parent / "vggsound")
    tested = set().union(*everywhere(clips, root.parent))
    assert [bool(names & tested) for names in of_vggsound] == [True, False]
