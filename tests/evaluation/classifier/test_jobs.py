"""Classifiers trained by gradient: what is trained, what is chosen on what, and what an interruption changes."""

import csv
import os
import signal
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from avbench.config.evaluation import TrainingSettings
from avbench.config.paper_switches import PRESETS, Protocol
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.config.tasks import read_tasks
from avbench.core.errors import UserError
from avbench.data.store import open_store
from avbench.evaluation import scores
from avbench.evaluation.classifier import jobs, whole_clips
from avbench.evaluation.classifier import train as loop
from avbench.evaluation.classifier.jobs import supervised, trained
from avbench.evaluation.classifier.labelled_windows import Windows
from avbench.evaluation.classifier.run import ClassifierRun, TrainedParts, trained_parts
from avbench.evaluation.classifier.train import new_head
from avbench.evaluation.tasks import task_clips
from avbench.features.windows import Clips
from avbench.models.embedder import load_task
from avbench.pretraining.run import write_untrained
from avbench.training import checkpoint
from avbench.training.signals import Stopped, stop_requests
from tests.support.downstream import FEATURES, write_dataset
from tests.support.training import start, status

CORRECTED, PUBLISHED = PRESETS["corrected"], PRESETS["published"]
STATISTICS = {"mean": [-20.0] * 32, "std": [10.0] * 32}
SETTINGS = TrainingSettings(
    model="small", epochs=12, validations=12, batch_size=12, learning_rate=2e-3, modalities=("audio",)
)
MACHINE = MachineSettings(device="cpu", checkpoint_every_s=1e9)
IDENTITY = {"method": "random", "subset": "few", "labels": "none"}
FROZEN, TRAIN_MODE, FINETUNE = TrainedParts(False, False), TrainedParts(False, True), TrainedParts(True, True)


@pytest.fixture
def data(tmp_path):
    """A packed dataset of three tones and colours, and an untrained run."""
    write_dataset(tmp_path)
    write_untrained(PretrainSettings(model="small"), FEATURES, STATISTICS, 0, tmp_path / "run.pt")
    return tmp_path


def tasks(**fields):
    given = {"dataset": "toys", "role": "out-of-domain", "train": "all", "modalities": ["audio", "video"], **fields}
    return read_tasks({"toys": given})


def train(data, parts, settings=SETTINGS, modality="audio", model=None, clips=None, **given):
    """Train on the toys; return what the test clips are taken for."""
    model = model or load_task(checkpoint.load(data / "run.pt"))
    clips = task_clips(tasks()[0], data, None) if clips is None else clips
    run = ClassifierRun("toys", modality, parts, clips, FEATURES, settings, seed=0)
    given = {"file": data / "unfinished.pt", "machine": MACHINE, **given}
    return loop.train(model, open_store(data, "toys"), run, **given)[0]


def read_rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def weights(model, kind=""):
    return {name: value.clone() for name, value in model.model.audio.state_dict().items() if kind in name}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_each_protocol_trains_what_it_says():
    assert trained_parts("linear-sgd", CORRECTED) == FROZEN
    assert trained_parts("linear-sgd", PUBLISHED) == TRAIN_MODE
    assert trained_parts("finetune", CORRECTED) == trained_parts("supervised", PUBLISHED) == FINETUNE
    with pytest.raises(UserError, match="'linear' trains no classifier"):
        trained_parts("linear", CORRECTED)


def test_a_frozen_encoder_stays_as_it_was_to_the_last_bit(data):
    model = load_task(checkpoint.load(data / "run.pt"))
    before = weights(model)
    train(data, FROZEN, model=model)
    assert same(before, weights(model))


