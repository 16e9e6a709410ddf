import pandas as pd
import pytest

from avbench.pages import cautions
from tests.support import paged


@pytest.fixture
def read(tmp_path):
    return paged.write_tables(tmp_path)


def test_few_seeds_are_named_and_many_are_not(read):
    assert cautions.of_answer(read)[0].startswith("Few seeds: verdicts rest on 3 seeds")
    read["claims"]["seeds"] = 5
    assert "seeds" not in cautions.of_answer(read)[0]


def test_a_single_budget_is_named(read):
    read["summary"] = read["summary"].query("budget != 'short'")
    assert any(text.startswith("There was one budget") for text in cautions.of_answer(read))


def test_probes_at_the_edge_are_counted(read):
    (text,) = [text for text in cautions.of_answer(read) if "linear probes" in text]
    assert text.startswith(f"{(read['accuracy']['edge'] != '').sum()} of ")


def test_lost_clips_are_counted_by_reason(read):
    (row,) = cautions.lost_clips(read["coverage"])
    assert (row["listed"], row["stored"], row["share"]) == ("100", "95", "95.0 %")
    assert row["reasons"] == "silent 3, private 2"


def test_leaks_are_told():
    leaks = pd.DataFrame({"subset": ["a", "b"], "shared_clips": [0, 0], "shared_recordings": [0, 0]})
    assert cautions.leaked(leaks) == "No test clip is in a pretraining subset (2 pairs of subset and task compared)."
    assert cautions.leaked(leaks.assign(shared_clips=[0, 3])).startswith("3 test clips of tasks are in")
    related = cautions.leaked(leaks.assign(shared_recordings=[4, 1]))
    assert related.endswith("Up to 4 clips of a subset are from recordings of test clips.")
    assert cautions.leaked(leaks.iloc[:0]).startswith("No pretraining subset was compared")
