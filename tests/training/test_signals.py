import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from avbench.training import checkpoint
from avbench.training.signals import Stopped, stop_requests
from tests.support.training import (
    MACHINE,
    SETTINGS,
    arguments,
    changed,
    same,
    start,
    status,
    train,
    unfinished,
    weights,
    write_store,
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_noted_instead_of_ending_the_process(number):
    with stop_requests() as requests:
        assert requests == []
        os.kill(os.getpid(), number)
        assert requests == [signal.Signals(number).name]


def test_earlier_handlers_are_back_afterwards_also_after_an_error():
    heard = []
    earlier = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        with pytest.raises(ZeroDivisionError), stop_requests():
            assert 1 / 0
        os.kill(os.getpid(), signal.SIGUSR1)
        assert heard == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, earlier)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_another_thread_leaves_the_handlers_alone():
    found = []

    def work():
        with stop_requests() as requests:
            found.append((requests, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [([], signal.SIG_DFL)]


def test_having_stopped_is_no_error_of_the_users_and_leaves_no_traceback():
    command = "from avbench.training.signals import Stopped; raise Stopped"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (75, "")
    assert not isinstance(Stopped(), Exception)  # so that nothing takes it for a failure that can be repaired


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


DRIVER = """
import sys, pickle
from pathlib import Path
from avbench.pretraining.run import pretrain
run = pickle.loads(Path(sys.argv[1]).read_bytes())
pretrain(**run | {"log": lambda line: print(line, flush=True)})
"""


def test_a_run_that_is_told_to_stop_saves_within_ten_seconds_and_goes_on_to_the_same_bytes(store, tmp_path):
    settings = replace(SETTINGS, epochs=40)
    run = arguments(store, tmp_path / "run", settings=settings, machine=replace(MACHINE, checkpoint_every_s=3600))
    (tmp_path / "run.pkl").write_bytes(pickle.dumps(run))
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "run.pkl")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "batches an epoch" in process.stdout.readline()
    time.sleep(0.1)  # some steps
    process.send_signal(signal.SIGTERM)
    said, wrong = process.communicate(timeout=10)
    assert process.returncode == 75, wrong
    assert "stopped by SIGTERM and saved at step " in said
    assert "Traceback" not in wrong
    reached = checkpoint.load(unfinished(tmp_path / "run"))["state"]["step"]
    assert f"step {reached} of 120" in said
    assert status(start(train, run)) == 0
    assert status(start(train, changed(run, output=tmp_path / "undisturbed"))) == 0
    assert same(weights(tmp_path / "run"), weights(tmp_path / "undisturbed"))


def test_a_second_signal_changes_nothing(store, tmp_path):
    run = arguments(store, tmp_path / "run", settings=replace(SETTINGS, epochs=1000))
    process = start(train, run)
    while not list(tmp_path.glob("run/unfinished/*/checkpoint.pt")):
        assert process.is_alive()
        time.sleep(0.01)
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1):
        os.kill(process.pid, number)
    assert status(process) == 75
    assert checkpoint.load(unfinished(tmp_path / "run"))["state"]["step"] > 0
