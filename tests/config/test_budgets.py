"""Budgets: their names, what they set, what is refused before any job, and steps as whole epochs."""

import copy

import pytest
import yaml

from avbench.config import budgets
from avbench.core.errors import UserError
from avbench.plan.jobs import Plan


@pytest.fixture
def tiny(root):
    return yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))


def planned(config, root, given):
    """Plan the tiny experiment with these budgets."""
    config = copy.deepcopy(config)
    del config["pretraining"]["epochs"]
    config["pretraining"]["budgets"] = given
    return Plan(config, root)


def test_without_budgets_there_is_one_that_sets_nothing(tiny, root):
    plan = Plan(tiny, root)
    assert plan.budgets == {"default": {}}
    assert plan.pretrain_settings("few", "default")["epochs"] == 2
    assert [(run.method, run.budget) for run in plan.runs()] == [("untrained", "all"), ("random", "default")]


@pytest.mark.parametrize("unit", ["steps", "epochs"])
def test_each_budget_is_a_run_of_its_own_and_sets_how_long_it_is(tiny, root, unit):
    plan = planned(tiny, root, {unit: [3, 12]})
    assert list(plan.budgets) == [f"{unit}-3", f"{unit}-12"]
    assert plan.longest == f"{unit}-12"
    runs = [(run.method, run.budget) for run in plan.runs()]
    assert runs == [("untrained", "all"), ("random", f"{unit}-3"), ("random", f"{unit}-12")]
    for budget, length in ((f"{unit}-3", 3), (f"{unit}-12", 12)):
        assert plan.pretrain_settings("few", budget)[unit] == length
    # What depends on no budget is told none, so that a further one repeats nothing of it.
    assert not {"steps", "epochs", "budgets"} & set(plan.pretrain_settings("few"))
    assert plan.run("random", "few").budget == plan.longest


INCREASING = r"it must be whole numbers, each larger than the one before"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": [600, 600]}, rf"pretraining\.budgets\.steps: \[600, 600\] is not allowed; {INCREASING}"),
        ({"epochs": [80, 20]}, rf"pretraining\.budgets\.epochs: \[80, 20\] is not allowed; {INCREASING}"),
        ({"epochs": [1, 5, 3]}, rf"pretraining\.budgets\.epochs: \[1, 5, 3\] is not allowed; {INCREASING}"),
        ({"steps": []}, r"'pretraining\.budgets\.steps': \[\] is not allowed; it must be a list of at least 1"),
        ({"steps": [0, 5]}, r"'pretraining\.budgets\.steps\.0': 0 is not allowed; it must be at least 1"),
        ({"steps": [1.5, 5]}, r"'pretraining\.budgets\.steps\.0': 1\.5 is not allowed; it must be of type integer"),
        ({"steps": [2.0, 5]}, r"pretraining\.budgets\.steps: .*2\.0"),
        ({"steps": 600}, r"'pretraining\.budgets\.steps': 600 is not allowed; it must be of type array"),
        ({}, r"'pretraining\.budgets': exactly one of 'steps', 'epochs' must be given"),
        (
            {"steps": [1, 2], "epochs": [1, 2]},
            r"'pretraining\.budgets': exactly one of 'steps', 'epochs' must be given",
        ),
        ({"hours": [1, 2]}, r"'pretraining\.budgets'.*steps.*epochs"),
    ],
)
def test_budgets_that_make_no_sense_are_refused(tiny, root, given, message):
    with pytest.raises(UserError, match=message):
        planned(tiny, root, given)


def test_another_length_beside_budgets_is_refused(tiny, root):
    tiny["pretraining"]["budgets"] = {"steps": [3, 6]}
    with pytest.raises(UserError, match=r"pretraining\.epochs: 2 is not allowed beside pretraining\.budgets"):
        Plan(tiny, root)
    del tiny["pretraining"]["epochs"]
    tiny["subsets"]["few"]["epochs"] = 7
    with pytest.raises(UserError, match=r"subsets\.few\.epochs: 7 is not allowed beside pretraining\.budgets"):
        Plan(tiny, root)


@pytest.mark.parametrize(("steps", "per_epoch", "epochs"), [(600, 3, 200), (7, 3, 2), (8, 3, 3), (1, 3, 1), (5, 90, 1)])
def test_steps_are_the_nearest_whole_number_of_epochs(steps, per_epoch, epochs):
    assert budgets.whole_epochs(steps, per_epoch) == epochs
