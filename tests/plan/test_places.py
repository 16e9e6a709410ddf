"""Paths of a configuration that lead nowhere are found before any job."""

import pytest
import yaml

from avbench.core.errors import UserError
from avbench.plan.jobs import Plan
from avbench.plan.places import check_places


@pytest.fixture
def config(root, tmp_path, monkeypatch):
    """A configuration with a dataset from a folder, in a working folder that holds all that it names."""
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((root / "config" / "tiny.yaml").read_text(encoding="utf-8"))
    for name in ("media", "trimmed"):
        (tmp_path / name).mkdir()
    (tmp_path / "ids.txt").write_text("a\n", encoding="utf-8")
    config["datasets"]["mine"] = {
        "rules": "workflow/datasets/folder.smk",
        "shards": 1,
        "min_coverage": 0.9,
        "options": {"directory": "media"},
        "sources": ["files", {"directory": "trimmed"}],
    }
    config["subsets"]["listed"] = {"ids": "ids.txt"}
    return config


def test_a_configuration_whose_paths_lead_somewhere_passes(config, root):
    check_places(Plan(config, root))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("media", r"datasets\.mine\.options\.directory: 'media' is no folder in .*, from where it counts"),
        ("trimmed", r"datasets\.mine\.sources\.1\.directory: 'trimmed' is no folder"),
        ("ids.txt", r"subsets\.listed\.ids: 'ids\.txt' is no file"),
    ],
)
def test_a_path_that_leads_nowhere_is_named_with_its_key(config, root, tmp_path, path, message):
    (tmp_path / path).rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=message):
        check_places(Plan(config, root))


def test_a_path_that_only_a_shell_understands_is_refused(config, root):
    config["datasets"]["mine"]["options"]["directory"] = "~/media"
    with pytest.raises(UserError, match="begins with ~, which only a shell replaces"):
        check_places(Plan(config, root))
