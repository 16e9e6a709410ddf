"""Recordings that splits share: who is of one, and what is listed and left out."""

from collections import defaultdict

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from avbench.data.manifest import COLUMNS, RECORDING, SPLITS
from avbench.data.recordings import COLUMNS as LISTED
from avbench.data.recordings import everywhere, recordings, shared


def manifest(*rows):
    """Rows of id, source, split and, if all have one, recording."""
    clips = [(i, source, 0.0, 1.0, "x", split, *more) for i, source, split, *more in rows]
    return pd.DataFrame(clips, columns=[*COLUMNS, RECORDING][: len(clips[0])])


def test_a_recording_is_what_the_manifest_says_or_else_the_source(tmp_path):
    clips = manifest(("a", "x/../long.wav", "train"), ("b", "long.wav", "test"), ("c", "https://h/v?a/../b", "test"))
    of_a, of_b, of_c = recordings(clips, tmp_path)
    assert of_a == of_b == str(tmp_path / "long.wav")
    assert of_c == "https://h/v?a/../b"
    named = manifest(("a", "long.wav", "train", "dawn"), ("b", "long.wav", "test", ""), ("c", "c.wav", "test", "dawn"))
    assert recordings(named, tmp_path) == ["dawn", str(tmp_path / "long.wav"), "dawn"]


def test_only_files_addresses_and_youtube_ids_mean_the_same_in_another_dataset(tmp_path):
    clips = manifest(("a", "a.wav", "train", "1"), ("b", "b.mp4", "train", "-abcdefghi_"))
    assert everywhere(clips, tmp_path) == [{str(tmp_path / "a.wav")}, {str(tmp_path / "b.mp4"), "-abcdefghi_"}]


def test_a_file_is_the_same_in_another_dataset_by_whatever_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative, absolute = (manifest(("a", name, "train")) for name in ("../../x.mp4", str(tmp_path / "x.mp4")))
    assert everywhere(relative, "data/one") == everywhere(absolute, "data/two") == [{str(tmp_path / "x.mp4")}]


def test_clips_of_shared_recordings_are_listed_with_one_of_the_others():
    clips = pd.DataFrame(
        [("d", "train", "r"), ("a", "train", "r"), ("b", "validation", "r"), ("e", "test", "r"), ("c", "test", "r")],
        columns=["clip_id", "split", "recording"],
    )
    assert list(shared(clips).columns) == list(LISTED)
    assert [tuple(row) for row in shared(clips).itertuples(index=False)] == [
        ("a", "train", "b", "validation", "r"),
        ("d", "train", "b", "validation", "r"),
        ("a", "train", "c", "test", "r"),
        ("d", "train", "c", "test", "r"),
        ("b", "validation", "c", "test", "r"),
    ]


@given(st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from("pqrstu"))))
def test_without_what_is_listed_no_recording_is_in_two_splits(drawn):
    rows = [(f"{number:03d}", split, recording) for number, (split, recording) in enumerate(drawn)]
    clips = pd.DataFrame(rows, columns=["clip_id", "split", "recording"])
    listed = set(shared(clips)["clip_id"])
    sides, last = defaultdict(set), {}
    for clip_id, split, recording in rows:
        last[recording] = max(last.get(recording, 0), SPLITS.index(split))
        if clip_id not in listed:
            sides[recording].add(split)
    assert all(len(side) == 1 for side in sides.values())
    # Nothing else is listed: a clip stays if no later split has its recording.
    assert listed == {clip_id for clip_id, split, recording in rows if SPLITS.index(split) < last[recording]}
