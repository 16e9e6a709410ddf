"""How far an experiment is: what is done, runs or failed and why, what remains, and how long that takes."""

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any

from avbench.core.errors import UserError
from avbench.plan import paths
from avbench.plan.job_log import DONE, FAILED, RUNNING, Job, JobLog, latest

_PURPOSES = ("experiment", "dataset")  # wildcards that tell jobs of an experiment little apart


def status(results: Path, now: datetime | None = None) -> dict[str, Any]:
    """Say how far an experiment is, as JSON can hold it.

    Args:
        results: ``results/{experiment}`` in the folder that Snakemake works in.
        now: local time; by default that of the clock.

    Returns:
        ``experiment``; ``state``: ``running``, ``finished``, ``failed`` or ``stopped`` (by a signal); ``log``:
        Snakemake's; ``done`` and ``jobs``: numbers, of the last run; ``running`` and ``failed``: rule, wildcards,
        seconds and log of each, and of a failed one the ``reason``; ``remaining``: jobs by rule; ``seconds_left``: at
        the pace so far, None where nothing is known; ``not_timed``: the rules that remain and are left out of it, since
        none of their jobs has been finished; ``page``: the page, if it is there; ``unseen``: whether it is ``running``
        by its log and locks alone, which those leave who are killed or whose machine goes down: no Snakemake works in
        the folder on this machine.

    Raises:
        UserError: Snakemake has kept no log of it.
    """
    folder = results.absolute().parents[1]
    log = latest(folder, results.name)
    if log is None:
        raise UserError(
            f"{results}: no log of Snakemake in {folder / '.snakemake' / 'log'} has jobs of it. Run the workflow "
            "there, or name the folder results/NAME of the experiment in the folder that Snakemake worked in."
        )
    now = now or datetime.now()
    remaining, failed, running = log.remaining(), log.of(FAILED), log.of(RUNNING)
    alive = _alive(log, folder)
    if not alive:  # what ran then is to be done again
        remaining, running = remaining + Counter(job.rule for job in running), []
    state = "running" if alive else "failed" if failed else "stopped" if remaining else "finished"
    left, not_timed = _time_left(log, running, remaining, results, now)
    page = paths.below(results, paths.PAGE)
    return {
        "experiment": results.name,
        "state": state,
        "log": str(log.path),
        "done": len(log.of(DONE)),
        "jobs": log.steps,
        "running": [_told(job, now) for job in running],
        "failed": [_told(job, now) | {"reason": _reason(folder / job.log if job.log else None)} for job in failed],
        "remaining": dict(remaining),
        "seconds_left": left,
        "not_timed": not_timed,
        "page": str(page) if page.is_file() else None,
        "unseen": alive and _seen(folder) is False,
    }


def _alive(log: JobLog, folder: Path) -> bool:
    """Say whether Snakemake still works: it keeps locks, and its log has no end."""
    locks = folder / ".snakemake" / "locks"
    return not log.ended and locks.is_dir() and any(locks.iterdir())


def _seen(folder: Path) -> bool | None:
    """Say whether a Snakemake of this machine works in a folder; None where that cannot be told."""
    processes, place, told = list(Path("/proc").glob("[0-9]*")), str(folder.resolve()), True
    for process in processes:
        try:
            if b"snakemake" in (process / "cmdline").read_bytes() and os.readlink(process / "cwd") == place:
                return True
        except PermissionError:
            told = False  # somebody else's
        except OSError:
            continue  # it has ended
    return False if processes and told else None


def _told(job: Job, now: datetime) -> dict[str, Any]:
    """Describe a job."""
    named = [part for part in job.wildcards.split(", ") if part.partition("=")[0] not in _PURPOSES]
    return {"rule": job.rule, "wildcards": ", ".join(named), "seconds": job.seconds(now), "log": job.log}


def _reason(log: Path | None) -> str:
    """Return the line of a job's log that says why it failed: what the program says to its user, or the last one."""
    if log is None or not log.is_file():
        return "it left no log"
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("avbench ")]
    return (told or lines[-1:] or ["its log is empty"])[0].strip()


