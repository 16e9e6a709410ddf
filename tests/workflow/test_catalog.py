"""The Snakemake workflow catalog finds what its standardised usage asks for, and another workflow can use this one."""

import subprocess
import sys

import yaml

from tests.support.paths import ROOT

_MODULE = """
configfile: "config/config.yaml"

module avbench:
    snakefile: {place}
    config: config

use rule * from avbench
"""


def snakemake(project, place, *arguments):
    """Run a workflow of its own that is nothing but this one, as snakedeploy writes it."""
    (project / "workflow").mkdir(parents=True)
    (project / "workflow" / "Snakefile").write_text(_MODULE.format(place=place))
    (project / "config").mkdir()
    (project / "config" / "config.yaml").write_bytes((ROOT / "config/tiny.yaml").read_bytes())
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600)


def test_the_catalog_finds_what_it_asks_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert usage["software-stack-deployment"] == {"conda": True}
    assert usage["report"] is True
    for name in ("workflow/Snakefile", "config/README.md", "config/config.yaml", "LICENSE"):
        assert (ROOT / name).is_file()
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme
    assert "workflow" in readme


def test_another_workflow_uses_this_one_from_a_clone(tmp_path):
    target = "results/tiny/subsets/toys/few.csv"
    made = snakemake(tmp_path, repr(str(ROOT / "workflow/Snakefile")), "--", target)
    assert made.returncode == 0, made.stdout + made.stderr
    assert (tmp_path / target).stat().st_size
    everything = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n"], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert everything.returncode == 0, everything.stdout + everything.stderr
    assert "report_page" in everything.stdout + everything.stderr


def test_from_an_address_it_says_what_to_do(tmp_path):
    repository = tmp_path / "repository"
    (repository / "workflow").mkdir(parents=True)
    (repository / "workflow" / "Snakefile").write_bytes((ROOT / "workflow/Snakefile").read_bytes())
    git = ("git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True)
    place = f'gitfile("{repository}", path="workflow/Snakefile", tag="v1")'
    made = snakemake(tmp_path / "project", place, "-n")
    assert made.returncode
    assert "Clone the repository" in made.stdout + made.stderr
