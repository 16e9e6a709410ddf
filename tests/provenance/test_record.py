"""What a record tells of a job: digests, versions, hardware, time; and whom it does not name."""

import getpass
import json
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from avbench.provenance import record as provenance


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's folder, as the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    Path("results/subset.csv").write_text("clip_id,label\n", encoding="utf-8")
    return tmp_path


def sha256sum(path):
    return subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]


def test_digests_are_those_of_other_tools(project):
    assert provenance.digests(["results/subset.csv"]) == {"results/subset.csv": sha256sum("results/subset.csv")}


def test_names_are_relative_and_tell_nothing_of_the_machine(project, tmp_path_factory, root):
    outside = tmp_path_factory.mktemp("jane-doe") / "claims.yaml"
    outside.write_text("claims: []", encoding="utf-8")
    paths = [project / "results/subset.csv", "results/../results/subset.csv", root / "config/claims.yaml", outside]
    assert list(provenance.digests(paths)) == ["results/subset.csv", "config/claims.yaml", "claims.yaml"]


def test_files_of_one_name_are_all_told(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    files = [folder / place / "clips.npz" for place in ("audio", "video", "both")]
    for path in files:
        path.parent.mkdir()
        path.write_text(path.parent.name)
    told = provenance.digests([*files, files[1], "results/subset.csv"])
    assert list(told) == ["clips.npz", "clips.npz (2)", "clips.npz (3)", "results/subset.csv"]
    assert list(told.values())[:3] == [sha256sum(path) for path in files]


def test_a_record_lies_in_its_experiment_or_else_beside_its_file():
    assert provenance.folder_of(Path("results/x/tables/a.csv"), "tables") == Path("results/x/provenance")
    assert provenance.folder_of(Path("a.csv"), "tables") == Path("provenance")
    deep = Path("results/x/labels/d/s/noisy/seed-0.csv")
    assert provenance.folder_of(deep, "labels", 4) == Path("results/x/provenance")
    assert provenance.folder_of(deep, "tuning", 4) == Path("results/x/labels/d/s/noisy/provenance")


def test_a_stamp_tells_versions_hardware_and_time(project):
    found = provenance.stamp(["results/subset.csv"])
    assert found["packages"]["numpy"] == metadata.version("numpy")
    assert found["python"] == platform.python_version()
    assert found["cores"] >= 1
    assert found["memory_gb"] > 0
    assert found["seconds"] >= 0
    assert found["energy"]["processor"]["joules"] >= 0
    assert list(found["inputs"]) == ["results/subset.csv"]
    json.dumps(found)


def test_a_stamp_names_no_person_and_no_machine(project):
    text = json.dumps(provenance.stamp(["results/subset.csv"]))
    assert str(project) not in text
    if len(platform.node()) > 3:
        assert platform.node() not in text
    if (user := getpass.getuser()) != "root":
        assert f"/{user}/" not in text


def test_the_commit_tells_changes(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    monkeypatch.setattr(provenance, "SOURCE", tmp_path)
    (tmp_path / "code.py").write_text("1\n", encoding="utf-8")
    commit = provenance._commit.__wrapped__
    assert commit() is None
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    assert commit() == git("rev-parse", "HEAD")
    (tmp_path / "code.py").write_text("2\n", encoding="utf-8")
    assert commit() == git("rev-parse", "HEAD") + "+changes"


def test_a_record_tells_inputs_outputs_and_settings(project):
    Path("results/scores.csv").write_text("accuracy\n", encoding="utf-8")
    provenance.record(Path("results/provenance.json"), ["results/subset.csv"], ["results/scores.csv"], {"seed": 3})
    found = json.loads(Path("results/provenance.json").read_text(encoding="utf-8"))
    assert found["settings"] == {"seed": 3}
    assert found["outputs"] == {"results/scores.csv": sha256sum("results/scores.csv")}
    assert found["provenance"]["inputs"] == {"results/subset.csv": sha256sum("results/subset.csv")}


def test_the_clock_starts_with_the_job():
    code = """
import time
from avbench.provenance import record as provenance
time.sleep(0.3)
before = provenance.stamp([])["seconds"]
provenance.begin()
after = provenance.stamp([])["seconds"]
assert before >= 0.3 > after, (before, after)
assert not {"torch", "pandas", "scipy"} & set(__import__("sys").modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("first_line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024", "535.183.01"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build", "550.54.15"),
        ("something else", None),
        ("", None),
    ],
)
def test_the_drivers_version_is_read(tmp_path, first_line, version):
    file = tmp_path / "version"
    file.write_text(f"{first_line}\nGCC version: 12.2.0\n" if first_line else "", encoding="utf-8")
    assert provenance._driver(file) == version
    assert provenance._driver(tmp_path / "none") is None
