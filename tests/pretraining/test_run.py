"""Training itself: exact resumption, draws that depend on nothing else, and what goes wrong."""

import json
from dataclasses import replace

import pytest
import torch

from avbench.config.methods import PRESETS, Method
from avbench.core.errors import UserError
from avbench.models.embedder import load_embedder
from avbench.pretraining.run import write_untrained
from avbench.training import checkpoint
from tests.support import training
from tests.support.training import (
    FEATURES,
    MACHINE,
    SETTINGS,
    same,
    weights,
    write_labels,
    write_store,
)
from tests.support.training import trained_weights as train


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(store, tmp_path):
    train(store, tmp_path / "a")
    train(store, tmp_path / "b", machine=replace(MACHINE, loader_threads=3, cache_mb=50))
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert (tmp_path / "a/metrics.jsonl").read_bytes() == (tmp_path / "b/metrics.jsonl").read_bytes()
    assert not same(weights(tmp_path / "a"), train(store, tmp_path / "c", seed=1))


def test_a_run_of_so_many_steps_is_one_of_its_whole_epochs_with_their_schedule(store, tmp_path):
    falling = replace(SETTINGS, schedule="cosine")
    steps = train(store, tmp_path / "steps", settings=replace(falling, epochs=100, steps=5))
    epochs = train(store, tmp_path / "epochs", settings=replace(falling, epochs=2))
    assert same(steps, epochs)
    for name in ("steps", "epochs"):
        run = json.loads((tmp_path / name / "run.json").read_text(encoding="utf-8"))
        assert (run["epochs"], run["steps"], run["budget"]) == (2, 6, "default")
    assert not same(steps, train(store, tmp_path / "longer", settings=replace(falling, steps=9)))


def test_an_unfinished_run_of_other_settings_is_kept_and_told(store, tmp_path):
    left = tmp_path / "unfinished/0123456789abcdef/checkpoint.pt"
    checkpoint.save(left, {"settings": {"pretraining": {"learning_rate": 0.5}, "seed": 0}})
    said = []
    train(store, tmp_path, log=said.append)
    assert left.exists()
    assert any("not resuming" in line and "pretraining.learning_rate: 0.5 → 0.002" in line for line in said)


def test_the_log_says_what_pairing_is_told(store, tmp_path):
    settings, told = replace(SETTINGS, epochs=1), []
    near = [[store.clip_ids[clip - 1], store.clip_ids[clip - 2]] for clip in range(24)]
    near = write_labels(tmp_path / "near.csv", store.clip_ids, near)
    masked = Method("m", labels="true", loss="masked")
    near_hard = Method("m", "neighbour", [0.9, 0.1], labels="nearest", loss="hard")
    for method, fields in ((PRESETS["random"], {}), (masked, {}), (near_hard, {"labels": near})):
        train(store, tmp_path / method.name, method, settings, log=told.append, **fields)
    assert told == [
        "random: 24 clips, 3 batches an epoch, 1 epochs, on cpu",
        "m: 24 clips of 4 pairing labels, 3 batches an epoch, 1 epochs, on cpu",
        "m: 24 clips with 2 neighbours each, 3 batches an epoch, 1 epochs, on cpu",
    ]
    with pytest.raises(UserError, match="m: its pairs are drawn from neighbours, and labels nearest are of classes"):
        train(store, tmp_path / "x", near_hard, settings)


def test_the_untrained_baseline_is_the_run_before_its_first_step(store, tmp_path):
    write_untrained(SETTINGS, FEATURES, training.statistics(store), 4, tmp_path / "untrained.pt")
    start = load_embedder(checkpoint.load(tmp_path / "untrained.pt"))
    run = train(store, tmp_path / "run", settings=replace(SETTINGS, learning_rate=1e-30), seed=4)
    initial = {
        name: value for name, value in start.model.state_dict().items() if "running" not in name and "num_" not in name
    }
    assert all(torch.allclose(value, run[name], atol=1e-12) for name, value in initial.items())
