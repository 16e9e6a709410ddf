"""The loop that trains classifiers: what is trained, what is chosen on what, and what an interruption changes."""

import os
import signal
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from avbench.core.errors import UserError
from avbench.data.store import open_store
from avbench.evaluation.classifier import train as loop
from avbench.evaluation.classifier import whole_clips
from avbench.evaluation.classifier.labelled_windows import Windows
from avbench.evaluation.classifier.train import new_head
from avbench.evaluation.classifier.training_run import ClassifierRun
from avbench.evaluation.tasks import task_clips
from avbench.features.windows import Clips
from avbench.models.embedder import load_embedder
from avbench.training import checkpoint
from avbench.training.signals import Stopped, stop_requests
from tests.support.classifier import (
    FINETUNE,
    FROZEN,
    MACHINE,
    SETTINGS,
    TRAIN_MODE,
    tasks,
    train,
    training_clips,
    write_toys,
)
from tests.support.downstream import FEATURES
from tests.support.training import same, start, status


@pytest.fixture
def data(tmp_path):
    return write_toys(tmp_path)


def weights(model, kind=""):
    return {name: value.clone() for name, value in model.model.audio.state_dict().items() if kind in name}


def test_a_frozen_encoder_stays_as_it_was_to_the_last_bit(data):
    model = load_embedder(checkpoint.load(data / "run.pt"))
    before = weights(model)
    train(data, FROZEN, model=model)
    assert same(before, weights(model))


def test_in_training_mode_the_frozen_encoders_running_statistics_follow_the_batches_and_nothing_else(data):
    model = load_embedder(checkpoint.load(data / "run.pt"))
    before = weights(model)
    train(data, TRAIN_MODE, model=model)
    after = weights(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "running" in name or "num_batches" in name}


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_finetuning_learns_what_there_is_to_learn(data, modality):
    model = load_embedder(checkpoint.load(data / "run.pt"))
    other = {"audio": "video", "video": "audio"}[modality]
    untouched = {name: value.clone() for name, value in getattr(model.model, other).state_dict().items()}
    found = train(data, FINETUNE, modality=modality, model=model)
    assert found["correct"].mean() > 0.8  # three tones and three colours; chance is 0.33
    assert all(torch.equal(value, getattr(model.model, other).state_dict()[n]) for n, value in untouched.items())


def test_a_linear_classifier_on_frozen_features_learns_too(data):
    settings = replace(SETTINGS, epochs=30, learning_rate=2e-2)
    assert train(data, FROZEN, settings)["correct"].mean() > 0.5


def test_one_step_is_adams_first_on_the_dropped_out_features(data, monkeypatch):
    """The classifier after one step of one epoch, written out plainly."""
    settings = replace(SETTINGS, epochs=1, batch_size=36, weight_decay=0.1)
    made = []
    head = new_head
    monkeypatch.setattr(loop, "new_head", lambda *arguments: made.append(head(*arguments)) or made[-1])
    train(data, FROZEN, settings)
    model, plain = load_embedder(checkpoint.load(data / "run.pt")), head(128, 3, 0)
    clips = task_clips(tasks()[0], data, None)
    training = clips[clips["split"] == "train"]
    windows = Windows(
        Clips(open_store(data, "toys"), list(training["clip_id"]), FEATURES), "audio", "clip", settings, 0
    )
    ((step, epoch, anchors),) = windows.plan(0)
    batch = windows.read(step, epoch, anchors)
    target = torch.tensor([int(label[-1]) for label in training["label"]])[anchors]
    draws = loop.rng.generator(0, "dropout", 0).random((36, 128))
    with torch.no_grad():
        pooled = model.model.audio(model.audio_input(batch.windows))
    pooled = torch.where(torch.from_numpy(draws) >= 0.5, pooled * 2, 0.0)
    F.cross_entropy(plain(pooled), target).backward()
    for parameter, own in ((plain.weight, made[0].weight), (plain.bias, made[0].bias)):
        gradient = parameter.grad + 0.1 * parameter.detach()
        expected = parameter.detach() - settings.learning_rate * gradient / (gradient.abs() + 1e-8)
        torch.testing.assert_close(own.detach(), expected)


