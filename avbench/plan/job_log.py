"""What Snakemake's own log says of a run: which jobs it has, and what became of each."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

FOLDER = Path(".snakemake", "log")  # of the folder that Snakemake works in
DONE, RUNNING, FAILED = "done", "running", "failed"
_JOB = re.compile(r"(?:local)?(?:rule|checkpoint) (\w+):$")
_ERROR = re.compile(r"Error in rule (\w+):$")
_FINISHED = re.compile(r"Finished jobid: (\d+) \(Rule: (\w+)\)$")
_FIELD = re.compile(r"    (jobid|log|benchmark|wildcards): (.*)$")
_STEPS = re.compile(r"\d+ of (\d+) steps \(")
_COUNT = re.compile(r"(\w+) +(\d+)$")
_NONE = datetime.min


@dataclass
class Job:
    """A job that was started.

    Attributes:
        rule: its rule.
        log, benchmark, wildcards: as the log names them; empty for none.
        state: ``DONE``, ``RUNNING`` or ``FAILED``.
        started, ended: local time; the latter of jobs that do not run.
    """

    rule: str
    log: str = ""
    benchmark: str = ""
    wildcards: str = ""
    state: str = RUNNING
    started: datetime = _NONE
    ended: datetime = _NONE

    def seconds(self, now: datetime) -> float:
        """Return how long it took, or has taken until now."""
        return ((now if self.state == RUNNING else self.ended) - self.started).total_seconds()


@dataclass
class JobLog:
    """A log of Snakemake.

    Attributes:
        path: the file.
        planned: how many jobs each rule was to have, of those that were not done before.
        steps: how many jobs there are in all, as last told: rounds and retries add some.
        jobs: those that were started, by their number.
        ended: whether Snakemake said its last word.
    """

    path: Path
    planned: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    ended: bool = False

    def of(self, state: str) -> list[Job]:
        """Return the jobs in a state."""
        return [job for job in self.jobs.values() if job.state == state]

    def remaining(self) -> Counter[str]:
        """Count the jobs that were not started, or not again after they failed, by rule."""
        begun = Counter(job.rule for job in self.jobs.values() if job.state != FAILED)
        return self.planned - begun


def latest(folder: Path, experiment: str) -> JobLog | None:
    """Return the log of the last run that had jobs of an experiment; None if there is none.

    Args:
        folder: that Snakemake worked in.
        experiment: its name.
    """
    for path in sorted((folder / FOLDER).glob("*.snakemake.log"), reverse=True):
        text = path.read_text(encoding="utf-8", errors="replace")
        dry = "This was a dry-run" in text
        if not dry and "\nJob stats:\n" in text and f"results/{experiment}/" in text:
            return parse(path, text)
    return None


def parse(path: Path, text: str) -> JobLog:
    """Read a log.

    Args:
        path: of the log.
        text: what is in it, maybe not to its end.
    """
    found, now, listing = JobLog(path), _NONE, False
    rule, failed = "", False
    told: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("["):
            now = _time(line) or now
            rule = ""
        elif line == "Job stats:":
            listing = True
        elif listing and (count := _COUNT.match(line)):
            if count[1] == "total":
                found.steps = max(found.steps, int(count[2]))
                listing = False
            else:
                found.planned[count[1]] = max(found.planned[count[1]], int(count[2]))
        elif begun := _JOB.match(line) or _ERROR.match(line):
            rule, failed, told = begun[1], line.startswith("Error"), {}
        elif rule and (about := _FIELD.match(line)):
            told[about[1]] = about[2].removesuffix(" (check log file(s) for error details)")
            if "jobid" in told:
                _note(found, rule, failed, told, now)
        elif finished := _FINISHED.match(line):
            job = found.jobs.setdefault(finished[1], Job(finished[2], started=now))
            job.state, job.ended = DONE, now
        elif steps := _STEPS.match(line):
            found.steps = int(steps[1])
        elif line.startswith("Complete log(s):"):
            found.ended = True
    return found


def _note(found: JobLog, rule: str, failed: bool, told: dict[str, str], now: datetime) -> None:
    """Take in what is told of a job, which comes line by line: that it starts, or that it failed."""
    job = found.jobs.setdefault(told["jobid"], Job(rule, started=now))
    if failed:
        job.state, job.ended = FAILED, now
    elif job.state == FAILED:
        job.state, job.started = RUNNING, now  # again
    job.log = told.get("log", job.log)
    job.benchmark = told.get("benchmark", job.benchmark)
    job.wildcards = told.get("wildcards", job.wildcards)


def _time(line: str) -> datetime | None:
    """Read the time that stands before what is told of a job."""
    try:
        return datetime.strptime(line, "[%a %b %d %H:%M:%S %Y]")
    except ValueError:
        return None
