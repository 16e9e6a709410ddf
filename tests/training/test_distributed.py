"""Several processes that share each batch are one run: same batches, same losses, one checkpoint."""

import json
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from avbench.core.errors import UserError
from avbench.pretraining import run as pretraining
from avbench.training import checkpoint
from avbench.training.distributed import ALONE, World, join
from tests.support.training import (
    SETTINGS,
    arguments,
    at_step,
    changed,
    same,
    start_together,
    status,
    train,
    train_and_record,
    unfinished,
    weights,
    write_store,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


def recorded(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(
    ("batch_norm_groups", "batch_size", "method"), [(1, 7, "soft-positive"), (2, 8, "hard-negative")]
)
def test_two_processes_and_one_see_the_same_batches_and_losses(store, tmp_path, batch_norm_groups, batch_size, method):
    # Small steps: large ones amplify the last digits a thousandfold in fifty.
    settings = replace(
        SETTINGS, epochs=17, batch_size=batch_size, batch_norm_groups=batch_norm_groups, learning_rate=2e-6
    )
    run = arguments(store, tmp_path / "one", method, settings)
    train_and_record(run, tmp_path / "steps-of-one")
    together = start_together(2, train_and_record, changed(run, output=tmp_path / "two"), tmp_path / "steps-of-two")
    assert [status(process) for process in together] == [0, 0]

    (one,), two = recorded(tmp_path / "steps-of-one"), recorded(tmp_path / "steps-of-two")
    assert len(one) >= 50
    for alone, first, second in zip(one, *two, strict=True):
        assert alone["clips"] == first["clips"] + second["clips"]
        assert alone["first"] == first["first"] + second["first"]
        assert first["clips"]
        assert second["clips"]
        assert first["loss"] == second["loss"] == pytest.approx(alone["loss"], rel=1e-4)
        # Where the largest of almost equal values is another one, a step's gradient moves by a thousandth or so.
        assert first["gradient"] == second["gradient"] == pytest.approx(alone["gradient"], rel=5e-3)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {path.name for path in (tmp_path / "two").iterdir()}
    assert names == {"checkpoint.pt", "metrics.jsonl", "timings.jsonl", "run.json"}
    for name, value in weights(tmp_path / "one").items():
        torch.testing.assert_close(weights(tmp_path / "two")[name], value, rtol=1e-3, atol=1e-4)
    ran = json.loads((tmp_path / "two/run.json").read_text())
    assert ran["speed"]["processes"] == 2
    assert ran["settings"] == json.loads((tmp_path / "one/run.json").read_text())["settings"]


def stopped_at_step(number, run):
    """Train; the second process is told to stop, and the first is not."""
    if os.environ["RANK"] == "1":
        at_step(number, lambda: os.kill(os.getpid(), signal.SIGTERM))
    train(run)


def test_two_processes_of_which_one_is_told_to_stop_save_once_and_go_on(store, tmp_path):
    machine = replace(arguments(store, tmp_path)["machine"], checkpoint_every_s=3600)
    run = arguments(store, tmp_path / "run", settings=replace(SETTINGS, epochs=8), machine=machine)
    assert [status(process) for process in start_together(2, stopped_at_step, 11, run)] == [75, 75]
    assert checkpoint.load(unfinished(tmp_path / "run"))["state"]["step"] == 11
    assert [status(process) for process in start_together(2, train, run)] == [0, 0]
    undisturbed = changed(run, output=tmp_path / "undisturbed")
    assert [status(process) for process in start_together(2, train, undisturbed)] == [0, 0]
    assert same(weights(tmp_path / "run"), weights(tmp_path / "undisturbed"))


def train_behind(run: dict) -> None:
    """Train as the others do, but for a process other than the leading one, which comes late."""
    if os.environ["RANK"] != "0":
        numbered = pretraining.numbered
        pretraining.numbered = lambda *given: time.sleep(2) or numbered(*given)
    train(run)


def test_a_process_that_is_behind_sees_what_was_finished_before_too(store, tmp_path, monkeypatch):
    run = arguments(store, tmp_path / "run", settings=replace(SETTINGS, epochs=1))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # after training, before its files are there
        patch.setattr(pretraining, "publish", lambda *given: signal.raise_signal(signal.SIGINT))
        train(run)
    assert [status(process) for process in start_together(2, train_behind, run)] == [0, 0]
    assert weights(tmp_path / "run")


@pytest.mark.parametrize(("clips", "size", "groups"), [(309, 4, 1), (309, 4, 4), (7, 3, 1), (2, 2, 1), (9, 1, 3)])
def test_the_parts_of_a_batch_are_the_batch(clips, size, groups):
    rows = np.arange(clips)
    parts = [rows[World(rank, size).part(clips, groups)] for rank in range(size)]
    assert np.concatenate(parts).tolist() == rows.tolist()
    assert all(map(len, parts))
    if groups == 4:
        assert list(map(len, parts)) == [78, 78, 78, 75]  # as published
    else:
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("clips", "groups", "message"),
    [
        (309, 3, "hard: 4 processes cannot share 3 groups of batch norm. Start as many"),
        (3, 1, "hard: a batch of 3 clips is too small for 4 processes"),
        (9, 4, "hard: a batch of 9 clips is too small for 4 processes"),  # 3, 3, 3: a GPU would have none
    ],
)
def test_batches_that_cannot_be_shared_are_refused(clips, groups, message):
    with pytest.raises(UserError, match=message):
        World(3, 4).part(clips, groups, "hard")


def test_a_process_alone_changes_nothing():
    rows = torch.ones(3, 2)
    assert ALONE.gather(rows, slice(0, 3), 3) is rows
    assert not ALONE.any(False, torch.device("cpu"))
    with join(torch.device("cpu")) as world:
        assert world is ALONE
    assert not torch.distributed.is_initialized()


def test_a_launcher_that_did_not_say_everything_is_told(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(UserError, match="WORLD_SIZE is 2, and RANK is not set"), join(torch.device("cpu")):
        pass
