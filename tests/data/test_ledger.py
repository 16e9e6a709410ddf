import dataclasses
import re

import pandas as pd
import pytest

from avbench.config.checks import CheckSettings
from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.data.checks import Measurements
from avbench.data.manifest import COLUMNS
from avbench.data.packing.outcome import Outcome, as_table

LASTS = {"duration_s": 10.0, "peak_dbfs": -3.0, "motion": 4.0}
CLIPS = [
    # clip_id, label, split, state, reason, detail
    ("-b", "x, y", "train", "stored", "", ""),
    ("a\nb", 'the "x"', "train", "rejected", "short", "lasts 0.5 s"),
    ("c", "x, y", "train", "rejected", "short", "lasts 0.2 s"),
    ("d", "NA", "train", "unavailable", "missing", "the file does not exist"),
    ("e", "NA", "test", "stored", "", ""),
    ("é", "NA", "test", "stored", "", ""),
]


def manifest():
    return pd.DataFrame([(c[0], f"{c[0]}.mp4", 0.0, 10.0, c[1], c[2]) for c in reversed(CLIPS)], columns=list(COLUMNS))


def write(path, clips, **measured):
    outcomes = [Outcome(c[0], *c[3:], measured=Measurements(**(LASTS | measured))) for c in clips]
    ledger.write(path, as_table(outcomes))
    return path


@pytest.fixture
def shards(tmp_path):
    return [
        write(tmp_path / "0.parquet", CLIPS[::2]),
        write(tmp_path / "1.parquet", CLIPS[1::2]),
        write(tmp_path / "2.parquet", []),
    ]


@pytest.fixture
def merged(shards):
    return ledger.merge(shards, manifest())


def test_merge_has_every_clip_once_sorted(merged):
    assert list(merged.columns) == [*ledger.COLUMNS, *ledger.MEASURED]
    assert list(merged[list(ledger.COLUMNS)].itertuples(index=False, name=None)) == sorted(CLIPS)


def test_merge_does_not_depend_on_the_order(merged, shards):
    assert ledger.merge(shards[::-1], manifest()).equals(merged)


def test_parquet_round_trip_is_deterministic(tmp_path, merged):
    ledger.write(tmp_path / "a", merged)
    ledger.write(tmp_path / "b", merged.copy())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    pd.testing.assert_frame_equal(ledger.read(tmp_path / "a"), merged, check_dtype=False)


def test_merge_refuses_what_does_not_match(shards, tmp_path):
    with pytest.raises(UserError, match=r"'a\\nb' of the manifest is in no ledger \(and 2 more\)"):
        ledger.merge(shards[:1], manifest().sort_values("clip_id"))
    with pytest.raises(UserError, match="'-b' is in two ledgers"):
        ledger.merge([*shards, write(tmp_path / "3.parquet", CLIPS[:1])], manifest())
    stranger = [("z", "x", "train", "stored", "", "")]
    with pytest.raises(UserError, match="'z' of a ledger is not in the manifest"):
        ledger.merge([*shards, write(tmp_path / "3.parquet", stranger)], manifest())


def test_unreadable_ledgers_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.parquet does not exist"):
        ledger.read(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match=r"bad\.parquet is not a ledger"):
        ledger.read(tmp_path / "bad.parquet")


def test_coverage(merged):
    assert ledger.coverage(merged) == {
        "all": {"listed": 6, "stored": 3, "share": 0.5},
        "splits": {
            "train": {"listed": 4, "stored": 1, "share": 0.25},
            "test": {"listed": 2, "stored": 2, "share": 1.0},
        },
        "reasons": {"short": 2, "missing": 1},
        "training": {"classes": 1, "clips": 1, "smallest": 1, "largest": 1},
    }
    assert list(ledger.coverage(merged)["reasons"]) == ["short", "missing"]


