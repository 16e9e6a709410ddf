from collections import Counter

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.files import read_csv, write_csv
from avbench.data import coverage
from avbench.data.ledger import STATES
from avbench.data.manifest import SPLITS


def ledger(rows):
    """A ledger of (split, label, state, reason), with columns that do not matter here."""
    made = pd.DataFrame(rows, columns=["split", "label", "state", "reason"], dtype=object)
    return made.assign(clip_id=[str(k) for k in range(len(made))], duration_s=1.5, detail="")


VGGSOUND = ledger(
    [("test", "bird", "stored", "")] * 3
    + [("test", "bird", "rejected", "silent")]
    + [("test", "bird", "unavailable", "private")]
    + [("test", "bird", "unavailable", "removed")] * 2
    + [("train", "dog, barking", "stored", None)] * 2
)
TOYS = ledger([("validation", "a", "stored", "")])


def test_the_table_counts_every_combination_in_reading_order(tmp_path):
    made = coverage.table({"vggsound": VGGSOUND, "a-toys": TOYS})
    assert [tuple(row) for row in made.itertuples(index=False)] == [
        ("vggsound", "train", "dog, barking", "stored", "", 2),
        ("vggsound", "test", "bird", "stored", "", 3),
        ("vggsound", "test", "bird", "unavailable", "removed", 2),
        ("vggsound", "test", "bird", "unavailable", "private", 1),
        ("vggsound", "test", "bird", "rejected", "silent", 1),
        ("a-toys", "validation", "a", "stored", "", 1),
    ]
    write_csv(tmp_path / "coverage.csv", made)
    assert read_csv(tmp_path / "coverage.csv", coverage.COLUMNS)["clips"] == ["2", "3", "2", "1", "1", "1"]


ROWS = st.tuples(
    st.sampled_from(SPLITS),
    st.sampled_from(["b", "a", "", "é"]),
    st.sampled_from(["stored", "unavailable:private", "unavailable:timeout", "rejected:timeout", "rejected:short"]),
)


@given(st.dictionaries(st.sampled_from(["z", "a", "m"]), st.lists(ROWS, max_size=30)))
def test_no_clip_is_lost_and_none_is_counted_twice(given_rows):
    rows = {
        dataset: [(split, label, *(state.split(":") if ":" in state else (state, ""))) for split, label, state in found]
        for dataset, found in given_rows.items()
    }
    made = coverage.table({dataset: ledger(found) for dataset, found in rows.items()})
    expected = Counter((dataset, *row) for dataset, found in rows.items() for row in found)
    assert list(made.columns) == list(coverage.COLUMNS)
    assert made["clips"].dtype == "int64"
    assert {tuple(row[:-1]): row[-1] for row in made.itertuples(index=False)} == expected
    assert len(made) == len(expected)
    keys = [
        (list(rows).index(d), SPLITS.index(split), label, STATES.index(state), -clips, reason)
        for d, split, label, state, reason, clips in made.itertuples(index=False)
    ]
    assert keys == sorted(keys)


def test_sentences_beside_what_the_paper_had():
    made = coverage.table({"vggsound": VGGSOUND, "a-toys": TOYS})
    published = {"vggsound": {"subset": 38007, "test": 1518, "train": 2}, "a-toys": {"validation": 1, "test": 947}}
    assert coverage.against_published(made, published, {"vggsound": 38200}) == [
        "vggsound, pretraining subset: 38,200 clips are drawn; the paper had 38,007 (+193).",
        "vggsound, test: 3 of 7 listed clips are stored; the paper had 1,518 (-1,515).",
        "vggsound, train: 2 of 2 listed clips are stored; the paper had as many.",
        "a-toys, validation: 1 of 1 listed clips are stored; the paper had as many.",
        "a-toys, test: no clips are listed; the paper had 947 (-947).",
    ]
    assert coverage.against_published(made, {"vggsound": {"subset": 38007}}) == [
        "vggsound, pretraining subset: none is drawn; the paper had 38,007."
    ]
    assert coverage.against_published(made, {}) == []
