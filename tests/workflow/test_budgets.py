"""An experiment of several budgets: each is a run of its own, and a longer one that is added repeats no other."""

import copy
import csv

import pytest

from tests.workflow.conftest import TINY, Workflow, jobs


def config(*epochs):
    """The tiny experiment with budgets, and a single protocol."""
    made = copy.deepcopy(TINY)
    del made["pretraining"]["epochs"]
    made["pretraining"]["budgets"] = {"epochs": list(epochs)}
    made["methods"]["soft-positive"] = "preset"
    made["evaluation"] = {name: made["evaluation"][name] for name in ("linear", "supervised")}
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Workflow:
    """All of the experiment but figures and report, at two budgets."""
    workflow = Workflow(tmp_path_factory.mktemp("budgets"), config(1, 3))
    workflow.planned = jobs(workflow.run("--dry-run"))
    workflow.run("results/tiny/tables/accuracy.csv")
    return workflow


def test_every_method_is_trained_and_scored_at_every_budget_and_the_baselines_once(trained):
    # two methods and two budgets; a job trains or embeds both seeds of a run, those of the untrained model included
    expected = {"pretrain": 4, "untrained": 1, "embed": 5, "frozen": 5, "supervised": 1, "statistics": 1}
    assert {name: trained.planned[name] for name in expected} == expected
    with trained.pages("tables", "accuracy.csv").open(encoding="utf-8", newline="") as stream:
        scored = {(row["method"], row["budget"]) for row in csv.DictReader(stream)}
    pretrained = {(method, f"epochs-{length}") for method in ("random", "soft-positive") for length in (1, 3)}
    assert scored == pretrained | {("untrained", "all"), ("supervised", "all")}
    with trained.pages("tables", "runs.csv").open(encoding="utf-8", newline="") as stream:
        assert {(row["budget"], row["epochs"], row["steps"]) for row in csv.DictReader(stream)} == {
            ("epochs-1", "1", "3"),
            ("epochs-3", "3", "9"),
        }


def test_a_longer_budget_repeats_none_of_the_shorter_ones(trained):
    before = trained.config
    trained.write(config(1, 3, 4))
    try:
        planned = jobs(trained.run("--dry-run"))
    finally:
        trained.write(before)
    repeated = {"pretrain": 2, "embed": 2, "frozen": 2}
    assert {name: planned.get(name) for name in repeated} == repeated
    assert not {"pack", "subset", "statistics", "labels", "untrained", "supervised"} & set(planned)


def test_budgets_that_do_not_increase_stop_before_any_job(tmp_path):
    text = Workflow(tmp_path, config(3, 1)).run(check=False)
    assert "pretraining.budgets.epochs: [3, 1] is not allowed" in text
    assert "Traceback" not in text
    assert not (tmp_path / "data").exists()