def test_coverage_of_nothing():
    empty = pd.DataFrame(columns=list(ledger.COLUMNS))
    counted = ledger.coverage(empty)
    assert counted["all"] == {"listed": 0, "stored": 0, "share": 0.0}
    assert counted["splits"] == counted["reasons"] == {}
    assert set(counted["training"].values()) == {0}
    ledger.require_coverage(empty, 1.0, "nothing")


def test_too_little_coverage_stops_and_says_why(merged):
    ledger.require_coverage(merged, 0.25, "vggsound")
    with pytest.raises(UserError) as caught:
        ledger.require_coverage(merged, 0.26, "vggsound")
    message = str(caught.value)
    for part in (
        "vggsound",
        "1 of 4 train clips (25.0%)",
        "26.0%",
        "short (2), missing (1)",
        "'a\\nb'",
        "min_coverage",
    ):
        assert part in message
    assert "test clips" not in message


def test_stored_clips_of_a_split(merged):
    assert ledger.stored(merged, "train").to_dict("list") == {"clip_id": ["-b"], "label": ["x, y"]}
    assert ledger.stored(merged, "test").to_dict("list") == {"clip_id": ["e", "é"], "label": ["NA", "NA"]}
    assert ledger.stored(merged, "validation").empty


def test_checks_reject_what_falls_below_a_threshold(tmp_path):
    clips = [(name, "x", "train", "stored", "", "") for name in ("fine", "short", "silent", "still")]
    paths = [
        write(tmp_path / "0", clips[:1]),
        write(tmp_path / "1", clips[1:2], duration_s=0.5),
        write(tmp_path / "2", clips[2:3], peak_dbfs=-float("inf")),
        write(tmp_path / "3", clips[3:], motion=0.1),
    ]
    listed = pd.DataFrame([(c[0], "s", 0.0, 10.0, "x", "train") for c in clips], columns=list(COLUMNS))
    merged = ledger.merge(paths, listed)
    checked, _, pairs = ledger.check(merged, CheckSettings(1.0))
    assert dict(zip(checked.clip_id, checked.reason, strict=True)) == {
        "fine": "",
        "short": "short",
        "silent": "silent",
        "still": "still",
    }
    assert set(checked.state) == {"stored", "rejected"}
    assert set(merged.state) == {"stored"}  # left alone
    assert pairs.empty
    tolerant, *_ = ledger.check(merged, CheckSettings(0.1, silence_dbfs=float("-inf"), still_difference=0.0))
    assert set(tolerant.state) == {"stored"}


def test_duplicates_are_listed_and_left_out_of_training_when_asked(tmp_path):
    a, b = "0123456789abcdef" * 4, "fedcba9876543210" * 4
    clips = [("t", "x", "train"), ("u", "x", "train"), ("v", "x", "test")]
    for number, (name, sound) in enumerate(zip("tuv", (a, b, a), strict=True)):
        write(tmp_path / str(number), [(name, "", "", "stored", "", "")], frame_hash=sound, audio_hash=sound)
    listed = pd.DataFrame([(i, "s", 0.0, 10.0, label, split) for i, label, split in clips], columns=list(COLUMNS))
    merged = ledger.merge([tmp_path / str(number) for number in range(3)], listed)
    checked, _, pairs = ledger.check(merged, CheckSettings(1.0))
    assert list(zip(pairs.clip_id, pairs.duplicate_of, strict=True)) == [("t", "v")]
    assert set(checked.state) == {"stored"}
    checked, _, pairs = ledger.check(merged, CheckSettings(1.0, duplicates="exclude"))
    assert len(pairs) == 1
    assert list(zip(checked.clip_id, checked.reason, strict=True)) == [("t", "duplicate"), ("u", ""), ("v", "")]
    assert checked.detail[0] == "the same recording as test clip 'v'"


