"""Runs that are trained with a chosen setting, or were trained already as trials; and trials that come to nothing."""

import json
from dataclasses import replace

import pytest
import torch

from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.pretraining import loop
from avbench.provenance.record import digests
from tests.support.training import SETTINGS, same, weights, write_store
from tests.support.training import trained_weights as train

CHOSEN = {"learning_rate": 0.004, "temperature": 0.3}
OTHER = replace(SETTINGS, **CHOSEN)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def trials(store, tmp_path_factory):
    """Two finished trials: the default setting, and the one that is chosen."""
    folder = tmp_path_factory.mktemp("trials")
    for name, settings in (("default", SETTINGS), ("other", OTHER)):
        train(store, folder / name, settings=settings, trial=True)
    (folder / "choice.json").write_text(json.dumps(CHOSEN))
    return folder


def of_choice(trials):
    return {
        "chosen": trials / "choice.json",
        "trials": tuple(trials / name / "checkpoint.pt" for name in ("default", "other")),
    }


def test_a_run_that_is_a_trial_is_taken_over_and_not_trained(store, trials, tmp_path, monkeypatch):
    monkeypatch.setattr("avbench.pretraining.run.train", lambda *given: pytest.fail("it was trained again"))
    said = []
    assert same(train(store, tmp_path, log=said.append, **of_choice(trials)), weights(trials / "other"))
    assert said[-1] == f"seed 0 was trained as a trial, {trials / 'other'}"
    for name in ("metrics.jsonl", "timings.jsonl", "checkpoint.pt"):
        assert (tmp_path / name).read_bytes() == (trials / "other" / name).read_bytes()
    run, trial = (read_json(folder / "run.json") for folder in (tmp_path, trials / "other"))
    assert run["trained_as"] == "other"
    assert run["outputs"] == digests([tmp_path / "checkpoint.pt"])
    assert run["settings"] == trial["settings"]
    assert run["settings"]["pretraining"] | CHOSEN == run["settings"]["pretraining"]
    assert "choice.json" in run["provenance"]["inputs"]
    assert not (tmp_path / "unfinished").exists()


def test_another_seed_is_trained_with_what_was_chosen(store, trials, tmp_path):
    found = train(store, tmp_path / "run", seed=1, **of_choice(trials))
    assert same(found, train(store, tmp_path / "alone", settings=OTHER, seed=1))
    run = read_json(tmp_path / "run" / "run.json")
    assert "trained_as" not in run
    assert run["settings"]["pretraining"] | CHOSEN == run["settings"]["pretraining"]


def test_a_choice_must_give_both_settings(store, trials, tmp_path):
    (tmp_path / "choice.json").write_text('{"learning_rate": 0.1}')
    with pytest.raises(UserError, match="does not give learning_rate and temperature"):
        train(store, tmp_path, chosen=tmp_path / "choice.json")


def test_a_trial_whose_loss_is_not_finite_has_failed_and_a_run_is_an_error(store, tmp_path, monkeypatch):
    contrast = loop.contrast
    monkeypatch.setattr(loop, "contrast", lambda *given: (contrast(*given)[0] * torch.nan, torch.tensor(0.0)))
    with pytest.raises(UserError, match="the loss is nan at step 0"):
        train(store, tmp_path / "run")
    train(store, tmp_path / "trial", trial=True)
    run = read_json(tmp_path / "trial" / "run.json")
    assert (run["diverged_at_step"], run["final_loss"]) == (0, None)
    assert (tmp_path / "trial/metrics.jsonl").read_text() == ""
    monkeypatch.undo()
    checkpoints = (tmp_path / "trial" / "checkpoint.pt",)
    found = train(store, tmp_path / "again", trials=checkpoints)  # of the same settings: it is no run to take over
    assert same(found, train(store, tmp_path / "alone"))
