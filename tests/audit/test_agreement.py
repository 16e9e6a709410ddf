"""Contents that disagree though every digest is right."""

import pytest

from avbench.core.files import write_json
from avbench.data import ledger
from tests.support import recorded
from tests.support.audited import SEED, found

pytestmark = pytest.mark.usefixtures("results")  # works in a folder of its own


def test_a_ledger_of_other_clips_is_found_in_depth():
    table = ledger.read("data/toys/ledger.parquet")
    table.loc[8, "label"] = "car"
    ledger.write("data/toys/ledger.parquet", table)
    states = found(deep=True)
    assert ("wrong", "data/toys/ledger.parquet") in states
    assert ("wrong", f"{SEED}/predictions.parquet") in states
    table.loc[8, ["label", "state"]] = [recorded.LABELS[0], "rejected"]
    ledger.write("data/toys/ledger.parquet", table)
    states = found(deep=True)
    assert ("wrong", "data/toys/coverage.json") in states
    assert ("wrong", "data/toys/stored.json") in states


def test_datasets_of_other_experiments_are_not_compared():
    table = ledger.read("data/toys/ledger.parquet")
    ledger.write("data/others/ledger.parquet", table)
    write_json("data/others/coverage.json", {"of": "a run that is under way"})
    assert found(deep=True) == [("wrong", "data/others/coverage.json")]  # where nothing says whose they are
    write_json("results/tiny/config.json", {"experiment": "tiny", "datasets": {"toys": {}}})
    assert found(deep=True) == []
