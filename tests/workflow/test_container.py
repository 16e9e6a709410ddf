"""The container's definition is what Snakemake makes of the conda environment."""

import os
import subprocess
import sys

from tests.support.paths import ROOT

# Snakemake asks conda about itself first; what it then writes follows from the environment's file alone.
CONDA = """#!/bin/sh
case "$*" in
"info --json") echo '{"conda_prefix": "/opt/conda", "platform": "linux-64", "conda_version": "25.3.1"}' ;;
"--version") echo "conda 25.3.1" ;;
*"config --get channel_priority --json"*) echo '{"get": {"channel_priority": "strict"}}' ;;
*) exit 1 ;;
esac
"""


def test_the_container_is_in_step_with_the_environment(tmp_path):
    conda = tmp_path / "conda"
    conda.write_text(CONDA)
    conda.chmod(0o755)
    # --directory would be part of the paths that are written, and without one .snakemake is made here.
    made = subprocess.run(
        [*(sys.executable, "-m", "snakemake", "--containerize"), "--configfile", "config/tiny.yaml"],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    definition = (ROOT / "containers" / "Dockerfile").read_text(encoding="utf-8")
    assert made.stdout == definition, "run: snakemake --containerize > containers/Dockerfile"