def test_in_training_mode_the_frozen_encoders_running_statistics_follow_the_batches_and_nothing_else(data):
    model = load_task(checkpoint.load(data / "run.pt"))
    before = weights(model)
    train(data, TRAIN_MODE, model=model)
    after = weights(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "running" in name or "num_batches" in name}


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_finetuning_learns_what_there_is_to_learn(data, modality):
    model = load_task(checkpoint.load(data / "run.pt"))
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
    model, plain = load_task(checkpoint.load(data / "run.pt")), head(128, 3, 0)
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
    model, heads, head = load_task(checkpoint.load(data / "run.pt")), [], new_head
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
    model = load_task(checkpoint.load(data / "run.pt"))
    run = ClassifierRun("toys", "audio", FROZEN, clips, FEATURES, settings, seed=0)
    found, precision = loop.train(model, open_store(data, "toys"), run, data / "unfinished.pt", MACHINE)
    with torch.no_grad():
        logits = heads[0](torch.from_numpy(features[-1]))
    truth = found["label"].to_numpy()[:, None] == np.array(["class, 0", "class, 1", "class, 2"])
    assert precision == pytest.approx(average_precision_score(truth, F.softmax(logits, 1).numpy()))
    assert precision != pytest.approx(average_precision_score(truth, logits.numpy()))


def test_windows_are_flipped_like_those_of_pretraining(data):
    clips = Clips(open_store(data, "toys"), [f"-clip {clip:03d}" for clip in range(12)], FEATURES)
    anchors = np.arange(12)
    for flip, shape in (("clip", (12,)), ("frame", (12, FEATURES.video_frames)), ("none", (12,))):
        batch = Windows(clips, "video", flip, SETTINGS, 0).read(3, 1, anchors)
        assert batch.windows.shape == (12, FEATURES.video_frames, 32, 32, 3)
        assert batch.flips.shape == shape
    assert Windows(clips, "audio", "clip", SETTINGS, 0).read(3, 1, anchors).flips is None


def test_a_job_scores_every_task_and_modality_and_leaves_nothing_else(data):
    settings = replace(SETTINGS, epochs=2, modalities=("audio", "video"))
    for folder in ("a", "b"):
        output = data / folder / "linear-sgd" / "scores.csv"
        trained("linear-sgd", data / "run.pt", output, tasks(), data, None, CORRECTED, settings, 3, IDENTITY, MACHINE)
        assert sorted(path.name for path in output.parent.iterdir()) == ["predictions.parquet", "scores.csv"]
    rows = read_rows(output)
    assert [(row["protocol"], row["modality"], row["seed"]) for row in rows] == [
        ("linear-sgd", "audio", "3"),
        ("linear-sgd", "video", "3"),
    ]
    assert {(row["n_train"], row["n_test"], row["coverage"]) for row in rows} == {("36", "12", "1.000000")}
    for name in ("scores.csv", "predictions.parquet"):
        assert (data / "a/linear-sgd" / name).read_bytes() == (data / "b/linear-sgd" / name).read_bytes()
    assert all(1 / 3 < float(row["mean_average_precision"]) <= 1 for row in rows)
    said = scores.read(output.with_name("predictions.parquet"))
    for row, (_, part) in zip(rows, said.groupby("modality"), strict=True):
        assert float(row["accuracy"]) == pytest.approx(part["correct"].mean(), abs=1e-6)
        assert (part["correct"] == (part["label"] == part["prediction"])).all()


def test_a_killed_job_does_not_repeat_what_it_had_finished(data, monkeypatch):
    settings = replace(SETTINGS, epochs=2, modalities=("audio", "video"))
    output, done, original = data / "finetune" / "scores.csv", [], loop.train

    def killed_at_video(model, store, run, *rest):
        done.append(run.modality)
        if run.modality == "video" and done.count("video") == 1:
            raise KeyboardInterrupt
        return original(model, store, run, *rest)

    monkeypatch.setattr(jobs, "train", killed_at_video)

    def job(output, settings=settings):
        trained("finetune", data / "run.pt", output, tasks(), data, None, CORRECTED, settings, 0, IDENTITY, MACHINE)

    with pytest.raises(KeyboardInterrupt):
        job(output)
    assert not output.exists()
    job(output)
    assert done == ["audio", "video", "video"]
    job(data / "undisturbed" / "scores.csv")
    for name in ("scores.csv", "predictions.parquet"):
        assert output.with_name(name).read_bytes() == (data / "undisturbed" / name).read_bytes()


