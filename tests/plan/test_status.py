import json
import subprocess
import sys
from datetime import datetime

import pytest

from avbench.cli.main import main
from avbench.core.errors import UserError
from avbench.plan import status as status_module
from avbench.plan.status import duration, format_status, status
from tests.support.job_logs import LOG, write_log

NOW = datetime(2026, 11, 28, 22, 26, 10)


@pytest.fixture
def results(tmp_path):
    """An experiment whose Snakemake works: it keeps a lock."""
    write_log(tmp_path)
    (tmp_path / ".snakemake" / "locks").mkdir()
    (tmp_path / ".snakemake" / "locks" / "0.input.lock").touch()
    results = tmp_path / "results" / "tiny"
    (results / "logs" / "embed").mkdir(parents=True)
    (results / "logs" / "embed" / "a.log").write_text("Traceback\navbench embed: x.pt does not exist.\n\n")
    return results


def write_benchmark(results, place, seconds):
    path = results / "benchmarks" / f"{place}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")


def test_what_is_done_runs_failed_and_remains(results):
    found = status(results, NOW)
    assert (found["state"], found["done"], found["jobs"]) == ("running", 1, 5)
    assert found["running"] == [
        {"rule": "embed", "wildcards": "method=b", "seconds": 60.0, "log": "results/tiny/logs/embed/b.log"}
    ]
    (failed,) = found["failed"]
    assert failed["reason"] == "avbench embed: x.pt does not exist."
    assert found["remaining"] == {"embed": 1, "tables": 1, "all": 1}
    assert found["page"] is None


def test_the_time_left_is_that_of_jobs_of_the_same_rule(results):
    assert status(results, NOW)["seconds_left"] == 0  # nothing is known but of the rule that is done
    assert status(results, NOW)["not_timed"] == ["embed", "tables"]
    write_benchmark(results, "embed/toys/seed-0", 100)
    write_benchmark(results, "embed/toys/seed-1", 140)
    write_benchmark(results, "tables", 30)
    found = status(results, NOW)
    assert found["seconds_left"] == 120 + 30 + (120 - 60)  # one to begin, the tables, and the rest of the one that runs
    assert found["not_timed"] == []


def test_jobs_side_by_side_take_less_time(results):
    text = LOG + "[Sat Nov 28 22:26:10 2026]\nFinished jobid: 8 (Rule: embed)\n"
    text = text.replace("[Sat Nov 28 22:24:00 2026]", "[Sat Nov 28 22:25:10 2026]").replace(
        "22:25:10 2026]\nFin", "22:26:10 2026]\nFin"
    )
    write_log(results.parents[1], text)
    write_benchmark(results, "tables", 30)
    assert status(results, NOW)["seconds_left"] == (60 + 30) / 2


def test_a_killed_run_is_told_from_one_that_works_or_failed(results):
    (results.parents[1] / ".snakemake" / "locks" / "0.input.lock").unlink()
    assert status(results, NOW)["state"] == "failed"
    (failed,) = status(results, NOW)["failed"]
    assert "embed" in failed["rule"]
    write_log(results.parents[1], LOG[: LOG.index("[Sat Nov 28 22:25:40")])
    found = status(results, NOW)
    assert (found["state"], found["running"]) == ("stopped", [])
    assert found["remaining"]["embed"] == 2
    assert "snakemake --unlock" in format_status(found)


def test_what_ran_when_a_run_ended_is_to_be_done_again(results):
    (results.parents[1] / ".snakemake" / "locks" / "0.input.lock").unlink()
    assert status(results, NOW)["remaining"] == {"embed": 2, "tables": 1, "all": 1}  # one failed, one was under way
    # the last job of a run that asked for one file, and not for all
    asked = LOG.replace("embed         2\ntables        1\nall           1\n", "embed         1\n")
    begun = asked[: asked.index("[Sat Nov 28 22:25:40")].replace(
        "rule embed:\n    log: results/tiny/logs/embed/a", "", 1
    )
    write_log(results.parents[1], begun)
    found = status(results, NOW)
    assert (found["state"], found["remaining"]) == ("stopped", {"embed": 1})


def test_a_run_that_nobody_is_seen_to_work_on_may_have_been_killed(results, monkeypatch):
    for seen, unseen in ((True, False), (None, False), (False, True)):
        monkeypatch.setattr(status_module, "_seen", lambda folder, seen=seen: seen)
        found = status(results, NOW)
        assert (found["state"], found["unseen"]) == ("running", unseen)
        assert ("snakemake --unlock" in format_status(found)) == unseen
    monkeypatch.undo()
    code = "import sys; print(flush=True); sys.stdin.read()  # snakemake"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=results.parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as works:
        works.stdout.readline()
        assert not status(results, NOW)["unseen"]
        works.communicate()
    assert status(results, NOW)["unseen"]


def test_a_finished_run_names_its_page(results):
    (results / "index.html").touch()
    done = LOG.replace("embed         2\ntables        1\nall           1\n", "")
    write_log(results.parents[1], done[: done.index("rule embed:")] + "Complete log(s): a\n")
    found = status(results, NOW)
    assert (found["state"], found["seconds_left"]) == ("finished", 0)
    assert found["page"] == str(results / "index.html")
    assert format_status(found).splitlines()[1:] == [f"page     {results / 'index.html'}"]


def test_the_console_has_a_line_for_each(results, capsys):
    assert main(["status", str(results)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("tiny: running, 1 of 5 jobs done (log: ")
    assert [line.split()[0] for line in lines[1:]] == [
        *("running", "failed", "avbench", "remains", "left"),
        *("unseen", "The"),  # no Snakemake works there
    ]
    assert main(["status", str(results), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["remaining"] == {"embed": 1, "tables": 1, "all": 1}


def test_an_experiment_that_never_ran_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="no log of Snakemake"):
        status(tmp_path / "results" / "none")


def test_durations_are_written_for_people():
    assert [duration(seconds) for seconds in (4.2, 89, 90, 720, 11_100)] == [
        "4 s",
        "89 s",
        "2 min",
        "12 min",
        "3 h 05 min",
    ]
