import pandas as pd
import pytest

from avbench import ledger
from avbench.errors import UserError
from avbench.manifest import COLUMNS

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


def write(path, clips):
    table = pd.DataFrame([(c[0], *c[3:]) for c in clips], columns=["clip_id", "state", "reason", "detail"])
    ledger.write(path, table)
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
    assert list(merged.columns) == list(ledger.COLUMNS)
    assert list(merged.itertuples(index=False, name=None)) == sorted(CLIPS)


def test_merge_does_not_depend_on_the_order(merged, shards):
    assert ledger.merge(shards[::-1], manifest()).equals(merged)


def test_parquet_round_trip_is_deterministic(tmp_path, merged):
    ledger.write(tmp_path / "a", merged)
    ledger.write(tmp_path / "b", merged.copy())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert ledger.read(tmp_path / "a").equals(merged.astype(object))


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
    }
    assert list(ledger.coverage(merged)["reasons"]) == ["short", "missing"]


def test_coverage_of_nothing():
    empty = pd.DataFrame(columns=list(ledger.COLUMNS))
    assert ledger.coverage(empty) == {"all": {"listed": 0, "stored": 0, "share": 0.0}, "splits": {}, "reasons": {}}
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
