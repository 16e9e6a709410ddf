"""Whatever interrupts an experiment, running it again ends with the tables that an undisturbed run gives."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.workflow.conftest import Workflow

KILLS = 10  # in each chain
# stage → (folder whose disk is full, what is made there by the stage; Snakemake would delete all of it)
STAGES = {
    "packing": ("data/toys/store", ["*.arrow"]),
    "pretraining": ("results/tiny/runs/toys/few/none/random", ["seed-*/*"]),
    "embedding": ("results/tiny/runs/toys/few/none/random", ["seed-*/embeddings.npz"]),
    "tables": ("results/tiny/tables", ["[!cl]*", "cla*"]),  # all but coverage.csv and leaks.csv, which have own rules
    "figures": ("results/tiny/figures", ["*"]),
}


def copy(finished: Workflow, folder: Path) -> Workflow:
    """Return an ended experiment in another folder, with its times and what Snakemake knows of it."""
    shutil.copytree(finished.folder, folder, dirs_exist_ok=True)
    return Workflow(folder, finished.config)


def jobs(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the verbs that a run has started, as they are now."""
    found = []
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                words = child.cmdline()
                if "avbench" in words and "-m" in words and Path(words[0]).name.startswith("python"):
                    found.append(child)
    return found


def kill(process: subprocess.Popen, whole: bool, draw: random.Random) -> None:
    """Kill a run with all its jobs, or one of its jobs, and wait for its end."""
    if not whole:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if running := jobs(process):
                with contextlib.suppress(psutil.Error):
                    draw.choice(running).kill()
                break
            time.sleep(0.01)
        process.wait(timeout=300)  # Snakemake ends by itself once the job's fellows have
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("chain", range(3))
def test_kills_at_random_moments_change_nothing(finished, tiny, tmp_path, chain):
    workflow, draw = Workflow(tmp_path, tiny), random.Random(chain)
    for turn in range(KILLS):
        process = workflow.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=draw.uniform(1.5, 12))
        kill(process, turn % 2 == 0, draw)
        workflow.run("--unlock")
    workflow.run()
    assert workflow.tables() == finished.tables()
    assert list(tmp_path.glob("results/**/unfinished")) == []
    assert list(tmp_path.glob("data/*/packing/*")) == []
    assert list(tmp_path.rglob(".*.part")) == []
    assert "Nothing to be done" in workflow.run("--dry-run")


def test_a_second_run_at_once_is_refused_and_harms_nothing(tiny, tmp_path):
    workflow = Workflow(tmp_path, tiny)
    first = workflow.start("data/toys/clips.csv", cores=1)
    try:
        deadline = time.monotonic() + 120
        while not list((tmp_path / ".snakemake" / "locks").glob("*")):
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(first.pid, signal.SIGSTOP)  # so that it cannot end before the second has begun
        assert "Directory cannot be locked" in workflow.run("data/toys/clips.csv", check=False)
        os.killpg(first.pid, signal.SIGCONT)
        assert first.wait(timeout=300) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    assert (tmp_path / "data/toys/clips.csv").exists()


@contextlib.contextmanager
def disk(folder: Path):
    """Give a folder a small disk of its own, holding what is in the folder; what is there in the end stays."""
    kept = folder.with_name(f"{folder.name}.kept")
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    folder.rename(kept)
    folder.mkdir()
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        folder.rmdir()
        kept.rename(folder)
        pytest.skip("mounting a file system needs root")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield folder
        shutil.rmtree(kept)
        shutil.copytree(folder, kept)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()
        kept.rename(folder)


def fill(folder: Path) -> Path:
    """Fill a disk to the last page."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass
    return filler


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_reported_and_once_there_is_room_the_run_goes_on(finished, tmp_path, stage):
    workflow = copy(finished, tmp_path)
    where, made = STAGES[stage]
    with disk(tmp_path / where) as folder:
        for path in {path for pattern in made for path in folder.glob(pattern)}:
            path.unlink()
        filler = fill(folder)
        text = workflow.run(check=False)
        assert "No space left on device" in text
        assert "Check free space and permissions" in text
        assert "Traceback" not in text
        filler.unlink()
        workflow.run()
        assert list(folder.rglob(".*.part")) == []
    assert workflow.tables() == finished.tables()


@pytest.mark.slow
def test_results_that_may_not_be_written_are_reported(finished, tmp_path):
    workflow = copy(finished, tmp_path)
    with disk(tmp_path / "results/tiny/tables") as folder:
        (folder / "accuracy.csv").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        text = workflow.run(check=False)
        assert "Read-only file system" in text
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        workflow.run()
    assert workflow.tables() == finished.tables()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_clock_that_jumps_changes_no_table(finished, tmp_path, seed):
    """As if every file had been written at another time, a year before or after now."""
    workflow, draw = copy(finished, tmp_path), random.Random(seed)
    for folder in ("data", "results"):
        for path in sorted((tmp_path / folder).rglob("*")):
            if path.is_file():
                moment = time.time() + draw.uniform(-1, 1) * 365 * 86400
                os.utime(path, (moment, moment))
    workflow.run()
    assert workflow.tables() == finished.tables()
    assert "Nothing to be done" in workflow.run("--dry-run")
