from datetime import datetime
from pathlib import Path

import pytest

from avbench.plan import job_log
from avbench.plan.job_log import DONE, FAILED, RUNNING
from tests.support.job_logs import LOG, write_log


@pytest.fixture
def found():
    return job_log.parse(Path("a.log"), LOG)


def test_jobs_are_what_became_of_them(found):
    assert {number: (job.rule, job.state) for number, job in found.jobs.items()} == {
        "3": ("subset", DONE),
        "7": ("embed", FAILED),
        "8": ("embed", RUNNING),
    }
    assert found.steps == 5
    assert not found.ended


def test_logs_benchmarks_and_times_are_read(found):
    subset, failed, running = found.jobs.values()
    assert subset.log == "results/tiny/logs/subset/few.log"
    assert subset.benchmark == "results/tiny/benchmarks/subset/few.tsv"
    assert subset.seconds(datetime.max) == 70
    assert failed.log == "results/tiny/logs/embed/a.log"
    assert running.wildcards == "experiment=tiny, method=b"
    assert running.seconds(datetime(2026, 11, 28, 22, 26, 10)) == 60


def test_what_was_not_started_or_failed_remains(found):
    assert found.remaining() == {"embed": 1, "tables": 1, "all": 1}


def test_a_job_that_is_tried_again_runs_and_may_finish(found):
    again = LOG + "[Sat Nov 28 22:27:00 2026]\nrule embed:\n    jobid: 7\n"
    assert job_log.parse(Path("a.log"), again).jobs["7"].state == RUNNING
    finished = again + "[Sat Nov 28 22:27:30 2026]\nFinished jobid: 7 (Rule: embed)\n"
    job = job_log.parse(Path("a.log"), finished).jobs["7"]
    assert (job.state, job.seconds(datetime.max)) == (DONE, 30)


def test_further_rounds_add_steps(found):
    assert job_log.parse(Path("a.log"), LOG + "2 of 9 steps (22%) done\n").steps == 9


def test_the_last_run_of_the_experiment_counts(tmp_path):
    write_log(tmp_path, LOG.replace("tiny", "other"), "2026-11-28T3")
    write_log(tmp_path, LOG + "This was a dry-run (flag -n).\n", "2026-11-28T4")
    assert job_log.latest(tmp_path, "tiny") is None
    path = write_log(tmp_path, LOG, "2026-11-28T1")
    assert job_log.latest(tmp_path, "tiny").path == path
    path = write_log(tmp_path, LOG + "Complete log(s): a\n", "2026-11-28T2")
    assert job_log.latest(tmp_path, "tiny").path == path
    assert job_log.latest(tmp_path, "tiny").ended
