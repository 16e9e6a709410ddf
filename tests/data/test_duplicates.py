"""Duplicates across splits: copies are found, each with its nearest, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.core import files as fileio
from avbench.data import duplicates, fingerprints, near_hashes
from avbench.data.manifest import SPLITS
from avbench.data.media.decode import decode
from tests.support import media_files as files
from tests.support.recordings import RATE, STORE, differing, integers, scene


def re_encoded(path, frames, sound):
    """What is left of a clip after a small, bad copy at half the size and volume."""
    small = np.ascontiguousarray(frames[:, ::2, ::2][:, : frames.shape[1] // 4 * 2, : frames.shape[2] // 4 * 2])
    files.write_media(path, small, options={"crf": "34"}, audio=sound / 2, sample_rate=RATE, audio_codec="libmp3lame")
    return decode(path, STORE, 0.0, len(frames) / 8)


def hashes(frames, audio):
    return fingerprints.frame_hash(frames), fingerprints.audio_hash(audio, RATE)


def table_of(rows):
    return pd.DataFrame(rows, columns=["clip_id", "split", "frame_hash", "audio_hash"], dtype=object)


def pairs(found):
    return list(zip(found.clip_id, found.duplicate_of, strict=True))


def test_copies_are_found_and_nothing_else(tmp_path):
    rows = []
    for seed in range(6):
        frames, sound = scene(seed)
        copy = re_encoded(tmp_path / f"{seed}.mp4", frames, sound)
        rows += [(f"{seed}", "train", *hashes(frames, integers(sound)))]
        rows += [(f"copy {seed}", "test", *hashes(copy.frames, copy.audio))]
    found = duplicates.find(table_of(rows))
    assert pairs(found) == [(f"{seed}", f"copy {seed}") for seed in range(6)]
    assert found.audio_distance.max() < 50
    assert found.frame_distance.max() < 30


def test_copies_of_real_clips_are_found_and_nothing_else(tmp_path):
    clips = sorted(files.REAL_CLIPS.glob("vggsound/*.mp4"))
    if not clips:
        pytest.skip("no real clips")
    rows = []
    for path in clips:
        clip = decode(path, STORE, 0.0, 6.0)
        copy = re_encoded(tmp_path / "copy.mp4", clip.frames, clip.audio[None] / 32768)
        rows.append((path.stem, "validation", *hashes(clip.frames, clip.audio)))
        rows.append((f"copy of {path.stem}", "train", *hashes(copy.frames, copy.audio)))
    assert all(row[2] and row[3] for row in rows)
    found = duplicates.find(table_of(rows))
    assert sorted(pairs(found)) == sorted((f"copy of {path.stem}", path.stem) for path in clips)


def test_sounds_with_one_rhythm_are_not_duplicates():
    strokes = np.exp(-10 * (np.arange(4 * RATE) / RATE * 3 % 1))
    rows = [
        (str(seed), ("train", "test")[seed % 2], "", fingerprints.audio_hash(integers(3 * strokes * noise), RATE))
        for seed, noise in ((seed, files.noise(4, RATE, seed=seed)) for seed in range(40))
    ]
    assert all(row[3] for row in rows)
    assert duplicates.find(table_of(rows)).empty


def nearest(table):
    """What find must return, pair by pair: {(clip, other): (frame distance, audio distance)}."""
    clips = list(table.itertuples())
    found = {}
    for own in clips:
        for split in SPLITS:
            matches = []
            for other in clips:
                if other.split != split or split == own.split:
                    continue
                distances = [
                    differing(one, two) if one and two else None
                    for one, two in ((own.frame_hash, other.frame_hash), (own.audio_hash, other.audio_hash))
                ]
                frames, audio = distances
                known = [distance for distance in distances if distance is not None]
                limit = duplicates.FRAME_BITS if audio is not None else duplicates.FRAME_BITS_ALONE
                alike = (frames or 0) <= limit and (audio or 0) <= duplicates.AUDIO_BITS
                if known and alike:
                    matches.append((sum(known) / len(known), other.clip_id, other.split, distances))
            if matches:
                _, clip_id, found_split, distances = min(matches)
                pair = sorted([(own.split, own.clip_id), (found_split, clip_id)], key=lambda p: SPLITS.index(p[0]))
                found[pair[0][1], pair[1][1]] = distances
    return found


@st.composite
def tables(draw):
    """Clips that are copies of two or three others with some bits changed; some have no hash."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    originals = [[int.from_bytes(rng.bytes(32)) for _ in range(2)] for _ in range(draw(st.integers(1, 3)))]
    rows = []
    for k in range(draw(st.integers(0, 25))):
        made = []
        for original in originals[rng.integers(len(originals))]:
            changed = rng.choice(256, rng.choice([0, 20, 35, 60, 90]), replace=False).tolist()
            made.append("" if rng.random() < 0.2 else f"{original ^ sum(1 << bit for bit in changed):064x}")
        rows.append((f"clip {k * 7 % 26}", str(rng.choice(SPLITS)), *made))
    return table_of(rows)


