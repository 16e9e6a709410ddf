"""The tiny experiment on a cluster with SLURM, which is started for the test: one node, this machine."""

import contextlib
import importlib.util
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from tests.support.paths import ROOT
from tests.workflow.conftest import Workflow

T = TypeVar("T")
PROGRAMS = ("sbatch", "srun", "slurmctld", "slurmd", "munged")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def missing() -> str:
    """Return why there can be no cluster here; nothing if there can."""
    if absent := [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]:
        return f"{absent[0]} is not installed (apt-get install slurm-wlm munge)"
    if os.getuid() != 0:
        return "SLURM's daemons must be started by root"
    if os.path.exists("/etc/slurm/slurm.conf"):
        return "there is a cluster already: /etc/slurm/slurm.conf"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "the extra slurm is not installed"
    return ""


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing())]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """SLURM, from start to stop; its state folder."""
    state = tmp_path_factory.mktemp("slurm")
    start, stop = ([str(ROOT / "tests/support/slurm" / name), str(state)] for name in ("start", "stop"))
    try:
        subprocess.run(start, check=True, timeout=60, stdout=subprocess.DEVNULL)
        yield state
    finally:
        subprocess.run(stop, check=True, timeout=60)


class OnCluster(Workflow):
    """A folder in which Snakemake gives its jobs to SLURM."""

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        profile = ["--workflow-profile", str(ROOT / "profiles" / "slurm")]
        # A cluster for tests has no accounting, and its jobs are done sooner than others look.
        test = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2"]
        command = super().command(*profile, *test, "--latency-wait", "5", *arguments)
        where = command.index("--cores")
        return command[:where] + command[where + 2 :]

    def finish(self, *arguments: str) -> str:
        """Run Snakemake, for as long as a busy machine needs; return what it printed."""
        result = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=1800, env=self.environment()
        )
        text = result.stdout + result.stderr
        assert result.returncode == 0, text
        return text


def wait_for(condition: Callable[[], T]) -> T:
    """Wait until a condition returns something true, and return that."""
    deadline = time.monotonic() + 300
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def pretraining_job() -> str:
    """Wait for a job of the rule pretrain to run, and return its number."""
    command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i/%k"]

    def find() -> str:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return "".join(line.partition("/")[0] for line in listed if "/rule_pretrain" in line)

    return wait_for(find)


def test_jobs_get_the_gpus_they_ask_for(cluster, tmp_path):
    script = 'echo "$CUDA_VISIBLE_DEVICES"; while [ ! -e done ]; do sleep 0.1; done'
    for name in ("a", "b"):
        submit = ["sbatch", "--gpus=1", "--mem=100", f"--output={tmp_path / name}", f"--chdir={tmp_path}"]
        subprocess.run([*submit, "--wrap", script], check=True, stdout=subprocess.DEVNULL)
    try:
        for name in ("a", "b"):
            wait_for(lambda name=name: (tmp_path / name).exists() and (tmp_path / name).read_text())
    finally:
        (tmp_path / "done").touch()
    assert sorted((tmp_path / name).read_text().strip() for name in ("a", "b")) == ["0", "1"]


def test_a_cluster_gives_the_tables_of_a_laptop(cluster, tiny, tmp_path, finished):
    workflow = OnCluster(tmp_path, tiny)
    printed = workflow.finish()
    assert len(re.findall(r"has been submitted with SLURM jobid", printed)) > 20
    assert workflow.tables() == finished.tables()
    assert workflow.pages("report.html").exists()


def kill_node(state: Path, *, jobs: bool) -> None:
    """Kill the node's daemon, and with it what it has started if the node is to have crashed; start the daemon anew."""
    killed = [psutil.Process(int((state / "slurmd.pid").read_text()))]
    if jobs:
        for process in psutil.process_iter(["name"]):
            if process.info["name"] == "slurmstepd":
                with contextlib.suppress(psutil.NoSuchProcess):
                    killed += [process, *process.children(recursive=True)]
    for process in killed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(killed, timeout=30)
    subprocess.run(
        ["slurmd", "-N", socket.gethostname().partition(".")[0]], check=True, env=os.environ | {"PATH": PATH}
    )


def test_a_daemon_of_the_node_that_is_killed_changes_nothing(cluster, tiny, tmp_path, finished):
    workflow, draw = OnCluster(tmp_path, tiny), random.Random(0)
    for part in ("data", ".snakemake/metadata"):  # datasets are there already
        shutil.copytree(finished.folder / part, tmp_path / part)
    snakemake = workflow.start()
    try:
        for number in range(10):
            pretraining_job() if number == 4 else time.sleep(draw.uniform(0, 10))
            assert snakemake.poll() is None, f"the run ended before kill {number}"
            kill_node(cluster, jobs=number == 4)
        snakemake.wait(900)
    finally:
        if snakemake.poll() is None:
            os.killpg(snakemake.pid, signal.SIGKILL)
            snakemake.wait()
    workflow.finish()  # what failed, if anything did
    assert workflow.tables() == finished.tables()
    assert "Nothing to be done" in workflow.finish()


@pytest.mark.parametrize("interrupt", ["scancel --signal=TERM", "scancel --signal=USR1", "scontrol requeue"])
def test_training_that_is_interrupted_goes_on_to_the_same_bytes(cluster, tiny, tmp_path, finished, interrupt):
    tiny["seeds"] = [0]
    tiny["pretraining"] |= {"epochs": 200, "checkpoint_every_s": 1}
    run = "results/tiny/runs/toys/few/none/random/default/seed-0"
    for name in ("undisturbed", "disturbed"):
        (tmp_path / name).mkdir()
        for part in ("data", ".snakemake/metadata"):  # datasets are there already
            shutil.copytree(finished.folder / part, tmp_path / name / part)
    undisturbed = Workflow(tmp_path / "undisturbed", tiny)
    undisturbed.run(f"{run}/checkpoint.pt")
    workflow = OnCluster(tmp_path / "disturbed", tiny)
    log = workflow.folder / "results/tiny/logs/pretrain/toys/few/none/random/default/seed-0.log"
    snakemake = workflow.start(f"{run}/checkpoint.pt")
    try:
        job = pretraining_job()
        wait_for(lambda: list((workflow.folder / run).glob("unfinished/*/checkpoint.pt")))
        subprocess.run([*interrupt.split(), job], check=True)
        saved = wait_for(lambda: re.search(r"stopped by SIG\w+ and saved at step (\d+)", log.read_text()))
        assert snakemake.wait(900) == 0
    finally:
        if snakemake.poll() is None:
            os.killpg(snakemake.pid, signal.SIGKILL)
            snakemake.wait()
    assert f"going on at step {saved[1]} of 600" in log.read_text()
    for name in ("checkpoint.pt", "metrics.jsonl"):
        assert (workflow.folder / run / name).read_bytes() == (undisturbed.folder / run / name).read_bytes()
