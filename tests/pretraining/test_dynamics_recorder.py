"""The dynamics of a run: what is recorded, that recording changes nothing, and that interruptions lose nothing."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from avbench.config.methods import Method
from avbench.features.windows import Clips
from avbench.models.embedder import Embedder, load_embedder
from avbench.pretraining import dynamics_recorder, loop
from avbench.pretraining.dynamics_recorder import embed_windows, recorded_epochs
from avbench.pretraining.run import write_untrained
from avbench.training import checkpoint
from tests.support import training
from tests.support.training import (
    FEATURES,
    SETTINGS,
    arguments,
    changed,
    same,
    start,
    start_together,
    status,
    train,
    weights,
)

EPOCHS = 5
STEPS = 2  # an epoch: 18 clips in batches of 8
FILES = ["checkpoint.pt", "dynamics.npz", "metrics.jsonl", "run.json", "timings.jsonl"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return training.write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def run(store):
    """A run on 18 clips whose dynamics are recorded on the six others."""
    labels = training.pairing_labels(store)
    subset = training.write_labels(store.data / "part.csv", store.clip_ids[:18], labels[:18])
    clips = training.write_labels(store.data / "dynamics_clips.csv", store.clip_ids[18:], labels[18:])
    files = {"subset": subset, "labels": subset, "dynamics_clips": clips}
    return arguments(store, None, "soft-positive", replace(SETTINGS, epochs=EPOCHS), **files)


@pytest.fixture(scope="module")
def recorded(run, tmp_path_factory):
    """The folder of that run."""
    output = tmp_path_factory.mktemp("recorded")
    train(changed(run, output=output))
    return output


def dynamics(output):
    with np.load(output / "dynamics.npz") as arrays:
        return dict(arrays)


def equal(a, b):
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        (1, [0, 1]),
        (2, [0, 1, 2]),
        (5, [0, 1, 2, 4, 5]),
        (64, [0, 1, 2, 4, 8, 16, 32, 64]),
        (100, [0, 1, 2, 4, 8, 16, 32, 64, 100]),
    ],
)
def test_a_run_is_recorded_ever_more_rarely(epochs, expected):
    assert recorded_epochs(epochs) == expected


def test_what_is_recorded_has_a_place_for_every_epoch_and_clip(store, recorded):
    found = dynamics(recorded)
    assert found["clip_id"].tolist() == store.clip_ids[18:]
    assert found["epochs"].tolist() == [0, 1, 2, 4, 5]
    assert found["steps"].tolist() == [0, 2, 4, 8, 10]
    shapes = {name: found[name].shape for name in ("audio", "video", "audio-head", "video-head")}
    assert shapes == {"audio": (5, 6, 128), "video": (5, 6, 64), "audio-head": (5, 6, 128), "video-head": (5, 6, 128)}
    assert {found[name].dtype for name in shapes} == {np.dtype(np.float16)}
    for name in ("audio-head", "video-head"):
        assert np.linalg.norm(found[name].astype(float), axis=2) == pytest.approx(1, abs=2e-3)
    assert sorted(path.name for path in recorded.iterdir()) == FILES


def test_the_first_and_the_last_record_are_of_the_untrained_and_the_finished_model(store, recorded, tmp_path):
    settings = replace(SETTINGS, epochs=EPOCHS)
    write_untrained(settings, FEATURES, training.statistics(store), 0, tmp_path / "untrained.pt")
    found = dynamics(recorded)
    for place, path in ((0, tmp_path / "untrained.pt"), (-1, recorded / "checkpoint.pt")):
        embedder = load_embedder(checkpoint.load(path))
        for number, clip in enumerate(store.clip_ids[18:]):
            (row,) = store.rows([clip])
            # Clips of 2 s at 4 frames/s and 8 kHz, windows of 1 s: the middle is from 0.5 to 1.5 s.
            frames = torch.from_numpy(store.frames(row, 2, 4).copy())[None]
            audio = torch.from_numpy(store.audio(row, 4000)[:8000].copy())[None]
            with torch.no_grad():
                video = embedder.model.video(embedder.video_input(frames))
                sound = embedder.model.audio(embedder.audio_input(audio))
                heads = F.normalize(embedder.model.video_head(video)), F.normalize(embedder.model.audio_head(sound))
            for name, values in zip(
                ("video", "audio", "video-head", "audio-head"), (video, sound, *heads), strict=True
            ):
                assert found[name][place, number] == pytest.approx(values[0].numpy(), rel=2e-3, abs=2e-4)
    assert not np.allclose(found["audio"][0], found["audio"][-1], atol=1e-2)


def test_recording_leaves_training_as_it_was(run, recorded, tmp_path):
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    train(changed(run, output=tmp_path / "plain", dynamics_clips=None))
    assert same(weights(recorded), weights(tmp_path / "plain"))  # buffers among them
    assert (recorded / "metrics.jsonl").read_bytes() == (tmp_path / "plain/metrics.jsonl").read_bytes()
    assert not (tmp_path / "plain/dynamics.npz").exists()
    machine = replace(run["machine"], loader_threads=2)
    train(changed(run, output=tmp_path / "again") | {"machine": machine})
    assert equal(dynamics(recorded), dynamics(tmp_path / "again"))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()


def test_recording_leaves_the_model_in_the_mode_it_found_it_in(store):
    embedder = Embedder(SETTINGS, FEATURES, training.statistics(store), 0)
    before = {name: value.clone() for name, value in embedder.state_dict().items()}
    clips = Clips(store, store.clip_ids[:3], FEATURES, short="repeat")
    for training_mode in (True, False):
        embedder.train(training_mode)
        embed_windows(embedder, clips, torch.device("cpu"))
        assert all(module.training == training_mode for module in embedder.modules())
    assert same(before, embedder.state_dict())


def test_clips_shorter_than_a_window_are_recorded_too(store, monkeypatch):
    features = replace(FEATURES, audio_s=3.0, video_s=3.0)  # of clips of 2 s
    embedder = Embedder(SETTINGS, features, training.statistics(store), 0)
    clips = Clips(store, store.clip_ids[:5], features, short="repeat")
    found = embed_windows(embedder, clips, torch.device("cpu"))
    assert all(np.isfinite(values).all() and len(values) == 5 for values in found.values())
    monkeypatch.setattr(dynamics_recorder, "BATCH", 2)
    for name, values in embed_windows(embedder, clips, torch.device("cpu")).items():
        assert values == pytest.approx(found[name], rel=5e-3, abs=1e-3)


def train_until_killed(run, step, place):
    """Train; the process kills itself when it comes to a place at a step, or soon after."""
    record, fsync = dynamics_recorder.DynamicsRecorder.record, os.fsync

    def kill(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def killing_record(recorder, embedder, number, device):
        if number == step and place == "writing":
            dynamics_recorder.atomic.__globals__["os"].fsync = kill  # the file is there, and has no name yet
        record(recorder, embedder, number, device)
        dynamics_recorder.atomic.__globals__["os"].fsync = fsync
        if number == step and place == "recorded":
            kill()

    dynamics_recorder.DynamicsRecorder.record = killing_record
    if place == "read":
        training.at_step(step, kill)
    train(run)


def test_a_run_that_is_killed_again_and_again_ends_having_recorded_the_same(run, recorded, tmp_path):
    run = changed(run, output=tmp_path / "killed")
    output = run["job"].outputs[0]
    for step, place in ((0, "writing"), (STEPS, "recorded"), (2 * STEPS + 1, "read"), (5 * STEPS, "writing")):
        assert status(start(train_until_killed, run, step, place)) == -signal.SIGKILL
        assert not (output / "dynamics.npz").exists()
    said = []
    train(run | {"log": said.append})
    assert any("going on at step 9 of 10" in line for line in said)
    assert equal(dynamics(output), dynamics(recorded))
    assert same(weights(output), weights(recorded))
    assert sorted(path.name for path in output.iterdir()) == FILES


def test_a_run_with_other_dynamics_clips_is_not_gone_on_with(store, run, recorded, tmp_path, monkeypatch):
    calls, contrast = iter(range(5)), loop.contrast
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(loop, "contrast", lambda *given: (next(calls), contrast(*given))[1])
        others = training.write_labels(tmp_path / "others.csv", store.clip_ids[:2], ["", ""])
        train(changed(run, output=tmp_path, dynamics_clips=others))
    said = []
    train(changed(run, output=tmp_path) | {"log": said.append})
    assert any("not resuming" in line and "(dynamics_clips: " in line for line in said)
    assert equal(dynamics(tmp_path), dynamics(recorded))


def test_two_processes_record_what_one_records_and_share_a_loss_of_labels(run, tmp_path):
    method = Method("m", "same-class", [0.2, 0.9], "mixed", "true", "supcon", clips_per_class=2)
    run = changed(run, method=method, pretraining=replace(SETTINGS, epochs=2, learning_rate=2e-4))
    training.train_and_record(changed(run, output=tmp_path / "one"), tmp_path / "steps-of-one")
    given = (changed(run, output=tmp_path / "two"), tmp_path / "steps-of-two")
    assert [status(process) for process in start_together(2, training.train_and_record, *given)] == [0, 0]
    (one,), two = ([*map(_read, sorted((tmp_path / name).iterdir()))] for name in ("steps-of-one", "steps-of-two"))
    for alone, first, second in zip(one, *two, strict=True):
        assert alone["clips"] == first["clips"] + second["clips"]
        assert first["loss"] == second["loss"] == pytest.approx(alone["loss"], rel=1e-5)
        assert first["gradient"] == pytest.approx(alone["gradient"], rel=1e-3)
    for name, values in dynamics(tmp_path / "one").items():
        if values.dtype.kind == "f":
            assert dynamics(tmp_path / "two")[name] == pytest.approx(values, rel=2e-2, abs=5e-3)
        else:
            assert (dynamics(tmp_path / "two")[name] == values).all()


def _read(path):
    return training.json.loads(path.read_text())
