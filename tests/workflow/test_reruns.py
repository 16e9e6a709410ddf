"""Changed settings train nothing again where what is trained on stays the same."""

import copy
import re

import pytest

from tests.workflow.conftest import TINY, Workflow, jobs

TRAINING = {"subset", "statistics", "pretrain", "untrained", "embed", "frozen"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Workflow:
    config = copy.deepcopy(TINY) | {"seeds": [0], "evaluation": {"linear": {"max_iterations": 20}, "retrieval": {}}}
    config["datasets"]["toys"]["shards"] = 3
    config["pretraining"] |= {"epochs": 1, "seeds_together": 1}
    workflow = Workflow(tmp_path_factory.mktemp("reruns"), config)
    workflow.run()
    return workflow


def done(printed: str) -> set[str]:
    """Return the rules whose jobs ran."""
    started = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", printed, re.MULTILINE)
    return {rule.partition("_seeds_")[0] for rule in started}


def settled(workflow: Workflow) -> bool:
    return "Nothing to be done" in workflow.run("--dry-run")


def test_another_minimum_is_no_reason_to_run_anything_unless_it_is_missed(ran):
    toys = ran.config["datasets"]["toys"]
    for minimum in (0.5, 1.0):
        toys["min_coverage"] = minimum
        ran.write(ran.config)
        assert settled(ran)
    # A threshold that rejects a clip, and then a minimum that asks for it.
    toys["min_coverage"] = 0.9
    (ran.folder / "data/toys/coverage.json").touch()
    assert settled(ran)


def test_a_threshold_that_rejects_nothing_new_trains_nothing(ran):
    ran.config["checks"]["silence_dbfs"] = -70
    ran.write(ran.config)
    ran_again = done(ran.run())
    assert {"ledger", "coverage"} <= ran_again
    assert not ran_again & TRAINING
    assert settled(ran)


@pytest.mark.parametrize("rule", ["controlled_manifest", "pack"])
def test_what_is_listed_or_packed_again_to_the_same_bytes_trains_nothing(ran, rule):
    ran_again = done(ran.run("--forcerun", rule))
    assert {rule, "ledger", "coverage"} <= ran_again
    assert not ran_again & TRAINING
    assert settled(ran)


def test_fewer_shards_leave_the_others_aside_and_train_nothing(ran):
    ran.config["datasets"]["toys"]["shards"] = 2
    ran.write(ran.config)
    ran_again = done(ran.run())
    assert "pack" in ran_again
    assert not ran_again & TRAINING
    assert (
        "left aside, of another number of shards: 002.arrow" in (ran.folder / "data/toys/logs/ledger.log").read_text()
    )
    assert (ran.folder / "data/toys/store/002.arrow").exists()
    assert settled(ran)
    # They are not opened: whoever trains now reads the others.
    assert "pretrain" in done(ran.run("--forcerun", "pretrain"))


def test_a_task_that_could_not_be_scored_stops_the_run_before_training(ran):
    ran.config["checks"]["silence_dbfs"] = 0  # rejects every clip
    ran.config["datasets"]["toys"]["min_coverage"] = 0.0
    ran.write(ran.config)
    printed = ran.run(check=False)
    assert "has no stored train clips" in printed
    assert "subset" in done(printed)
    assert not done(printed) & (TRAINING - {"subset"})


def test_options_that_leave_a_split_empty_are_refused_when_planned(tmp_path, tiny):
    (tmp_path / "clips/x").mkdir(parents=True)
    options = {"directory": str(tmp_path / "clips"), "validation_share": 0}
    tiny["datasets"]["toys"] |= {"rules": "workflow/datasets/folder.smk", "options": options}
    workflow = Workflow(tmp_path, tiny)
    assert "datasets.toys.options.validation_share: 0 leaves no validation clips" in workflow.run("-n", check=False)
    assert "folder_manifest" in workflow.run("-n", "data/toys/coverage.json")


def test_a_minimum_that_is_missed_stops_and_one_that_is_met_goes_on(tmp_path, tiny):
    tiny |= {"seeds": [0]}
    tiny["datasets"]["toys"] |= {"shards": 1, "min_coverage": 0.5}
    workflow = Workflow(tmp_path, tiny)
    target = "data/toys/coverage.json"
    workflow.run("data/toys/clips.csv")
    listed = (tmp_path / "data/toys/clips.csv").read_text().splitlines()
    media = tmp_path / "data/toys" / listed[1].split(",")[1]
    media.write_bytes(b"damaged")
    workflow.run(target)
    tiny["datasets"]["toys"]["min_coverage"] = 0.99
    workflow.write(tiny)
    assert "min_coverage is 99.0%" in workflow.run(target, check=False)
    assert not (tmp_path / target).exists()
    tiny["datasets"]["toys"]["min_coverage"] = 0.9
    workflow.write(tiny)
    workflow.run(target)
    assert jobs(workflow.run("--dry-run", target)) == {}


def test_dynamics_say_beforehand_what_is_trained_again(tmp_path, tiny):
    folder = tmp_path / "results/tiny/runs/toys/few/none/random/default/seed-0"
    folder.mkdir(parents=True)
    workflow = Workflow(tmp_path, tiny)
    tiny["evaluation"]["dynamics"] = {"clips": 8}
    workflow.write(tiny)
    assert "evaluation.dynamics" not in workflow.run("--dry-run")
    (folder / "checkpoint.pt").touch()
    printed = workflow.run("--dry-run")
    assert "1 finished runs are trained again, to the same weights; results/tiny/runs/toys" in printed
    (folder / "dynamics.npz").touch()
    assert "evaluation.dynamics" not in workflow.run("--dry-run")
