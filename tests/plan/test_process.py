"""What a planning process is set up with, and what its jobs inherit."""

import gc
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from avbench.plan import process


@pytest.fixture
def kept(monkeypatch):
    """Have the process be afterwards what it was."""
    monkeypatch.setenv("AVBENCH_CHECKOUT", "elsewhere")
    before, threshold = signal.getsignal(signal.SIGUSR1), gc.get_threshold()
    yield threshold
    signal.signal(signal.SIGUSR1, before)
    gc.set_threshold(*threshold)


def test_a_signal_of_the_scheduler_does_not_end_the_process(kept, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", os.environ["PATH"])
    process.prepare(tmp_path)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert gc.get_threshold()[0] > kept[0]


@pytest.mark.parametrize("path", ["/usr/bin:/bin", None])
def test_jobs_start_the_python_that_plans(kept, monkeypatch, tmp_path, path):
    monkeypatch.setenv("PATH", path or "")
    if path is None:
        monkeypatch.delenv("PATH")
    process.prepare(tmp_path)
    assert Path(shutil.which("python") or "").parent == Path(sys.executable).parent
    assert os.environ["PATH"].endswith(path or os.defpath)
    assert os.environ["AVBENCH_CHECKOUT"] == str(tmp_path)