def test_labels_of_test_clips_choose_nothing(data):
    clips = task_clips(tasks()[0], data, None)
    shuffled = clips.copy()
    test = shuffled["split"] == "test"
    shuffled.loc[test, "label"] = "class, 0"
    honest, fooled = train(data, FINETUNE, clips=clips), train(data, FINETUNE, clips=shuffled)
    assert honest["prediction"].tolist() == fooled["prediction"].tolist()
    assert honest["label"].tolist() != fooled["label"].tolist()


def contradicting(data):
    """Clips whose validation teaches the wrong labels: what has learnt least is best."""
    clips = task_clips(tasks()[0], data, None)
    labels = clips.loc[clips["split"] == "validation", "label"]
    clips.loc[labels.index, "label"] = [f"class, {(int(label[-1]) + 1) % 3}" for label in labels]
    return clips


def test_the_epoch_with_the_lowest_validation_loss_is_kept(data, capsys):
    """Where validation contradicts training, what is learnt first is best."""
    clips, settings = contradicting(data), replace(SETTINGS, learning_rate=2e-2)
    found = train(data, FROZEN, settings, clips=clips)
    best = int(capsys.readouterr().out.split("lowest after epoch ")[1])
    assert best < settings.epochs
    stopped = train(data, FROZEN, replace(settings, epochs=best), clips=clips)
    assert found.equals(stopped)
    to_the_end = train(data, FROZEN, settings)
    assert not found.equals(to_the_end)


def test_validation_is_looked_at_as_often_as_asked(data, monkeypatch):
    seen = []
    cross_entropy = F.cross_entropy
    monkeypatch.setattr(
        loop.F,
        "cross_entropy",
        lambda logits, *rest: seen.append(logits.requires_grad) or cross_entropy(logits, *rest),
    )
    train(data, FROZEN, replace(SETTINGS, epochs=7, validations=2))
    assert [place for place, training in enumerate(seen) if not training] == [9, 19, 23]  # after epochs 3, 6 and 7


def signalling(number, place, calls):
    """Have the process send itself a signal each time it comes to a place, after so many times without."""
    owner, name = {
        "batch": (Windows, "read"),
        "update": (loop.Adam, "step"),
        "whole clips": (whole_clips, "encode"),
        "saving": (os, "fsync"),  # the checkpoint is written, and does not have its name yet
    }[place]
    function, spared = getattr(owner, name), iter(range(calls))

    def signal_and_call(*given, **named):
        if next(spared, None) is None:
            os.kill(os.getpid(), number)
        return function(*given, **named)

    return patch.object(owner, name, signal_and_call)


def train_to_the_end(data, parts, machine=MACHINE, unfinished="unfinished.pt", clips=None):
    """Return what the test clips are said to be, and all weights of encoder and classifier."""
    model, heads, head = load_embedder(checkpoint.load(data / "run.pt")), [], new_head
    with (
        stop_requests() as requests,
        patch.object(whole_clips, "STOP_CLIPS", 4),
        patch.object(loop, "new_head", lambda *given: heads.append(head(*given)) or heads[0]),
    ):
        given = {"machine": machine, "file": data / unfinished, "requests": requests}
        found = train(data, parts, replace(SETTINGS, epochs=4), model=model, clips=clips, **given)
    return found, weights(model) | heads[0].state_dict()


@pytest.mark.parametrize(
    ("parts", "threads", "place", "calls", "step", "validated"),
    [
        (FROZEN, 0, "batch", 7, 7, 2),  # amid the third of four epochs of three steps
        (TRAIN_MODE, 2, "whole clips", 4, 6, 1),  # the second validation, of which four clips are looked at at a time
        (FINETUNE, 0, "whole clips", 13, 12, 4),  # the test
    ],
)
def test_a_training_that_is_told_to_stop_saves_and_goes_on_to_the_same_bytes(
    data, capsys, parts, threads, place, calls, step, validated
):
    machine = replace(MACHINE, loader_threads=threads)
    with signalling(signal.SIGUSR1, place, calls), pytest.raises(Stopped):
        train_to_the_end(data, parts, machine)
    state = checkpoint.load(data / "unfinished.pt")["state"]
    assert (state["step"], state["validated"]) == (step, validated)
    resumed, undisturbed = train_to_the_end(data, parts, machine), train_to_the_end(data, parts, unfinished="other.pt")
    said = capsys.readouterr().out
    assert f"toys: stopped by SIGUSR1 and saved at step {step} of 12, in {data / 'unfinished.pt'}; the same" in said
    assert f"toys: going on at step {step} of 12" in said
    assert resumed[0].equals(undisturbed[0])
    assert same(resumed[1], undisturbed[1])


