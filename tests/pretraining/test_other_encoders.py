"""Runs of encoders that are no presets: they resume, share batches, and are read again as presets' runs are."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from avbench.core.errors import UserError
from avbench.evaluation.embedding import encode
from avbench.features.statistics import subset_statistics
from avbench.models.embedder import load_embedder
from avbench.pretraining import loop
from avbench.training import checkpoint
from tests.support.encoder_files import model_of, write_mine
from tests.support.training import (
    FEATURES,
    SETTINGS,
    arguments,
    changed,
    same,
    start_together,
    status,
    train_and_record,
    trained_weights,
    write_store,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def mine(tmp_path):
    return write_mine(tmp_path)


def test_a_run_goes_on_to_the_same_bytes_dropout_and_all(store, mine, tmp_path, monkeypatch):
    model = model_of(mine, freeze=1)
    model["audio"]["builder"] = f"{mine}:keeping"
    settings = replace(SETTINGS, model=model)
    undisturbed = trained_weights(store, tmp_path / "a", settings=settings)
    losses, contrast = iter(range(5)), loop.contrast
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(loop, "contrast", lambda *args: (next(losses), contrast(*args))[1])
        trained_weights(store, tmp_path / "b", settings=settings)
    torch.rand(3)  # whatever else has drawn
    said = []
    resumed = trained_weights(store, tmp_path / "b", settings=settings, log=said.append)
    assert said[1].startswith("going on at step 4 of")
    assert same(resumed, undisturbed)
    embedder = load_embedder(checkpoint.load(tmp_path / "a/checkpoint.pt"))
    assert same(embedder.model.state_dict(), undisturbed)
    untouched = load_embedder(checkpoint.load(tmp_path / "a/checkpoint.pt")).model
    untouched.load_state_dict(undisturbed)
    assert torch.equal(undisturbed["audio.network.1.running_mean"], torch.zeros(4))  # frozen
    assert not torch.equal(undisturbed["video.network.1.running_mean"], torch.zeros(4))


def test_two_processes_train_what_one_does(store, mine, tmp_path):
    model = model_of(mine, freeze=1) | {"audio": "small"}
    settings = replace(SETTINGS, model=model, epochs=2, learning_rate=2e-6)
    run = arguments(store, tmp_path / "one", settings=settings)
    train_and_record(run, tmp_path / "steps-of-one")
    together = start_together(2, train_and_record, changed(run, output=tmp_path / "two"), tmp_path / "steps-of-two")
    assert [status(process) for process in together] == [0, 0]
    one, two = (json.loads((tmp_path / f"steps-of-{n}/0.json").read_text()) for n in ("one", "two"))
    assert [step["loss"] for step in two] == pytest.approx([step["loss"] for step in one], rel=1e-4)


def test_code_and_weights_are_part_of_what_a_run_is(store, mine, tmp_path):
    weights = tmp_path / "weights.pt"
    settings = replace(SETTINGS, model=model_of(mine, weights=str(weights)), epochs=1, precision="bfloat16")
    torch.save(load_first(mine), weights)
    trained_weights(store, tmp_path / "a", settings=settings)
    record = json.loads((tmp_path / "a/run.json").read_text())
    (digest,) = record["settings"]["encoder_files"].values()
    assert digest == record["provenance"]["inputs"]["weights.pt"]
    weights.unlink()  # a finished run needs the code, and no weights
    assert load_embedder(checkpoint.load(tmp_path / "a/checkpoint.pt")).model.audio.features == 6
    with pytest.raises(UserError, match="weights.pt"):
        trained_weights(store, tmp_path / "b", settings=settings)


def load_first(mine):
    from avbench.config.encoders import BuiltSettings
    from avbench.models.builders import built

    return built(BuiltSettings(f"{mine}:heard"), "k").state_dict()


def test_frozen_encoders_leave_the_heads_to_be_trained(store, mine, tmp_path):
    model = model_of(mine, freeze="all")
    model["video"]["freeze"] = "all"
    settings = replace(SETTINGS, model=model, epochs=2)
    first = trained_weights(store, tmp_path / "a", settings=replace(settings, epochs=1))
    second = trained_weights(store, tmp_path / "b", settings=settings)
    changed_names = {name for name in first if not torch.equal(first[name], second[name])}
    assert changed_names == {"audio_head.weight", "audio_head.bias", "video_head.weight", "video_head.bias"}


def test_heads_on_given_features_resume_and_are_embedded(store, tmp_path, monkeypatch):
    files = write_features(store, tmp_path)
    model = {name: {"features": str(file), "width": 12} for name, file in files.items()}
    settings = replace(SETTINGS, model=model)
    statistics = tmp_path / "statistics.json"
    networks = settings.networks
    statistics.write_text(json.dumps(subset_statistics(store, store.clip_ids, FEATURES, networks)))
    undisturbed = trained_weights(store, tmp_path / "a", settings=settings, statistics=statistics)
    losses, contrast = iter(range(5)), loop.contrast
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(loop, "contrast", lambda *args: (next(losses), contrast(*args))[1])
        trained_weights(store, tmp_path / "b", settings=settings, statistics=statistics)
    assert same(trained_weights(store, tmp_path / "b", settings=settings, statistics=statistics), undisturbed)

    embedder = load_embedder(checkpoint.load(tmp_path / "a/checkpoint.pt"))
    (found,) = encode([embedder], store, store.clip_ids, "audio", torch.device("cpu"))
    with np.load(files["audio"]) as arrays:
        windows = torch.from_numpy(arrays["features"].astype(np.float32))
    with torch.no_grad():
        expected = embedder.model.audio(windows.flatten(0, 1)).unflatten(0, windows.shape[:2]).mean(1)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-6)

    values = np.load(files["audio"])["features"] + 1.0
    np.savez(files["audio"], clip_id=np.array(store.clip_ids), features=values)
    assert not same(trained_weights(store, tmp_path / "c", settings=settings, statistics=statistics), undisturbed)


def write_features(store, folder):
    rng = np.random.default_rng(0)
    files = {name: folder / f"{name}.npz" for name in ("audio", "video")}
    for width, file in enumerate(files.values(), 7):
        np.savez(file, clip_id=np.array(store.clip_ids), features=rng.normal(size=(len(store), 3, width)))
    return files
