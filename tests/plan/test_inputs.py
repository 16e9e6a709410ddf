"""What jobs wait for: of label variants, first rounds, subsets and shards."""

from types import SimpleNamespace

import pytest
import yaml

from avbench.plan.inputs import Inputs
from avbench.plan.jobs import Plan
from avbench.plan.seed_blocks import SeedBlock


@pytest.fixture
def plan(root):
    return Plan(yaml.safe_load((root / "config/robustness-controlled.yaml").read_text(encoding="utf-8")), root)


def test_pairing_waits_for_the_labels_that_a_method_sees(plan):
    labels = {"none": [], "true": ["true.csv"] * 2, "clusters": ["clusters/seed-1.csv", "clusters/seed-2.csv"]}
    folder = f"results/{plan.name}/labels/{plan.dataset}/small"
    for name, files in labels.items():
        for block, seed, expected in ((SeedBlock((1, 2)), "", files), (SeedBlock(None), "1", files[:1])):
            found = Inputs(plan).pairing_labels(SimpleNamespace(subset="small", labels=name, seed=seed), block)
            assert found == [f"{folder}/{file}" for file in expected]


def test_each_seed_waits_for_its_own_draw_unless_one_is_fixed(root):
    config = yaml.safe_load((root / "config/robustness-controlled.yaml").read_text(encoding="utf-8"))
    config["labels"]["fixed"] = {"kind": "noise", "noise": "uniform", "rate": 0.3, "seed": 0}
    config["labels"]["imagenet"] = {"kind": "pseudo"}
    drawn = Plan(config, root)
    folder = f"results/{drawn.name}/labels/{drawn.dataset}/small"
    files = {"uniform-30": "uniform-30/seed-1.csv", "pseudo": "pseudo/seed-1.csv", "fixed": "fixed.csv"}
    for name, file in (files | {"imagenet": "imagenet.csv"}).items():
        assert drawn.label_file("small", name, 1) == f"{folder}/{file}", name
    assert drawn.label_settings("uniform-30", "1") == drawn.label_variants["uniform-30"] | {"seed": 1}
    assert drawn.label_settings("fixed") == config["labels"]["fixed"]


def test_labels_of_a_first_round_wait_for_its_checkpoints(plan):
    block = SeedBlock((0, 2))
    found = Inputs(plan).first_round(SimpleNamespace(subset="small", labels="clusters"), block)
    folder = f"results/{plan.name}/runs/{plan.dataset}/small/none/random/default"
    assert found == [f"{folder}/seed-{seed}/checkpoint.pt" for seed in (0, 2)]
    assert Inputs(plan).first_round(SimpleNamespace(subset="small", labels="true"), block) == []


def test_a_first_round_is_of_the_longest_budget(root):
    config = yaml.safe_load((root / "config/robustness-controlled.yaml").read_text(encoding="utf-8"))
    for section in (config["pretraining"], *config["subsets"].values()):
        section.pop("epochs", None)
    config["pretraining"]["budgets"] = {"steps": [30, 90]}
    found = Inputs(Plan(config, root)).first_round(
        SimpleNamespace(subset="small", labels="clusters"), SeedBlock((0, 2))
    )
    assert found
    assert {path.split("/")[-3] for path in found} == {"steps-90"}


def test_a_baseline_of_all_training_clips_waits_for_no_subset(plan):
    assert Inputs(plan).supervised_subset(SimpleNamespace(subset="all")) == []
    found = Inputs(plan).supervised_subset(SimpleNamespace(subset="small"))
    assert found == f"results/{plan.name}/subsets/{plan.dataset}/small.csv"


def test_datasets_are_waited_for_once(plan):
    waited = Inputs(plan).ready(["toys", "toys", "others"])
    assert waited == ["data/toys/stored.json", "data/others/stored.json"]
    assert Inputs(plan).shard_names(plan.dataset)[0] == "000"


def test_failed_clips_are_tried_again_only_on_request(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shard = SimpleNamespace(dataset="toys", shard="000")
    assert Inputs(plan).retry_request(shard) == []
    (tmp_path / "data/toys/retry").mkdir(parents=True)
    (tmp_path / "data/toys/retry/000.json").write_text("{}")
    assert Inputs(plan).retry_request(shard) == ["data/toys/retry/000.json"]


def test_project_files_are_named_from_the_working_folder_where_they_lie_within(plan, root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    assert plan.from_here("config/claims.yaml") == "config/claims.yaml"
    monkeypatch.chdir(tmp_path)
    assert plan.from_here("config/claims.yaml") == str(root / "config/claims.yaml")