def test_a_resumed_training_still_knows_its_best_epoch(data):
    clips = contradicting(data)
    with signalling(signal.SIGTERM, "batch", 10), pytest.raises(Stopped):
        train_to_the_end(data, FINETUNE, clips=clips)
    state = checkpoint.load(data / "unfinished.pt")["state"]
    assert (state["step"], state["validated"], state["best_epoch"]) == (10, 3, 1)
    resumed = train_to_the_end(data, FINETUNE, clips=clips)
    undisturbed = train_to_the_end(data, FINETUNE, unfinished="other.pt", clips=clips)
    assert resumed[0].equals(undisturbed[0])
    assert same(resumed[1], undisturbed[1])


def train_until_signalled(data, number, place, calls):
    with signalling(number, place, calls):
        train_to_the_end(data, FINETUNE, replace(MACHINE, checkpoint_every_s=0, loader_threads=1))


def test_a_process_that_is_stopped_and_killed_again_and_again_ends_in_the_same_bytes(data):
    ends = [
        (signal.SIGTERM, "update", 2, 75, 3),
        (signal.SIGKILL, "update", 1, -signal.SIGKILL, 4),
        (signal.SIGKILL, "saving", 2, -signal.SIGKILL, 5),
    ]
    for number, place, calls, ended, step in ends:
        assert status(start(train_until_signalled, data, number, place, calls)) == ended
        assert checkpoint.load(data / "unfinished.pt")["state"]["step"] == step
        assert bool(list(data.glob(".unfinished.pt.*"))) == (place == "saving")  # a checkpoint without its name
    resumed, undisturbed = train_to_the_end(data, FINETUNE), train_to_the_end(data, FINETUNE, unfinished="other.pt")
    assert resumed[0].equals(undisturbed[0])
    assert same(resumed[1], undisturbed[1])
    assert not list(data.glob(".unfinished.pt.*"))


def test_mean_average_precision_ranks_the_test_clips_by_their_probabilities(data, monkeypatch):
    """Scikit-learn's, of the classifier's own logits, which are the last that are taken of whole clips."""
    from sklearn.metrics import average_precision_score  # here: processes import this module too

    heads, features = [], []
    head, encode = new_head, whole_clips.encode
    monkeypatch.setattr(loop, "new_head", lambda *given: heads.append(head(*given)) or heads[-1])
    monkeypatch.setattr(whole_clips, "encode", lambda *given: features.append(encode(*given)[0]) or features[-1:])
    settings = replace(SETTINGS, epochs=1, learning_rate=1e-4)
    clips = task_clips(tasks()[0], data, None)
    model = load_embedder(checkpoint.load(data / "run.pt"))
    run = ClassifierRun("toys", "audio", FROZEN, clips, FEATURES, settings, seed=0)
    found, precision = loop.train(model, training_clips(data, run), run, data / "unfinished.pt", MACHINE, ())
    with torch.no_grad():
        logits = heads[0](torch.from_numpy(features[-1]))
    truth = found["label"].to_numpy()[:, None] == np.array(["class, 0", "class, 1", "class, 2"])
    assert precision == pytest.approx(average_precision_score(truth, F.softmax(logits, 1).numpy()))
    assert precision != pytest.approx(average_precision_score(truth, logits.numpy()))


def test_a_loss_that_is_not_finite_ends_the_job_with_its_name(data):
    with pytest.raises(UserError, match="toys: the loss is (nan|inf) at step"):
        train(data, FINETUNE, replace(SETTINGS, learning_rate=1e30))
