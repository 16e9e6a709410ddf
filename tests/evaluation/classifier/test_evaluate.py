"""Classifiers trained by gradient: what a job writes, and what it does not repeat after an interruption."""

import csv
import os
import signal
from collections import Counter
from dataclasses import replace

import pytest

from avbench.config.paper_switches import PRESETS, PaperSwitches
from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.data.store import Store
from avbench.evaluation import scores
from avbench.evaluation.classifier import evaluate
from avbench.evaluation.classifier import train as loop
from avbench.evaluation.classifier.evaluate import supervised, trained
from avbench.evaluation.classifier.labelled_windows import Windows
from avbench.evaluation.classifier.training_run import trained_parts
from avbench.evaluation.scoring_jobs import SupervisedJob, TrainedJob
from avbench.evaluation.tasks import task_clips
from avbench.training.signals import Stopped
from tests.support.classifier import MACHINE, SETTINGS, tasks, write_toys
from tests.support.downstream import FEATURES, write_subset

CORRECTED = PRESETS["corrected"]
IDENTITY = {"method": "random", "subset": "few", "labels": "none", "budget": "default"}


@pytest.fixture
def data(tmp_path):
    write_subset(tmp_path / "subset.csv", {"clip_id": [], "label": []})  # tasks that train on all clips look at none
    return write_toys(tmp_path)


def job(data, output, protocol, settings, seed=0, **fields):
    """Return the job that evaluates the untrained run."""
    given = {
        "protocol": protocol,
        "checkpoint": data / "run.pt",
        "output": output,
        "tasks": tasks(),
        "subset": data / "subset.csv",
        "switches": CORRECTED,
        "settings": settings,
        "seed": seed,
        "identity": IDENTITY,
        "data": data,
    }
    return TrainedJob(**given | fields)


def baseline(data, outputs, settings, seeds):
    """Return the job of the supervised baseline."""
    (task,) = tasks()
    return SupervisedJob(task, "all", CORRECTED, settings, FEATURES, seeds, outputs, data=data)


def read_rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_job_scores_every_task_and_modality_and_leaves_nothing_else(data):
    settings = replace(SETTINGS, epochs=2, modalities=("audio", "video"))
    for folder in ("a", "b"):
        output = data / folder / "linear-sgd" / "scores.csv"
        trained(job(data, output, "linear-sgd", settings, seed=3), MACHINE)
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

    monkeypatch.setattr(evaluate, "train", killed_at_video)

    with pytest.raises(KeyboardInterrupt):
        trained(job(data, output, "finetune", settings), MACHINE)
    assert not output.exists()
    trained(job(data, output, "finetune", settings), MACHINE)
    assert done == ["audio", "video", "video"]
    trained(job(data, data / "undisturbed" / "scores.csv", "finetune", settings), MACHINE)
    for name in ("scores.csv", "predictions.parquet"):
        assert output.with_name(name).read_bytes() == (data / "undisturbed" / name).read_bytes()


def test_what_other_settings_left_is_neither_used_nor_deleted(data):
    settings = replace(SETTINGS, epochs=1)
    output = data / "linear-sgd" / "scores.csv"
    stale = output.parent / "unfinished" / "toys-audio-0123456789abcdef" / "checkpoint.pt"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of other settings")
    trained(job(data, output, "linear-sgd", settings), MACHINE)
    assert stale.read_bytes() == b"of other settings"
    assert output.exists()


def test_what_is_left_of_clips_that_were_packed_anew_is_not_gone_on_with(data):
    (task,) = tasks()
    common = evaluate.ClassifierJob(
        "finetune", job(data, data / "scores.csv", "finetune", SETTINGS), FEATURES, None, {}, IDENTITY, None
    )
    given = (trained_parts("finetune", CORRECTED), task_clips(task, data, None), task, "audio")
    before, path = common.fingerprint(*given), data / task.dataset / "ledger.parquet"
    assert common.fingerprint(*given) == before
    ledger.write(path, ledger.read(path), {ledger.CONTENT: "0" * 64})  # the same ids, of other pictures
    assert common.fingerprint(*given) != before


def test_supervised_starts_from_scratch_with_every_seed(data):
    outputs = [data / name / "scores.csv" for name in "abc"]
    supervised(baseline(data, outputs, SETTINGS, (0, 0, 1)), MACHINE)
    rows = [row for output in outputs for row in read_rows(output)]
    assert float(rows[0]["accuracy"]) > 0.8
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert [row["seed"] for row in rows] == ["0", "0", "1"]
    named = {(row["method"], row["protocol"], row["modality"], row["subset"], row["labels"]) for row in rows}
    assert named == {("supervised", "supervised", "audio", "all", "true")}


def test_a_baseline_that_is_told_to_stop_does_not_repeat_the_seeds_it_had_finished(data, monkeypatch):
    trained_on = []

    def run(name):
        outputs = [data / name / f"seed-{seed}" / "scores.csv" for seed in range(3)]
        supervised(baseline(data, outputs, replace(SETTINGS, epochs=4), (0, 1, 2)), MACHINE)
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
            run("stopped")
        assert not list(data.glob("stopped/*/scores.csv"))
        assert [seed for seed, step in trained_on] == [0] * 12 + [1] * 6
        stopped = run("stopped")
        assert trained_on[18:] == [(1, step) for step in range(5, 12)] + [(2, step) for step in range(12)]
    for output, other in zip(stopped, run("undisturbed"), strict=True):
        assert sorted(path.name for path in output.parent.iterdir()) == ["predictions.parquet", "scores.csv"]
        for name in ("scores.csv", "predictions.parquet"):
            assert output.with_name(name).read_bytes() == other.with_name(name).read_bytes()


def test_the_seeds_of_a_baseline_decode_each_training_clip_once(data, monkeypatch):
    frames, decoded = Store.frames, Counter()

    def counted(store, row, *rest):
        decoded.update([store.clip_ids[row]] if len(rest) == 0 else [])
        return frames(store, row, *rest)

    monkeypatch.setattr(Store, "frames", counted)
    settings = replace(SETTINGS, epochs=2, validations=1, modalities=("video",))
    machine = replace(MACHINE, cache_mb=50)
    supervised(baseline(data, [data / name / "scores.csv" for name in "ab"], settings, (0, 1)), machine)
    (task,) = tasks()
    split = task_clips(task, data, None).set_index("clip_id")["split"]
    assert {decoded[clip] for clip in split.index[split == "train"]} == {1}
    assert {decoded[clip] for clip in split.index[split != "train"]} == {2}  # whole clips, for each seed


def test_windows_and_bands_of_a_tasks_own(data):
    """A window longer than the clips of 2 s repeats them; the encoder takes any number of bands."""
    settings = replace(SETTINGS, epochs=1)
    output = data / "finetune" / "scores.csv"
    own = {"tasks": tasks(window_s=2.5, published_mel_bands=20), "switches": PaperSwitches(task_mel_bands=True)}
    trained(job(data, output, "finetune", settings, **own), MACHINE)
    assert read_rows(output)[0]["n_test"] == "12"


def test_no_modality_to_train_is_refused(data):
    with pytest.raises(UserError, match=r"evaluation\.finetune\.modalities: no task has any of video"):
        settings = replace(SETTINGS, modalities=("video",))
        trained(job(data, data / "scores.csv", "finetune", settings, tasks=tasks(modalities=["audio"])), MACHINE)
