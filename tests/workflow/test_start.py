"""Snakemake started by its path, from an environment that is not activated."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SNAKEMAKE = Path(sys.executable).with_name("snakemake")


@pytest.mark.parametrize("start", [[str(SNAKEMAKE)], [sys.executable, "-m", "snakemake"]], ids=["script", "module"])
def test_jobs_run_in_the_python_that_runs_snakemake(start, tmp_path, root):
    # A PATH with what a shell needs, and a python that is not the one of the environment.
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").write_text("#!/bin/sh\necho this is not the environment >&2\nexit 1\n")
    (folder / "python").chmod(0o755)
    path = f"{folder}:/usr/bin:/bin"
    assert shutil.which("python", path=path) == str(folder / "python")
    target = "data/toys/clips.csv"
    command = [*start, "--cores", "1", "--snakefile", str(root / "Snakefile"), "--directory", str(tmp_path)]
    made = subprocess.run(
        [*command, "--configfile", str(root / "config/tiny.yaml"), "--", target],
        env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert (tmp_path / target).stat().st_size
