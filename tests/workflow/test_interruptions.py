"""What interrupts an experiment is reported, and running it again ends with the tables of an undisturbed run."""

import contextlib
import copy
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.workflow.conftest import TINY, Workflow

KILLS = 10  # in each chain
RUN = "results/tiny/runs/toys/few/none/random/default/seed-0"
# rule → folder that has no room left, and what the rule makes there
STAGES = {
    "embed": (RUN, ["embeddings.npz"]),
    "frozen": (RUN, ["*.csv", "p*"]),
    "trained": (f"{RUN}/linear-sgd", ["*"]),
    "tables": ("results/tiny/tables", ["*"]),
    "figures_results": ("results/tiny/figures", ["*"]),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Workflow:
    """The tiny experiment without what repeats a stage, run to its end."""
    config = copy.deepcopy(TINY) | {"seeds": [0]}
    for protocol in ("retrieval", "finetune", "supervised"):
        del config["evaluation"][protocol]
    workflow = Workflow(tmp_path_factory.mktemp("undisturbed"), config)
    began = time.monotonic()
    workflow.run()
    workflow.seconds = time.monotonic() - began
    return workflow


def copied(workflow: Workflow, folder: Path) -> Workflow:
    """Return an ended experiment in another folder, with its times and what Snakemake knows of it."""
    shutil.copytree(workflow.folder, folder, dirs_exist_ok=True)
    return Workflow(folder, workflow.config)


def files(workflow: Workflow) -> set[str]:
    """Return the names of an experiment's files and folders, but for hidden ones: they are taken for nothing."""
    found = [path for part in ("data", "results") for path in (workflow.folder / part).rglob("[!.]*")]
    return {str(path.relative_to(workflow.folder)) for path in found}


@contextlib.contextmanager
def started(workflow: Workflow, *arguments: str, cores: int = 2) -> Iterator[subprocess.Popen]:
    """Start a run, of which nothing is left after the block."""
    process = workflow.start(*arguments, cores=cores)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def a_job(process: subprocess.Popen, draw: random.Random) -> psutil.Process | None:
    """Wait until a run has jobs that work; return the process of one, or None if the run ends before."""
    while process.poll() is None:
        found = []
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if child.cmdline()[1:3] == ["-m", "avbench"]:
                        found.append(child)
        if found:
            return draw.choice(found)
        time.sleep(0.02)
    return None


@pytest.mark.slow
@pytest.mark.parametrize("chain", range(3))
def test_kills_at_random_moments_change_nothing(undisturbed, tmp_path, chain):
    workflow, draw = Workflow(tmp_path, undisturbed.config), random.Random(chain)
    killed = 0
    while killed < KILLS:
        with started(workflow) as process:
            a_job(process, draw)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=draw.uniform(0, 2 * undisturbed.seconds / KILLS))
            if killed % 2 and (job := a_job(process, draw)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    job.kill()
                killed += process.wait(timeout=600) != 0  # Snakemake lives on, and does what does not depend on it
            elif process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                workflow.run("--unlock")
                killed += 1
            else:  # it ended sooner
                assert process.returncode == 0
                shutil.rmtree(tmp_path / "results")
    workflow.run()
    assert workflow.tables() == undisturbed.tables()
    assert files(workflow) == files(undisturbed)
    assert "Nothing to be done" in workflow.run()


def test_a_second_run_at_once_is_refused_and_harms_nothing(tiny, tmp_path):
    workflow, target = Workflow(tmp_path, tiny), "data/toys/clips.csv"
    with started(workflow, target, cores=1) as first:
        deadline = time.monotonic() + 120
        while not list((tmp_path / ".snakemake" / "locks").glob("*")):
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(first.pid, signal.SIGSTOP)  # so that it cannot end before the second has begun
        assert "Directory cannot be locked" in workflow.run(target, check=False)
        os.killpg(first.pid, signal.SIGCONT)
        assert first.wait(timeout=300) == 0
    assert (tmp_path / target).exists()


@contextlib.contextmanager
def disk(folder: Path, size_kib: int = 64 * 1024) -> Iterator[None]:
    """Mount a small disk on a new folder, until the block ends or this process does, in whatever way."""
    if os.getuid() != 0:
        pytest.skip("mounting a disk needs root")
    folder.mkdir(parents=True)
    # Whoever has mounted waits for the end of the input, which comes with the end of this process too.
    script = f'mount -t tmpfs -o size={size_kib}k tmpfs "$0" && echo mounted && {{ read _; umount -l "$0"; }}'
    keeper = subprocess.Popen(
        ["sh", "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        if keeper.stdout.readline() != b"mounted\n":
            pytest.skip("no disk may be mounted here")
        yield
    finally:
        keeper.communicate()


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill a disk; return the file that does."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass
    return filler


def check_full(text: str) -> None:
    assert "No space left on device. Check free space and permissions." in text
    assert "Traceback" not in text


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.35, 0.6])  # enough for lists, for media, for packing
def test_a_disk_that_is_too_small_is_reported_and_on_a_larger_one_the_run_goes_on(undisturbed, tmp_path, share):
    need = sum(path.stat().st_size for path in undisturbed.folder.rglob("*"))
    folder = tmp_path / "disk"
    with disk(folder, int(share * need / 1024)):
        workflow = Workflow(folder, undisturbed.config)
        text = workflow.run(check=False)
        check_full(text)
        remount(folder, "size=64m")
        workflow.run()
        assert workflow.tables() == undisturbed.tables()
        assert files(workflow) == files(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("rule", STAGES)
def test_a_full_disk_is_reported_and_once_there_is_room_the_run_goes_on(undisturbed, tmp_path, rule):
    where, made = STAGES[rule]
    folder = tmp_path / where
    with disk(folder):
        workflow = copied(undisturbed, tmp_path)
        for path in [path for pattern in made for path in folder.glob(pattern)]:
            path.unlink()  # as Snakemake would, which would make room
        filler = fill(folder)
        text = workflow.run("--forcerun", rule, check=False)
        assert f"Error in rule {rule}:" in text
        check_full(text)
        filler.unlink()
        workflow.run()
        assert workflow.tables() == undisturbed.tables()
        assert files(workflow) == files(undisturbed)


@pytest.mark.slow
def test_results_that_may_not_be_written_are_named(undisturbed, tmp_path):
    folder = tmp_path / "results"
    with disk(folder):
        workflow = copied(undisturbed, tmp_path)
        remount(folder, "ro")
        text = workflow.run("--forcerun", "embed", check=False)
        assert re.search(
            r"Write-protected output files for rule \w+:.*affected files:\s+results/tiny/", text, re.DOTALL
        )
        assert "Traceback" not in text
        assert "Nothing to be done" in workflow.run()
        remount(folder, "rw")
        workflow.run("--forcerun", "embed")
        assert workflow.tables() == undisturbed.tables()


def shift(workflow: Workflow, earliest: float, latest: float) -> None:
    """Give every file a time of its own, between two that count from now, in years."""
    draw = random.Random(0)
    for folder in ("data", "results"):
        for path in sorted((workflow.folder / folder).rglob("*.*")):
            moment = time.time() + draw.uniform(earliest, latest) * 365 * 86400
            os.utime(path, (moment, moment))


@pytest.mark.slow
def test_files_of_the_past_are_made_again_once_at_most(undisturbed, tmp_path):
    workflow = copied(undisturbed, tmp_path)
    shift(workflow, -1, 0)
    workflow.run()
    assert workflow.tables() == undisturbed.tables()
    assert "Nothing to be done" in workflow.run()


@pytest.mark.slow
def test_files_of_the_future_are_named_until_they_are_touched(undisturbed, tmp_path):
    workflow = copied(undisturbed, tmp_path)
    shift(workflow, -1, 1)
    text = workflow.run(check=False)
    assert re.search(r"than input results/tiny/\S+ .* clock skew", text)
    workflow.run("--touch", "--forceall")
    workflow.run()
    assert workflow.tables() == undisturbed.tables()
    assert "Nothing to be done" in workflow.run()
