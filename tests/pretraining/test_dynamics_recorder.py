"""Following a run: what is seen, that seeing changes nothing, and that interruptions lose nothing."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from avbench.config.methods import Method
from avbench.features.statistics import subset_statistics
from avbench.features.windows import Clips
from avbench.models.embedder import Task, load_task
from avbench.pretraining import dynamics_recorder, loop
from avbench.pretraining.dynamics_recorder import embed_windows, followed_epochs
from avbench.pretraining.run import write_untrained
from avbench.training import checkpoint
from tests.support import training
from tests.support.training import FEATURES, SETTINGS, arguments, same, start, start_together, status, train, weights

EPOCHS = 5
STEPS = 2  # an epoch: 18 clips in batches of 8
FILES = ["checkpoint.pt", "dynamics.npz", "metrics.jsonl", "run.json", "timings.jsonl"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return training.write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def statistics(store):
    return subset_statistics(store, store.clip_ids, FEATURES)


@pytest.fixture(scope="module")
def run(store, statistics):
    """A run on 18 clips that is followed on the six others."""
    whole = arguments(store, None, "soft-positive", replace(SETTINGS, epochs=EPOCHS), statistics=statistics)
    part = {"clip_ids": store.clip_ids[:18], "pairing_labels": whole["pairing_labels"][:18]}
    return whole | part | {"follow": store.clip_ids[18:]}


@pytest.fixture(scope="module")
def followed(run, tmp_path_factory):
    """The folder of that run."""
    output = tmp_path_factory.mktemp("followed")
    train(run | {"output": output})
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
def test_a_run_is_looked_at_ever_more_rarely(epochs, expected):
    assert followed_epochs(epochs) == expected


def test_what_is_seen_has_a_place_for_every_epoch_and_clip(store, followed):
    found = dynamics(followed)
    assert found["clip_id"].tolist() == store.clip_ids[18:]
    assert found["epochs"].tolist() == [0, 1, 2, 4, 5]
    assert found["steps"].tolist() == [0, 2, 4, 8, 10]
    shapes = {name: found[name].shape for name in ("audio", "video", "audio-head", "video-head")}
    assert shapes == {"audio": (5, 6, 128), "video": (5, 6, 64), "audio-head": (5, 6, 128), "video-head": (5, 6, 128)}
    assert {found[name].dtype for name in shapes} == {np.dtype(np.float16)}
    for name in ("audio-head", "video-head"):
        assert np.linalg.norm(found[name].astype(float), axis=2) == pytest.approx(1, abs=2e-3)
    assert sorted(path.name for path in followed.iterdir()) == FILES


def test_the_first_and_the_last_look_are_at_the_untrained_and_the_finished_model(store, statistics, followed, tmp_path):
    settings = replace(SETTINGS, epochs=EPOCHS)
    write_untrained(settings, FEATURES, statistics, 0, tmp_path / "untrained.pt")
    found = dynamics(followed)
    for place, path in ((0, tmp_path / "untrained.pt"), (-1, followed / "checkpoint.pt")):
        task = load_task(checkpoint.load(path))
        for number, clip in enumerate(store.clip_ids[18:]):
            (row,) = store.rows([clip])
            # Clips of 2 s at 4 frames/s and 8 kHz, windows of 1 s: the middle is from 0.5 to 1.5 s.
            frames = torch.from_numpy(store.frames(row, 2, 4).copy())[None]
            audio = torch.from_numpy(store.audio(row, 4000)[:8000].copy())[None]
            with torch.no_grad():
                video, sound = task.model.video(task.video_input(frames)), task.model.audio(task.audio_input(audio))
                heads = F.normalize(task.model.video_head(video)), F.normalize(task.model.audio_head(sound))
            for name, values in zip(
                ("video", "audio", "video-head", "audio-head"), (video, sound, *heads), strict=True
            ):
                assert found[name][place, number] == pytest.approx(values[0].numpy(), rel=2e-3, abs=2e-4)
    assert not np.allclose(found["audio"][0], found["audio"][-1], atol=1e-2)


def test_following_leaves_training_as_it_was(run, followed, tmp_path):
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    train(run | {"output": tmp_path / "plain", "follow": ()})
    assert same(weights(followed), weights(tmp_path / "plain"))  # buffers among them
    assert (followed / "metrics.jsonl").read_bytes() == (tmp_path / "plain/metrics.jsonl").read_bytes()
    assert not (tmp_path / "plain/dynamics.npz").exists()
    train(run | {"output": tmp_path / "again", "machine": replace(run["machine"], loader_threads=2)})
    assert equal(dynamics(followed), dynamics(tmp_path / "again"))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()


def test_a_look_leaves_the_model_in_the_mode_it_found_it_in(store, statistics):
    task = Task(SETTINGS, FEATURES, statistics, 0)
    before = {name: value.clone() for name, value in task.state_dict().items()}
    clips = Clips(store, store.clip_ids[:3], FEATURES, short="repeat")
    for training_mode in (True, False):
        task.train(training_mode)
        embed_windows(task, clips, torch.device("cpu"))
        assert all(module.training == training_mode for module in task.modules())
    assert same(before, task.state_dict())


def test_clips_shorter_than_a_window_are_followed_too(store, statistics, monkeypatch):
    features = replace(FEATURES, audio_s=3.0, video_s=3.0)  # of clips of 2 s
    task = Task(SETTINGS, features, statistics, 0)
    clips = Clips(store, store.clip_ids[:5], features, short="repeat")
    found = embed_windows(task, clips, torch.device("cpu"))
    assert all(np.isfinite(values).all() and len(values) == 5 for values in found.values())
    monkeypatch.setattr(dynamics_recorder, "BATCH", 2)
    for name, values in embed_windows(task, clips, torch.device("cpu")).items():
        assert values == pytest.approx(found[name], rel=5e-3, abs=1e-3)


def train_until_killed(run, step, place):
    """Train; the process kills itself when it comes to a place at a step, or soon after."""
    look, fsync = dynamics_recorder.Following.look, os.fsync

    def kill(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def killing_look(follows, task, number, device):
        if number == step and place == "writing":
            dynamics_recorder.atomic.__globals__["os"].fsync = kill  # the file is there, and has no name yet
        look(follows, task, number, device)
        dynamics_recorder.atomic.__globals__["os"].fsync = fsync
        if number == step and place == "looked":
            kill()

    dynamics_recorder.Following.look = killing_look
    if place == "read":
        training.at_step(step, kill)
    train(run)


def test_a_run_that_is_killed_again_and_again_ends_having_seen_the_same(run, followed, tmp_path):
    run = run | {"output": tmp_path / "killed"}
    for step, place in ((0, "writing"), (STEPS, "looked"), (2 * STEPS + 1, "read"), (5 * STEPS, "writing")):
        assert status(start(train_until_killed, run, step, place)) == -signal.SIGKILL
        assert not (run["output"] / "dynamics.npz").exists()
    said = []
    train(run | {"log": said.append})
    assert any("going on at step 9 of 10" in line for line in said)
    assert equal(dynamics(run["output"]), dynamics(followed))
    assert same(weights(run["output"]), weights(followed))
    assert sorted(path.name for path in run["output"].iterdir()) == FILES


def test_a_run_that_followed_other_clips_is_not_gone_on_with(store, run, followed, tmp_path, monkeypatch):
    calls, contrast = iter(range(5)), loop.contrast
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(loop, "contrast", lambda *given: (next(calls), contrast(*given))[1])
        train(run | {"output": tmp_path, "follow": store.clip_ids[:2]})
    said = []
    train(run | {"output": tmp_path, "log": said.append})
    assert any("not resuming" in line and "(follow: " in line for line in said)
    assert equal(dynamics(tmp_path), dynamics(followed))


def test_two_processes_see_what_one_sees_and_share_a_loss_of_labels(run, tmp_path):
    method = Method("m", "same-class", [0.2, 0.9], "mixed", "true", "supcon", clips_per_class=2)
    run = run | {"method": method, "settings": replace(SETTINGS, epochs=2, learning_rate=2e-4)}
    training.train_and_record(run | {"output": tmp_path / "one"}, tmp_path / "steps-of-one")
    given = (run | {"output": tmp_path / "two"}, tmp_path / "steps-of-two")
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
