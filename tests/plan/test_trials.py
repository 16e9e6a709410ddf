"""Which runs wait for which trials."""

from types import SimpleNamespace

import pytest
import yaml

from avbench.plan.jobs import Plan
from avbench.plan.seed_blocks import SeedBlock
from avbench.plan.trials import Trials

RUN = {"dataset": "toys", "subset": "few", "labels": "wrong", "method": "soft-positive", "budget": "epochs-3"}
CELL = "results/tiny/tuning/toys/{}/true/soft-positive/epochs-3"


@pytest.fixture
def config(root):
    made = yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))
    del made["pretraining"]["epochs"]
    made["pretraining"] |= {"budgets": {"epochs": [1, 3]}}
    made["subsets"]["fewer"] = {"clips_per_class": 4}
    made["labels"] = {"wrong": {"kind": "noise", "noise": "uniform", "rate": 0.5}}
    made["methods"]["soft-positive"] = {"positive": "same-class", "batch": "shuffled", "labels": ["true", "wrong"]}
    made["tuning"] = {"learning_rate": [0.001, 0.002], "temperature": [0.07, 0.3], "seed": 1}
    return made


def run(**change):
    return SimpleNamespace(**RUN | change)


def test_every_method_is_tuned_with_its_own_labels_on_each_subset_at_each_budget(config, root):
    cells = Trials(Plan(config, root)).cells()
    assert {(cell.method, cell.labels, cell.subset, cell.budget) for cell in cells} == {
        (method, labels, subset, budget)
        for method, labels in (("random", "none"), ("soft-positive", "true"))
        for subset in ("few", "fewer")
        for budget in ("epochs-1", "epochs-3")
    }
    assert len(cells) == 8


def test_runs_of_other_labels_take_the_choice_of_the_methods_own(config, root):
    trials = Trials(Plan(config, root))
    assert trials.choice(run()) == trials.choice(run(labels="true")) == [f"{CELL.format('few')}/choice.json"]
    config["tuning"]["subset"] = "fewer"
    assert Trials(Plan(config, root)).choice(run()) == [f"{CELL.format('fewer')}/choice.json"]


def test_a_run_may_be_a_trial_only_with_its_seed_labels_and_subset(config, root):
    trials = Trials(Plan(config, root))
    found = trials.same(run(labels="true", seed="1"), SeedBlock(None))
    assert found == [f"{CELL.format('few')}/{name}/seed-1/checkpoint.pt" for name in trials.points]
    assert found[0].split("/")[-3] == "learning-rate-0.002-temperature-0.07"
    assert len(found) == 4
    assert trials.same(run(labels="true"), SeedBlock((0, 1))) == found
    assert trials.same(run(labels="true", seed="0"), SeedBlock(None)) == []
    assert trials.same(run(seed="1"), SeedBlock(None)) == []
    config["tuning"]["subset"] = "fewer"
    assert Trials(Plan(config, root)).same(run(labels="true", seed="1"), SeedBlock(None)) == []


def test_a_trial_is_trained_as_a_run_but_for_its_point(config, root):
    plan = Plan(config, root)
    trial = run(labels="true", trial="learning-rate-0.001-temperature-0.3")
    told = plan.pretrain_settings("few", "epochs-3")
    assert Trials(plan).settings(trial) == told | {"learning_rate": 0.001, "temperature": 0.3}


def test_without_tuning_nothing_waits_for_trials(config, root):
    del config["tuning"]
    trials = Trials(Plan(config, root))
    assert trials.cells() == trials.tables() == trials.choice(run()) == []
    assert trials.same(run(seed="0"), SeedBlock(None)) == []
    assert trials.scoring() == {}
