"""The checkpoint of an unfinished run: when it is due, what is loaded, and what a request to stop does."""

import time

import pytest
import torch

from avbench.training import checkpoint
from avbench.training.resume import UnfinishedRun
from avbench.training.signals import Stopped


def unfinished(folder, every_s=3600.0, requests=(), log=None, **settings):
    return UnfinishedRun(folder / "unfinished/0/checkpoint.pt", every_s, 9, requests, log or len, settings)


def state(step):
    return {"net": {"weight": torch.full((2,), float(step))}, "state": {"step": step}}


def test_a_run_goes_on_with_what_was_saved_last(tmp_path):
    said = []
    run = unfinished(tmp_path, log=said.append)
    assert run.load() is None
    assert run.kept == ""
    run.save(state(3))
    run.save(state(4))
    (run.file.parent / f".{run.file.name}.x.part").write_bytes(b"half")
    again = unfinished(tmp_path, log=said.append)
    assert torch.equal(again.load()["net"]["weight"], torch.tensor([4.0, 4.0]))
    assert said == ["going on at step 4 of 9"]
    assert list(run.file.parent.iterdir()) == [run.file]
    assert run.kept == f"The last good checkpoint is {run.file}."


def test_a_save_is_due_after_a_while_and_saving_starts_anew(tmp_path):
    run = unfinished(tmp_path, every_s=0.2)
    assert not run.due()
    time.sleep(0.25)
    assert run.due()
    run.save(state(1))
    assert not run.due()
    assert run.due(within_s=0)
    rarely = unfinished(tmp_path)
    assert not rarely.due()
    assert not rarely.due(within_s=60)


def test_a_request_saves_once_and_stops(tmp_path):
    said, requests, taken = [], [], []

    def snapshot():
        taken.append(1)
        return state(5)

    run = unfinished(tmp_path, requests=requests, log=said.append)
    run.stop_if_requested(snapshot)
    assert taken == said == []
    requests += ["SIGTERM", "SIGUSR1"]
    with pytest.raises(Stopped):
        run.stop_if_requested(snapshot)
    assert taken == [1]
    assert checkpoint.load(run.file)["state"] == {"step": 5}
    assert said == [
        f"stopped by SIGTERM and SIGUSR1 and saved at step 5 of 9, in {run.file}; the same command goes on from there"
    ]


def test_an_ended_run_leaves_nothing_and_others_stay(tmp_path):
    run = unfinished(tmp_path, seed=1)
    run.save(state(1))
    other = run.file.parents[1] / "other/checkpoint.pt"
    checkpoint.save(other, {"settings": {"seed": 0}})
    said = []
    run.log = said.append
    run.report_others()
    assert said == [f"not resuming {other}, which is of other settings (seed: 0 → 1). Delete it when it is of no use."]
    run.remove()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [other]
    other.unlink()
    other.parent.rmdir()
    alone = unfinished(tmp_path)
    alone.save(state(1))
    alone.remove()
    assert list(tmp_path.iterdir()) == []
