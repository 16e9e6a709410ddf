"""The layout of data/ and results/ stands in one place, and the modules that write there agree with it."""

import re
from pathlib import Path

import pytest

from avbench.evaluation import scores
from avbench.plan import paths
from avbench.provenance import record as provenance


def test_values_are_put_in_and_other_names_stay_as_wildcards():
    assert paths.fill(paths.SUBSET, experiment="mine", dataset="toys") == "results/mine/subsets/toys/{subset}.csv"
    assert paths.fill(paths.STORE_SHARD, shard="007") == "data/{dataset}/store/007.arrow"
    assert paths.fill(paths.log("subset/{subset}"), experiment="mine") == "results/mine/logs/subset/{subset}.log"


def test_a_result_that_was_moved_has_the_same_files():
    assert paths.below(Path("/elsewhere/mine"), paths.REPORT) == Path("/elsewhere/mine/report.html")


def test_files_have_the_names_that_their_writers_give_them():
    assert paths.PREDICTIONS_FILE == scores.FILE
    assert paths.RECORD_FILE == provenance.FILE
    assert Path(paths.TABLE_RECORD).parent.name == provenance.FOLDER


@pytest.mark.parametrize("name", ["common", "store", "subset", "report"])
def test_rule_files_take_paths_from_here(root, name):
    text = (root / f"workflow/rules/{name}.smk").read_text(encoding="utf-8")
    assert re.findall(r'"((?:data|results)/[^"]*)"', text) == []
