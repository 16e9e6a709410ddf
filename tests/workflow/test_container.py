"""The container's definition is what Snakemake makes of the conda environments."""

import os
import subprocess
import sys

from tests.support.conda import stand_in
from tests.support.paths import ROOT


def test_the_container_is_in_step_with_the_environments(tmp_path):
    conda = stand_in.install(tmp_path)
    # --directory would be part of the paths that are written, and without one .snakemake is made here.
    made = subprocess.run(
        [*(sys.executable, "-m", "snakemake", "--containerize"), "--configfile", "config/tiny.yaml"],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{conda}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    definition = (ROOT / "containers" / "Dockerfile").read_text(encoding="utf-8")
    assert made.stdout == definition, "run: snakemake --containerize > containers/Dockerfile"
