"""Records of provenance: where the files that they name are now, and what a copy leaves out."""

import shutil
from pathlib import Path

import pytest

from avbench.audit.records import is_passing
from avbench.audit.verify import verify
from avbench.core.files import read_json, write_json, write_text
from avbench.provenance import record as provenance
from tests.support import recorded
from tests.support.audited import SEED, found

pytestmark = pytest.mark.usefixtures("results")  # works in a folder of its own


def test_a_checkpoint_of_the_untrained_baseline_is_found_too():
    write_text(f"{recorded.RUN}/untrained/all/seed-1/checkpoint.pt", "other weights")
    assert found() == [("stale", f"{recorded.RUN}/untrained/all/seed-1/checkpoint.pt")]


def test_labels_that_a_model_made_are_stale_with_it():
    labels, other = (f"results/tiny/labels/toys/few/{name}/seed-0.csv" for name in ("found", "unused"))
    for path in (labels, other):
        write_text(path, "clip_id,label\n")
        record = path.replace("/labels/", "/provenance/labels/").replace(".csv", ".json")
        provenance.record(Path(record), [f"{SEED}/checkpoint.pt"], [path])
    run = read_json(f"{recorded.RUN}/random/default/seed-1/run.json")
    run["provenance"]["inputs"] |= provenance.digests([labels])
    write_json(f"{recorded.RUN}/random/default/seed-1/run.json", run)
    before = verify("results/tiny")
    assert [finding.file for finding in before.findings] == [
        f"{recorded.RUN}/random/default/seed-1/run.json"
    ]  # the edit
    write_text(f"{SEED}/checkpoint.pt", "other weights")
    (stale,) = [f for f in verify("results/tiny").findings if f.state == "stale" and f.file.endswith(".pt")]
    assert "3 records" in stale.expected  # two of scores, and the labels that are used
    write_text(labels, "clip_id,label\na,b\n")
    assert {("changed", labels), ("stale", labels)} <= set(found())


def test_a_copy_without_models_and_data_is_checked_as_far_as_it_goes(tmp_path):
    shutil.copytree("results/tiny", tmp_path / "copy/results/tiny")
    for path in (tmp_path / "copy").rglob("*"):
        if path.name in ("checkpoint.pt", "embeddings.npz"):
            path.unlink()
    verdict = verify(tmp_path / "copy/results/tiny", deep=True)
    assert verdict.findings == []
    assert {remark for remark in verdict.remarks if remark.startswith("Not checked")} == {
        "Not checked, since this copy has none: checkpoint.pt (4 files).",
        "Not checked, since this copy has none: embeddings.npz (4 files).",
        "Not checked, since this copy has none: data/ (1 files).",
    }


@pytest.mark.parametrize(
    ("name", "passing"),
    [
        ("logs/a.log", True),
        ("plan/tables.json", True),
        ("runs/d/s/none/random/default/seed-0/unfinished/x/checkpoint.pt", True),
        ("runs/d/s/none/random/default/seed-0/tensorboard/events", True),
        ("supervised/toys/all/seed-0/unfinished/x.pt", True),
        ("runs/d/plan/none/unfinished/default/seed-0/run.json", False),
        ("supervised/logs/all/seed-0/scores.csv", False),
        ("subsets/d/plan.csv", False),
        ("tables/accuracy.csv", False),
    ],
)
def test_a_log_or_an_unfinished_run_is_known_by_its_place_and_not_by_a_name_that_a_method_may_have(name, passing):
    assert is_passing(Path(name)) is passing
