"""Snakemake's report: made of what is there, and nothing is left of it where that fails."""

import subprocess

import pytest
import yaml

from avbench.core.files import read_json
from avbench.plan.jobs import Plan
from avbench.plan.report_page import make_report

SNAKEFILE = """
rule all:
    input: "table.csv",

rule table:
    output: report("table.csv", caption="caption.rst", category="Results", labels={"content": "Every number"}),
    shell: "echo a,1 > {output}"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "caption.rst").write_text("What the numbers mean.")
    (tmp_path / "table.csv").write_text("a,1\n")
    (tmp_path / "results" / "tiny").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def plan(root):
    return Plan(yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8")), root)


def test_the_report_shows_what_it_is_given_and_the_configuration_lies_beside(plan, folder):
    make_report(plan, folder / "Snakefile", "report.html", ["table.csv"], "report.log")
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "Every number" in text
    assert "What the numbers mean." in text
    assert read_json("results/tiny/config.json") == plan.config
    assert (folder / "report.log").exists()


def test_half_a_report_is_not_left(plan, folder):
    (folder / "report.html").write_text("half")
    with pytest.raises(subprocess.CalledProcessError):
        make_report(plan, folder / "Snakefile", "report.html", ["nothing.csv"], "report.log")
    assert not (folder / "report.html").exists()
    assert "nothing.csv" in (folder / "report.log").read_text()
