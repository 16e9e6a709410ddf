"""A workflow that is started has the files that it names checked, whichever they are."""

import pytest
import yaml

from avbench.core.errors import UserError
from avbench.plan.jobs import Plan
from avbench.plan.started import check_started


@pytest.fixture
def tiny(root, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))


def test_an_experiment_that_is_whole_starts(tiny, root, tmp_path):
    check_started(Plan(tiny, root), tmp_path / "data")


@pytest.mark.parametrize("fault", ["place", "claim", "count"])
def test_each_kind_of_file_is_looked_at(tiny, root, tmp_path, fault):
    if fault == "place":
        tiny["subsets"]["few"] = {"ids": "absent.txt"}
    elif fault == "claim":
        (tmp_path / "claims.yaml").write_text("claims: [{id: a, budget: steps-9}]")
        tiny["claims"] = str(tmp_path / "claims.yaml")
    else:
        (tmp_path / "data/toys").mkdir(parents=True)
        (tmp_path / "data/toys/coverage.json").write_text("[]")
    with pytest.raises(UserError, match={"place": "absent.txt", "claim": "steps-9", "count": r"coverage\.json"}[fault]):
        check_started(Plan(tiny, root), tmp_path / "data")


def test_what_does_not_apply_to_clips_with_several_labels_is_said(tiny, root, tmp_path, capsys):
    check_started(Plan(tiny, root), tmp_path / "data")
    assert not capsys.readouterr().err
    tiny["datasets"]["toys"]["multi_label"] = True
    plan = Plan(tiny, root)
    check_started(plan, tmp_path / "data")
    said = capsys.readouterr().err
    assert "clips of toys have several labels" in said
    assert "and linear-sgd and finetune and supervised do not score them" in said
    assert (plan.trained(), plan.supervised()) == ([], [])
    assert plan.task_settings()["toys"]["multi_label"]
