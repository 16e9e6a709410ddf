"""What is counted of the stored clips already, and what follows from it before any job."""

import json

import pytest
import yaml

from avbench.core.errors import UserError
from avbench.plan.counted import check_counted, enough_stored, warn_of_stored
from avbench.plan.jobs import Plan


@pytest.fixture
def tiny(root):
    return yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))


def count(data, **content):
    (data / "toys").mkdir(exist_ok=True)
    (data / "toys/coverage.json").write_text(json.dumps(content), encoding="utf-8")


def test_a_subset_beyond_what_is_stored_is_warned_of(tiny, root, tmp_path, capsys):
    count(tmp_path, training={"classes": 4, "clips": 8, "smallest": 2, "largest": 2})
    warn_of_stored(Plan(tiny, root), tmp_path)
    assert "subsets.few.clips_per_class: 6 is more than the 2 training clips" in capsys.readouterr().err


def test_a_count_that_is_none_is_refused(tiny, root, tmp_path):
    check_counted(Plan(tiny, root), tmp_path)
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys/coverage.json").write_text("[]")
    with pytest.raises(UserError, match=r"coverage.json does not say what is stored"):
        check_counted(Plan(tiny, root), tmp_path)


def test_enough_is_stored_where_every_split_reaches_the_minimum(tiny, root, tmp_path):
    def enough(minimum):
        tiny["datasets"]["toys"]["min_coverage"] = minimum
        return enough_stored(Plan(tiny, root), tmp_path, "toys")

    assert enough(1.0)  # nothing is counted yet
    count(tmp_path, splits={"train": {"listed": 10, "stored": 10}, "test": {"listed": 4, "stored": 3}})
    assert enough(0.75)
    assert not enough(0.8)
    count(tmp_path, splits={"train": {"listed": 100, "stored": 55}})
    assert enough(0.55)
