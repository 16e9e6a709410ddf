"""Snakemake's own report of an experiment, made by a job of the workflow like any other."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from avbench.core.files import write_json, write_text
from avbench.plan import paths
from avbench.plan.jobs import Plan
from avbench.plan.report_charts import mended

STYLESHEET = "workflow/report/report.css"


def make_report(plan: Plan, snakefile: str | Path, target: str, parts: Iterable[str], log: str | Path) -> None:
    """Have Snakemake make its report of tables and figures that are there.

    The configuration, as Snakemake merged it, is written beside it.

    Args:
        plan: the experiment.
        snakefile: of the workflow.
        target: the HTML file.
        parts: the tables and figures.
        log: what Snakemake says.

    Raises:
        subprocess.CalledProcessError: Snakemake cannot make it; nothing is left of it but the log.
    """
    merged = plan.path(paths.CONFIG)
    write_json(merged, plan.config)
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)),
        *("--configfile", merged, "--nolock", "--quiet"),
        *("--report", target, "--report-stylesheet", str(Path(plan.root, STYLESHEET))),
    ]
    made = subprocess.run([*command, "--", *parts], capture_output=True, text=True)
    if made.returncode:
        Path(target).unlink(missing_ok=True)  # on a full disk, the log needs its room
    Path(log).write_text(made.stdout + made.stderr, encoding="utf-8")
    made.check_returncode()
    write_text(target, mended(Path(target).read_text(encoding="utf-8")))
