"""A log as Snakemake keeps it: one job done, one failed, one runs, and tables were not begun."""

from pathlib import Path

LOG = """\
Building DAG of jobs...
Job stats:
job       count
------  -------
subset        1
embed         2
tables        1
all           1
total         5

Select jobs to execute...
Execute 1 jobs...
[Sat Nov 28 22:24:00 2026]
localrule subset:
    input: data/toys/ledger.parquet
    output: results/tiny/subsets/toys/few.csv
    log: results/tiny/logs/subset/few.log
    jobid: 3
    benchmark: results/tiny/benchmarks/subset/few.tsv
    wildcards: experiment=tiny, subset=few
[Sat Nov 28 22:25:10 2026]
Finished jobid: 3 (Rule: subset)
1 of 5 steps (20%) done
[Sat Nov 28 22:25:10 2026]
rule embed:
    log: results/tiny/logs/embed/a.log
    jobid: 7
    wildcards: experiment=tiny, method=a
[Sat Nov 28 22:25:10 2026]
rule embed:
    log: results/tiny/logs/embed/b.log
    jobid: 8
    wildcards: experiment=tiny, method=b
[Sat Nov 28 22:25:40 2026]
Error in rule embed:
    message: None
    jobid: 7
    log: results/tiny/logs/embed/a.log (check log file(s) for error details)
    shell:
        python -m avbench embed
        (command exited with non-zero exit code)
"""


def write_log(folder: Path, text: str = LOG, name: str = "2026-11-28T222400") -> Path:
    """Write a log where Snakemake keeps it."""
    path = folder / ".snakemake" / "log" / f"{name}.snakemake.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