def _time_left(
    log: JobLog, running: list[Job], remaining: Mapping[str, int], results: Path, now: datetime
) -> tuple[float | None, list[str]]:
    """Return how many seconds are left, from what jobs of the same rule took, and the rules of which none is known."""
    took: dict[str, list[float]] = defaultdict(list)
    finished, folder = log.of(DONE), results.absolute().parents[1]
    for job in finished:
        took[job.rule].append(_measured(folder / job.benchmark if job.benchmark else None) or job.seconds(now))
    ahead = {rule: number for rule, number in remaining.items() if rule != "all"}
    wanted = {*ahead, *(job.rule for job in running)}
    for rule in wanted - set(took):
        took[rule] = _earlier(results, rule)
    usual = {rule: mean(times) for rule, times in took.items() if times}
    not_timed = sorted(wanted - set(usual))
    if not finished or (not ahead and not running):
        return (None if ahead or running else 0.0), not_timed
    work = sum(number * usual.get(rule, 0.0) for rule, number in ahead.items())
    work += sum(max(0.0, usual[job.rule] - job.seconds(now)) for job in running if job.rule in usual)
    begin, end = min(job.started for job in finished), max(job.ended for job in finished)
    busy = sum(job.seconds(now) for job in finished)
    at_once = max(1.0, busy / max(1.0, (end - begin).total_seconds()))
    return round(work / at_once, 1), not_timed


def _earlier(results: Path, rule: str) -> list[float]:
    """Return how many seconds jobs of a rule took in earlier runs, by the benchmark files that bear its name."""
    name = rule.partition("_seeds_")[0]
    found = []
    for place in dict.fromkeys([name, name.replace("_", "/", 1)]):
        folder = paths.below(results, paths.BENCHMARKS) / place
        found += [_measured(path) for path in (folder.with_suffix(".tsv"), *sorted(folder.glob("**/*.tsv")))]
    return [seconds for seconds in found if seconds is not None]


def _measured(benchmark: Path | None) -> float | None:
    """Return the seconds in a benchmark file of Snakemake; None if it is not there, or not whole yet."""
    if benchmark is None or not benchmark.is_file():
        return None
    with benchmark.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    try:
        return float(rows[-1]["s"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


# ---------------------------------------------------------------------------------------------------------------- text


def format_status(found: Mapping[str, Any]) -> str:
    """Return what :func:`status` found as plain text, a line for each running, failed or remaining part."""
    lines = [
        f"{found['experiment']}: {found['state']}, {found['done']} of {found['jobs']} jobs done (log: {found['log']})"
    ]
    for job in found["running"]:
        lines.append(f"running  {_job(job)}, for {duration(job['seconds'])}: {job['log'] or 'no log'}")
    for job in found["failed"]:
        lines += [f"failed   {_job(job)}: {job['log'] or 'no log'}", f"         {job['reason']}"]
    if ahead := {rule: number for rule, number in found["remaining"].items() if rule != "all"}:
        listed = ", ".join(f"{number} {rule}" for rule, number in ahead.items())
        lines.append(f"remains  {listed}")
    if found["state"] != "finished" and found["seconds_left"] is not None:
        without = f"; not counting {', '.join(found['not_timed'])}, never timed" if found["not_timed"] else ""
        lines.append(f"left     {duration(found['seconds_left'])} at the pace so far{without}")
    if found["unseen"]:
        lines.append(
            "unseen   no Snakemake is seen to work there on this machine; if none does on another, it was killed"
        )
    if found["state"] in ("failed", "stopped") or found["unseen"]:
        lines.append("The same command goes on where it was; a killed one asks for snakemake --unlock first.")
    if found["page"]:
        lines.append(f"page     {found['page']}")
    return "\n".join(lines) + "\n"


def _job(job: Mapping[str, Any]) -> str:
    return job["rule"] + (f" ({job['wildcards']})" if job["wildcards"] else "")


def duration(seconds: float) -> str:
    """Write a duration for people: 40 s, 12 min, 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
