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