@given(tables(), st.booleans())
def test_each_clip_has_its_nearest_duplicate_as_comparing_all_pairs_finds_it(table, products):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_hashes, "_TILE", (2, 3))
        patch.setattr(near_hashes, "_PRODUCT_TILE", (2, 3))
        patch.setattr(near_hashes, "_FEW", 0 if products else 2e8)
        found = duplicates.find(table)
    expected = nearest(table)
    distances = found[["frame_distance", "audio_distance"]].astype(object)
    distances = [[None if pd.isna(value) else value for value in row] for row in distances.to_numpy()]
    assert dict(zip(pairs(found), distances, strict=True)) == expected
    assert len(found) == len(expected)
    splits = dict(zip(table.clip_id, table.split, strict=True))
    assert [splits[clip_id] for clip_id in found.clip_id] == found.split.tolist()
    assert [splits[clip_id] for clip_id in found.duplicate_of] == found.duplicate_split.tolist()
    order = [SPLITS.index(a) * 3 + SPLITS.index(b) for a, b in zip(found.split, found.duplicate_split, strict=True)]
    keys = list(zip(order, found.clip_id, found.duplicate_of, strict=True))
    assert keys == sorted(keys)
    assert duplicates.find(table[~table.clip_id.isin(found.clip_id)]).empty


def test_a_jingle_in_every_clip_gives_few_rows():
    rows = [(f"{split} {k:03d}", split, "", "5a" * 32) for split in SPLITS for k in range(300)]
    found = duplicates.find(table_of(rows))
    assert set(found.clip_id) == {row[0] for row in rows if row[1] != "test"}
    assert len(found) < 2 * len(rows)


def test_hashes_that_differ_in_every_bit_are_no_duplicates():
    rows = [("a", "train", "", "0" * 64), ("b", "test", "", "f" * 64)]
    assert duplicates.find(table_of(rows)).empty


def test_what_has_no_hash_at_all_is_not_compared():
    rows = [("a", "train", "", None), ("b", "test", "", ""), ("c", "test", None, "5a" * 32)]
    found = duplicates.find(table_of(rows))
    assert list(found.columns) == list(duplicates.COLUMNS)
    assert found.empty
    assert duplicates.find(table_of([])).columns.tolist() == list(duplicates.COLUMNS)


def test_distances_are_whole_numbers_in_a_file_and_empty_where_nothing_was_compared(tmp_path):
    rows = [("b", "test", "", "5a" * 32), ("a", "train", "77" * 32, "5b" + "5a" * 31)]
    fileio.write_csv(tmp_path / "duplicates.csv", duplicates.find(table_of(rows)))
    header, row = (tmp_path / "duplicates.csv").read_text().splitlines()
    assert header == "clip_id,split,duplicate_of,duplicate_split,frame_distance,audio_distance"
    assert row == "a,train,b,test,,1"
