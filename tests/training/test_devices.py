import os
import signal
import subprocess
import sys

import pytest
import torch

from avbench.core.errors import UserError
from avbench.training import devices
from avbench.training.devices import pick, take

JOB = """
import sys, time
from avbench.training.devices import take
from avbench.core.errors import UserError
try:
    print(take(int(sys.argv[1]), share=sys.argv[2] == "share"), flush=True)
except UserError as error:
    print(error, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path):
    """Start a process that takes a GPU of a machine of so many, and holds it."""
    started = []

    def start(count, share="share", **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", JOB, str(count), share],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if k not in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID")}
            | {"TMPDIR": str(tmp_path), **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process):
    return process.stdout.readline().strip()


def test_jobs_that_start_at_once_take_different_gpus(job):
    jobs = {said(process): process for process in [job(3) for _ in range(3)]}
    assert sorted(jobs) == ["0", "1", "2"]
    # One too many shares the first, and what a killed job had is free again.
    assert said(job(3)) == "0"
    jobs["1"].send_signal(signal.SIGKILL)
    jobs["1"].wait()
    assert said(job(3, "own")) == "1"


def test_processes_that_train_together_never_share(job):
    assert sorted(said(process) for process in [job(2, "own"), job(2, "own")]) == ["0", "1"]
    assert "all 2 usable GPUs are taken" in said(job(2, "own"))


def test_a_gpu_seen_under_another_index_is_the_same_gpu(job):
    assert said(job(2, CUDA_VISIBLE_DEVICES="4,5")) == "0"
    assert said(job(2, CUDA_VISIBLE_DEVICES="4,6")) == "1"
    assert said(job(2, CUDA_VISIBLE_DEVICES="7,5")) == "0"
    assert "taken" in said(job(1, "own", CUDA_VISIBLE_DEVICES="7"))
    assert said(job(1, "own", CUDA_VISIBLE_DEVICES="MIG-GPU-8932/7/0")) == "0"


def test_what_slurm_gave_to_a_job_is_its_own(job):
    assert said(job(1, "own", CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID="11")) == "0"
    assert said(job(1, "own", CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID="12")) == "0"
    assert "taken" in said(job(1, "own", CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID="11"))


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """Pretend that there are so many GPUs; note which one becomes the current one."""
    current = []

    def pretend(count):
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", None)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "set_device", current.append)
        return current

    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices, "_taken", [])
    yield pretend
    for _, lock in devices._taken:
        os.close(lock)


def test_auto_is_a_free_gpu_or_the_cpu(gpus, job):
    gpus(0)
    assert pick("auto") == torch.device("cpu")
    assert said(job(2)) == "0"
    current = gpus(2)
    assert [pick("auto"), pick("cuda")] == [torch.device("cuda", 1)] * 2 == current  # it keeps the one that it has
    assert pick("cpu") == torch.device("cpu")


def test_a_named_gpu_is_taken_as_it_is(gpus):
    current = gpus(2)
    assert pick("cuda:1") == torch.device("cuda", 1)
    assert current == [torch.device("cuda", 1)]
    assert take(2) == 0


@pytest.mark.parametrize(("count", "name"), [(0, "cuda"), (2, "cuda:2")])
def test_a_gpu_that_is_not_there_is_named(gpus, count, name):
    gpus(count)
    with pytest.raises(UserError, match=f"'{name}' was asked for, and this machine has {count} usable GPUs"):
        pick(name)


def test_processes_that_train_together_take_one_each(gpus, job, monkeypatch):
    gpus(2)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="named for several processes"):
        pick("cuda:1")
    assert [said(job(2, "own")) for _ in range(2)] == ["0", "1"]
    with pytest.raises(UserError, match="--resources gpu=N"):
        pick("auto")


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="device 'cuda:63' was asked for"):
        pick("cuda:63")