def test_recordings_that_splits_share_are_listed_and_left_out_of_training_when_asked(tmp_path):
    clips = [("t", "train"), ("u", "train"), ("v", "test"), ("w", "validation"), ("gone", "test")]
    rows = [(name, "", "", "unavailable" if name == "gone" else "stored", "", "") for name, _ in clips]
    write(tmp_path / "0", rows)
    listed = pd.DataFrame([(i, i, 0.0, 10.0, "x", split) for i, split in clips], columns=list(COLUMNS))
    merged = ledger.merge([tmp_path / "0"], listed)
    recording_of = {"t": "one", "v": "one", "w": "one", "u": "two", "gone": "two"}  # who is not stored is not tested
    checked, torn, _ = ledger.check(merged, CheckSettings(1.0), recording_of)
    assert torn[["clip_id", "shared_with"]].values.tolist() == [["t", "w"], ["t", "v"], ["w", "v"]]
    assert checked.state.tolist().count("stored") == 4
    checked, torn, _ = ledger.check(merged, CheckSettings(1.0, recordings="exclude"), recording_of)
    assert len(torn) == 3
    assert dict(zip(checked.clip_id, checked.reason, strict=True)) | {"gone": ""} == {
        **dict.fromkeys(["u", "v", "gone"], ""),
        **dict.fromkeys(["t", "w"], "recording"),
    }
    assert checked.detail[checked.clip_id == "t"].item() == "of recording 'one', as test clip 'v'"
    assert ledger.check(merged, CheckSettings(1.0, recordings="exclude"))[1].empty  # each clip is one by default


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        (CheckSettings(1.5), "`checks.min_duration_s: 1.5` rejects 2 of them"),
        (None, "`checks.min_duration_s` rejects 2 of them"),
    ],
)
def test_too_little_coverage_names_the_threshold_that_rejected_most(merged, tmp_path, checks, said):
    ledger.write(tmp_path / "ledger.parquet", merged, {ledger.CHECKS: checks and dataclasses.asdict(checks)})
    told = ledger.read_checks(tmp_path / "ledger.parquet")
    with pytest.raises(UserError, match=re.escape(said)):
        ledger.require_coverage(merged, 0.9, "vggsound", told)


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("silent", "silence_dbfs: -60.0"),
        ("still", "still_difference: 0.5"),
        ("duplicate", "duplicates: list"),
        ("recording", "recordings: list"),
    ],
)
def test_every_threshold_is_named_by_its_key(merged, tmp_path, reason, key):
    merged["reason"] = merged["reason"].replace("short", reason)
    told = dataclasses.asdict(CheckSettings(1.0))
    with pytest.raises(UserError, match=re.escape(f"`checks.{key}`")):
        ledger.require_coverage(merged, 0.9, "vggsound", told)


def test_a_coverage_without_any_threshold_names_none(merged):
    merged["reason"] = merged["reason"].replace("short", "corrupt")
    with pytest.raises(UserError) as caught:
        ledger.require_coverage(merged, 0.9, "vggsound", dataclasses.asdict(CheckSettings(1.0)))
    assert "checks." not in str(caught.value)


def test_files_that_are_no_clips_are_counted(merged, tmp_path):
    ledger.write(tmp_path / "ledger.parquet", merged, {ledger.LEFT_OUT: {".txt": 3}})
    left_out = ledger.read_left_out(tmp_path / "ledger.parquet")
    assert ledger.coverage(merged, left_out)["left_out"] == {".txt": 3}
    ledger.write(tmp_path / "ledger.parquet", merged)
    assert ledger.read_left_out(tmp_path / "ledger.parquet") == {}
    assert "left_out" not in ledger.coverage(merged, {})


@pytest.mark.parametrize(("stored", "listed", "share"), [(55, 100, 0.55), (14, 25, 0.56), (7, 50, 0.14)])
def test_exactly_the_share_that_is_asked_for_is_enough(stored, listed, share):
    states = ["stored"] * stored + ["rejected"] * (listed - stored)
    rows = [(str(clip), "dog", "train", state, "", "") for clip, state in enumerate(states)]
    ledger.require_coverage(pd.DataFrame(rows, columns=list(ledger.COLUMNS)), share, "toys")
