"""Training itself: exact resumption, draws that depend on nothing else, and what goes wrong."""

import json
import os
import signal
import time
from dataclasses import replace

import pytest
import torch

from avbench.config.methods import PRESETS, Method
from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.data.store import Store
from avbench.models.embedder import load_embedder
from avbench.pretraining import loop
from avbench.pretraining.pretrain_job import PretrainJob
from avbench.pretraining.run import pretrain, write_untrained
from avbench.provenance import energy
from avbench.provenance.record import digests
from avbench.training import checkpoint
from avbench.training.signals import Stopped
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


def together(store, folder, seeds=(0, 1, 2), **fields):
    """Return what `pretrain` takes for several seeds, and their folders; each pairs by labels of its own."""
    names = training.pairing_labels(store)
    labels = [
        write_labels(store.data / f"seed-{seed}.csv", store.clip_ids, names[seed:] + names[:seed]) for seed in seeds
    ]
    outputs = tuple(folder / f"seed-{seed}" for seed in seeds)
    given = {"seeds": seeds, "outputs": outputs, "labels": tuple(labels), **fields}
    return training.arguments(store, None, **given), outputs


def test_seeds_that_are_trained_together_end_as_each_does_alone(store, tmp_path):
    run, outputs = together(store, tmp_path / "together")
    pretrain(**run)
    for seed, labels, output in zip(run["job"].seeds, run["job"].labels, outputs, strict=True):
        assert sorted(path.name for path in output.iterdir()) == [
            *("checkpoint.pt", "metrics.jsonl", "run.json", "timings.jsonl")
        ]
        train(store, tmp_path / f"alone-{seed}", seed=seed, labels=labels)
        for name in ("checkpoint.pt", "metrics.jsonl"):
            assert (output / name).read_bytes() == (tmp_path / f"alone-{seed}" / name).read_bytes()
        record = read_json(output / "run.json")
        assert record["seed"] == seed
        # The file where it lies in the end, and the labels of this seed alone.
        assert record["outputs"] == digests([output / "checkpoint.pt"])
        assert record["provenance"]["inputs"] == digests(
            [store.data / "subset.csv", labels, store.data / "statistics.json"]
        )


def test_an_interrupted_job_goes_on_in_the_seed_that_it_was_at_and_keeps_those_before(store, tmp_path, monkeypatch):
    run, outputs = together(store, tmp_path / "stopped")
    read, steps = loop.Batches.read, []

    def read_or_be_told(batches, step, epoch, anchors):
        steps.append((batches.seed, step))
        if steps.count((1, 4)) == 1 and (batches.seed, step) == (1, 4):
            os.kill(os.getpid(), signal.SIGTERM)
        return read(batches, step, epoch, anchors)

    with monkeypatch.context() as context:
        context.setattr(loop.Batches, "read", read_or_be_told)
        with pytest.raises(Stopped):
            pretrain(**run)
        # What the workflow would delete is not there yet.
        assert not [path for output in outputs for path in output.glob("*.*")]
        assert steps == [(0, step) for step in range(9)] + [(1, step) for step in range(5)]
        began, said = len(steps), []
        pretrain(**run | {"log": said.append})
        assert steps[began:] == [(1, step) for step in range(4, 9)] + [(2, step) for step in range(9)]
    assert "seed 0 was finished before" in said
    undisturbed, others = together(store, tmp_path / "undisturbed")
    pretrain(**undisturbed)
    for output, other in zip(outputs, others, strict=True):
        assert {path.name for path in output.iterdir()} == {path.name for path in other.iterdir()}
        for name in ("checkpoint.pt", "metrics.jsonl"):
            assert (output / name).read_bytes() == (other / name).read_bytes()


def test_runs_of_a_job_read_each_clip_once(store, tmp_path, monkeypatch):
    frames, decoded = Store.frames, []
    monkeypatch.setattr(Store, "frames", lambda *given: decoded.append(given[1]) or frames(*given))
    run, _ = together(store, tmp_path)
    pretrain(**run | {"machine": replace(MACHINE, cache_mb=50)})
    assert len(decoded) == len(set(decoded)) == len(store.clip_ids)


def test_each_run_records_its_own_time(store, tmp_path):
    run, outputs = together(store, tmp_path, seeds=(0, 1))
    began = time.monotonic(), energy.cpu_seconds()
    pretrain(**run)
    whole = time.monotonic() - began[0], energy.cpu_seconds() - began[1]
    second = read_json(outputs[1] / "run.json")["provenance"]
    assert second["seconds"] < whole[0]
    assert second["cpu_seconds"] < whole[1] + 0.1


@pytest.mark.parametrize("key", ["outputs", "labels"])
def test_a_job_has_a_folder_and_labels_for_each_seed(key):
    given = {"method": {}, "pretraining": {}, "features": {"sample_rate": 8000, "frame_rate": 4.0}, "seeds": [0, 1]}
    given |= {"identity": {}, "subset": "a", "statistics": "b", "outputs": ["c", "d"], "labels": ["e", "e"]}
    given["method"] = {"name": "m", "labels": "true", "positive": "same-class"}
    assert len(PretrainJob.from_mapping(given).runs) == 2
    with pytest.raises(UserError, match=f"job: {key}: 1 are given for 2 seeds"):
        PretrainJob.from_mapping(given | {key: ["c"]})