def test_what_other_settings_left_is_neither_used_nor_deleted(data):
    settings = replace(SETTINGS, epochs=1)
    output = data / "linear-sgd" / "scores.csv"
    stale = output.parent / "unfinished" / "toys-audio-0123456789abcdef" / "checkpoint.pt"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of other settings")
    trained("linear-sgd", data / "run.pt", output, tasks(), data, None, CORRECTED, settings, 0, IDENTITY, MACHINE)
    assert stale.read_bytes() == b"of other settings"
    assert output.exists()


def test_supervised_starts_from_scratch_with_every_seed(data):
    outputs = [data / name / "scores.csv" for name in "abc"]
    (task,) = tasks()
    supervised(task, data, None, "all", CORRECTED, SETTINGS, FEATURES, [0, 0, 1], outputs, MACHINE)
    rows = [row for output in outputs for row in read_rows(output)]
    assert float(rows[0]["accuracy"]) > 0.8
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert [row["seed"] for row in rows] == ["0", "0", "1"]
    named = {(row["method"], row["protocol"], row["modality"], row["subset"], row["labels"]) for row in rows}
    assert named == {("supervised", "supervised", "audio", "all", "true")}


def test_a_baseline_that_is_told_to_stop_does_not_repeat_the_seeds_it_had_finished(data, monkeypatch):
    settings, (task,), trained_on = replace(SETTINGS, epochs=4), tasks(), []

    def job(name):
        outputs = [data / name / f"seed-{seed}" / "scores.csv" for seed in range(3)]
        supervised(task, data, None, "all", CORRECTED, settings, FEATURES, [0, 1, 2], outputs, MACHINE)
        return outputs

    read = Windows.read

    def read_or_be_told(windows, step, epoch, anchors):
        trained_on.append((windows.seed, step))
        if step == 5 and trained_on.count((1, 5)) == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        return read(windows, step, epoch, anchors)

    with monkeypatch.context() as context:
        context.setattr(Windows, "read", read_or_be_told)
        with pytest.raises(Stopped):
            job("stopped")
        assert not list(data.glob("stopped/*/scores.csv"))
        assert [seed for seed, step in trained_on] == [0] * 12 + [1] * 6
        stopped = job("stopped")
        assert trained_on[18:] == [(1, step) for step in range(5, 12)] + [(2, step) for step in range(12)]
    for output, other in zip(stopped, job("undisturbed"), strict=True):
        assert sorted(path.name for path in output.parent.iterdir()) == ["predictions.parquet", "scores.csv"]
        for name in ("scores.csv", "predictions.parquet"):
            assert output.with_name(name).read_bytes() == other.with_name(name).read_bytes()


def test_windows_and_bands_of_a_tasks_own(data):
    """A window longer than the clips of 2 s repeats them; the encoder takes any number of bands."""
    settings = replace(SETTINGS, epochs=1)
    output = data / "finetune" / "scores.csv"
    own = tasks(window_s=2.5, published_mel_bands=20)
    trained(
        "finetune",
        data / "run.pt",
        output,
        own,
        data,
        None,
        Protocol(task_mel_bands=True),
        settings,
        0,
        IDENTITY,
        MACHINE,
    )
    assert read_rows(output)[0]["n_test"] == "12"


def test_a_loss_that_is_not_finite_ends_the_job_with_its_name(data):
    with pytest.raises(UserError, match="toys: the loss is (nan|inf) at step"):
        train(data, FINETUNE, replace(SETTINGS, learning_rate=1e30))


def test_no_modality_to_train_is_refused(data):
    with pytest.raises(UserError, match=r"evaluation\.finetune\.modalities: no task has any of video"):
        trained(
            "finetune",
            data / "run.pt",
            data / "scores.csv",
            tasks(modalities=["audio"]),
            data,
            None,
            CORRECTED,
            replace(SETTINGS, modalities=("video",)),
            0,
            IDENTITY,
            MACHINE,
        )
