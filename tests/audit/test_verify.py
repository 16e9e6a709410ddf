"""What is not as it was when it was made is found, named and explained."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from avbench.audit.verify import verify
from avbench.core.errors import UserError
from avbench.core.files import read_json, write_json, write_text
from avbench.evaluation import scores
from avbench.provenance import record as provenance
from tests.support.audited import SEED, SUBSET, TABLE, edit, found

pytestmark = pytest.mark.usefixtures("results")  # works in a folder of its own


def test_an_untouched_experiment_is_as_it_was(results):
    verdict = verify(results, deep=True)
    assert verdict.findings == []
    assert verdict.rows == 10
    # each seed: 2 methods × (checkpoint, embeddings, 2 × (scores, predictions, record)), run, supervised; 6 shared,
    # and two that are sealed: the ledger and the manifest
    assert verdict.files == 2 * (2 * (2 + 6) + 1 + 3) + 6
    assert "all as it was when it was made" in str(verdict)


def test_an_edited_table_is_found_though_its_scores_are_untouched():
    row = next(line for line in Path(TABLE).read_text().splitlines() if line.startswith("random,toys,linear"))
    edit(TABLE, row, row.replace(row.split(",")[8], "0.987000"))
    findings = verify("results/tiny").findings
    assert [(finding.state, finding.file) for finding in findings] == [("changed", TABLE), ("wrong", TABLE)]
    assert "accuracy 0.987000" in findings[1].found
    assert f"{SEED}/scores.csv" in findings[1].expected
    assert "random toys linear audio few none default 0" in findings[1].expected


def test_an_edited_score_is_found_in_its_file_and_in_the_table():
    value = Path(SEED, "scores.csv").read_text().splitlines()[1].split(",")[8]
    edit(f"{SEED}/scores.csv", value, "0.987000")
    assert found() == [("changed", f"{SEED}/scores.csv"), ("stale", f"{SEED}/scores.csv"), ("wrong", TABLE)]
    assert ("wrong", f"{SEED}/scores.csv") in found(deep=True)


def test_a_score_that_was_made_anew_makes_the_table_stale():
    folder = Path(SEED)
    told = scores.read(folder / scores.FILE).assign(correct=1.0)
    scores.write(folder / scores.FILE, told)
    table = pd.read_csv(folder / "scores.csv").assign(accuracy=1.0)
    table.to_csv(folder / "scores.csv", index=False, float_format="%.6f")
    record = read_json(folder / "provenance.json")
    record["outputs"] = provenance.digests([folder / "scores.csv", folder / scores.FILE])
    write_json(folder / "provenance.json", record)
    states = found(deep=True)
    assert ("stale", f"{SEED}/scores.csv") in states
    assert ("wrong", TABLE) in states
    assert not {state for state, _ in states} & {"changed", "missing"}


def test_a_replaced_checkpoint_is_found_and_so_is_what_was_made_from_it():
    write_text(f"{SEED}/checkpoint.pt", "other weights")
    assert found() == [("changed", f"{SEED}/checkpoint.pt"), ("stale", f"{SEED}/checkpoint.pt")]
    (changed, stale) = verify("results/tiny").findings
    assert f"{SEED}/run.json" in changed.expected
    assert "2 records" in stale.expected


def test_a_subset_that_changed_after_the_runs_is_named_once():
    edit(SUBSET, "clip-00", "clip-06")
    (finding,) = verify("results/tiny").findings
    assert (finding.state, finding.file) == ("stale", SUBSET)
    assert "8 records" in finding.expected
    assert found(deep=True) == [("stale", SUBSET), ("wrong", SUBSET)]


def test_a_run_of_something_else_is_found():
    edit(f"{SEED}/run.json", '"method": "random"', '"method": "easy-negative"')
    assert ("wrong", f"{SEED}/scores.csv") in found()


@pytest.mark.parametrize(
    ("name", "states"),
    [
        (f"{SEED}/scores.csv", {("missing", f"{SEED}/scores.csv"), ("wrong", TABLE)}),
        (f"{SEED}/checkpoint.pt", {("missing", f"{SEED}/checkpoint.pt")}),
        (f"{SEED}/run.json", {("missing", f"{SEED}/run.json")}),
        (f"{SEED}/provenance.json", {("missing", f"{SEED}/provenance.json"), ("unrecorded", f"{SEED}/scores.csv")}),
        ("data/toys/stored.json", {("missing", "data/toys/stored.json")}),
    ],
)
def test_what_is_missing_is_named(name, states):
    Path(name).unlink()
    assert set(found()) == states


def test_tables_and_runs_without_a_record_are_named():
    write_text("results/tiny/tables/mine.csv", "method\n")
    run = read_json(f"{SEED}/run.json")
    del run["outputs"]
    write_json(f"{SEED}/run.json", run)
    states = found()
    assert ("unrecorded", "results/tiny/tables/mine.csv") in states
    assert ("unrecorded", f"{SEED}/run.json") in states


def test_without_any_record_nothing_passes():
    shutil.rmtree("results/tiny/provenance")
    states = found()
    assert ("unrecorded", TABLE) in states
    assert sum(state == "wrong" for state, _ in states) == 10


def test_no_tables_and_a_broken_record_are_refused(results):
    write_text(f"{SEED}/provenance.json", '{"provenance": {"inputs": ["a"]}}')
    with pytest.raises(UserError, match=r"provenance\.json is no record"):
        verify(results)
    Path(TABLE).unlink()
    with pytest.raises(UserError, match="nothing to verify"):
        verify(results)
