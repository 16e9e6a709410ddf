import dataclasses
import re
from pathlib import PurePosixPath

import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.core.hashing import shard_of
from avbench.data.manifest import read_manifest
from avbench.datasets.controlled import ControlledSettings, clip_list, manifest, write_factors, write_manifest_for
from avbench.datasets.controlled.class_names import MOST_CLASSES, class_labels
from avbench.datasets.controlled.classes import clips, fingerprint

SET = ControlledSettings(classes=24, train=40, validation=3, test=5)


@pytest.fixture(scope="module")
def table():
    return manifest(SET)


def test_ids_are_as_awkward_as_real_ones(table):
    ids = table["clip_id"]
    assert len(table) == 24 * 48
    assert ids.is_unique
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{11}_\d{6}", clip_id) for clip_id in ids)
    assert 0.015 < ids.str.startswith("-").mean() < 0.04
    video = ids.str[:11]
    assert 0.02 < video.duplicated().mean() < 0.07
    twice = table[video.duplicated(keep=False)].groupby(video)
    assert twice["label"].nunique().max() == 1
    assert twice["split"].nunique().max() == 1
    # The very first clips hold both traps, so that the smallest set has them.
    assert ids[0].startswith("-")
    assert ids[0][:11] == ids[1][:11]


def test_labels_are_as_awkward_as_real_ones():
    labels = class_labels(1, "controlled", 24)
    for awkward in (",", '"', "(", " "):
        assert sum(awkward in label for label in labels) >= 6
    every = class_labels(1, "controlled", MOST_CLASSES)
    assert len(set(every)) == MOST_CLASSES
    assert every[:24] == labels
    assert set(class_labels(1, "outdoors", 24)) != set(labels)


def test_sources_stay_inside_the_folder_and_look_like_no_option(table):
    for source in table["source"]:
        parts = PurePosixPath(source).parts
        assert parts[0] == "media"
        assert not any(part.startswith((".", "-", "/")) for part in parts)


def test_manifest_reads_back_and_sits_beside_the_media(tmp_path, table):
    write_manifest_for(SET, tmp_path / "clips.csv")
    pd.testing.assert_frame_equal(read_manifest(tmp_path / "clips.csv"), table, check_dtype=False)
    assert set(table["duration_s"]) == {4.0}
    assert set(table["start_s"]) == {0.0}


def test_smaller_sets_are_nested():
    smaller = clip_list(dataclasses.replace(SET, classes=7, train=11, validation=2))
    larger = clip_list(SET)
    pd.testing.assert_frame_equal(
        smaller, smaller[["clip_id"]].merge(larger, how="left", on="clip_id")[list(smaller.columns)]
    )


def test_shards_hold_every_clip_once():
    parts = [list(clips(SET, shard, 3)) for shard in range(3)]
    assert sorted(clip for part in parts for clip in part) == sorted(clips(SET))
    assert all(shard_of(clip.clip_id, 3) == shard for shard, part in enumerate(parts) for clip in part)
    with pytest.raises(UserError, match="shard = 3 must be from 0 to 2"):
        list(clips(SET, 3, 3))


def test_only_what_changes_the_clips_changes_their_folder():
    assert fingerprint(dataclasses.replace(SET, train=7, classes=3)) == fingerprint(SET)
    noisier = dataclasses.replace(SET.conditions, pixel_noise=0.1)
    for change in ({"seed": 2}, {"name": "other"}, {"synchrony": 0.9}, {"size": 48}, {"conditions": noisier}):
        assert fingerprint(dataclasses.replace(SET, **change)) != fingerprint(SET)


def test_factors_are_written_shard_by_shard_and_reproduced(tmp_path):
    small = dataclasses.replace(SET, train=2, validation=1, test=1)
    for name in ("first.csv", "second.csv"):
        write_factors(small, tmp_path / name)
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()
    for shard in range(2):
        write_factors(small, tmp_path / f"{shard}.csv", shard, 2)
    whole = pd.read_csv(tmp_path / "first.csv").sort_values("clip_id", ignore_index=True)
    parts = pd.concat([pd.read_csv(tmp_path / f"{shard}.csv") for shard in range(2)])
    pd.testing.assert_frame_equal(parts.sort_values("clip_id", ignore_index=True), whole)
    assert set(whole["clip_id"]) == set(clip_list(small)["clip_id"])
    assert whole.notna().all(axis=None)


def test_factors_of_an_empty_shard_have_a_header(tmp_path):
    write_factors(dataclasses.replace(SET, train=0, validation=0, test=0), tmp_path / "none.csv")
    table = pd.read_csv(tmp_path / "none.csv")
    assert len(table) == 0
    assert {"clip_id", "fundamental_hz", "synchronous"} <= set(table.columns)
