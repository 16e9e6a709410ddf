"""Files and folders that a configuration names are looked for before any job."""

import copy
import subprocess
import sys

import pytest
import yaml

from avbench.core.errors import UserError
from avbench.plan.jobs import Plan
from avbench.plan.places import check_places


def load(root, name):
    return yaml.safe_load((root / "config" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def tiny(root):
    return load(root, "tiny")


@pytest.mark.parametrize("name", ["config", "demo", "reference", "robustness", "study", "tiny"])
def test_shipped_configurations_name_nothing_that_is_not_there(root, name):
    check_places(Plan(load(root, name), root))


def folder_of(**options):
    rules = {"rules": "workflow/datasets/folder.smk", "shards": 1, "min_coverage": 0.5}
    return rules | {"options": options}


def vggsound_of(**fields):
    rules = {"rules": "workflow/datasets/vggsound.smk", "shards": 1, "min_coverage": 0.5}
    return rules | {"options": {"list": {"url": "https://example.org/list.csv"}}} | fields


@pytest.mark.parametrize(
    ("path", "value", "key", "found"),
    [
        (
            "datasets.mine",
            folder_of(directory="absent"),
            "datasets.mine.options.directory",
            "'absent' is no folder in ",
        ),
        ("datasets.mine", folder_of(directory="there.txt"), "datasets.mine.options.directory", "is no folder"),
        ("datasets.mine", folder_of(list="/no/list.csv"), "datasets.mine.options.list", "'/no/list.csv' is no file. "),
        ("datasets.mine", folder_of(list="there.txt"), None, None),
        (
            "datasets.mine",
            vggsound_of(sources=["files", {"directory": "absent"}]),
            "datasets.mine.sources.1.directory",
            "is no folder",
        ),
        (
            "datasets.mine",
            vggsound_of(sources=[{"archives": "*.tar"}]),
            "datasets.mine.sources.0.archives",
            "'*.tar' matches no file",
        ),
        ("datasets.mine", vggsound_of(sources=[{"archives": "*.txt"}, "download"]), None, None),
        (
            "datasets.mine",
            vggsound_of(options={"list": {"path": "absent.csv"}}),
            "datasets.mine.options.list.path",
            "is no file",
        ),
        ("subsets.listed", {"ids": "ids.txt"}, "subsets.listed.ids", "'ids.txt' is no file"),
        ("subsets.listed", {"ids": "there.txt"}, None, None),
        (
            "labels.confused",
            {"kind": "noise", "noise": "confusion", "rate": 0.2, "matrix": "m.csv"},
            "labels.confused.matrix",
            "'m.csv' is no file",
        ),
        ("labels.guessed", {"kind": "pseudo", "weights": "w.pt"}, "labels.guessed.weights", "'w.pt' is no file"),
        ("labels.guessed", {"kind": "pseudo", "weights": "IMAGENET1K_V1"}, None, None),
        ("download", {"cookies": "cookies.txt"}, "download.cookies", "is no file"),
        ("claims", "config/claim.yaml", "claims", "is no file"),
    ],
)
def test_what_is_not_there_is_named(tiny, root, tmp_path, monkeypatch, path, value, key, found):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.txt").write_text("a\n")
    config = copy.deepcopy(tiny)
    *parents, last = path.split(".")
    place = config
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = value
    experiment = Plan(config, root)
    if key is None:
        check_places(experiment)
        return
    with pytest.raises(UserError) as error:
        check_places(experiment)
    assert str(error.value).startswith(f"config: {key}: ")
    assert found in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ("pretraining", "model"),
            "smal",
            "'smal' is not allowed; it must be one of paper, small. Did you mean 'small'?",
        ),
        (("datasets", "toys", "sources"), [{"directory": "~/clips"}], "A ~ is not expanded here: write "),
    ],
)
def test_a_dry_run_names_the_mistake(tiny, root, tmp_path, path, value, message):
    place = tiny
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tiny), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--snakefile", str(root / "Snakefile")]
    done = subprocess.run(
        [*command, "--configfile", str(tmp_path / "config.yaml"), "--directory", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert message in " ".join((done.stdout + done.stderr).split())
    assert not (tmp_path / "data").exists()
