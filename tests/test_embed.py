import numpy as np
import pytest
import torch

from avbench import checkpoint
from avbench.embed import embed, encode, whole_clip_batches
from avbench.errors import UserError
from avbench.pretrain import PretrainSettings, load_task, write_untrained
from avbench.tasks import open_store, read_tasks, task_clips
from tests.downstream import FEATURES, write_dataset

STATISTICS = {"mean": [-20.0] * 32, "std": [10.0] * 32}
TASKS = {"toys": {"dataset": "toys", "role": "in-domain", "train": "subset", "modalities": ["audio", "video"]}}


@pytest.fixture
def subset(tmp_path):
    listed = write_dataset(tmp_path)
    train = listed[listed["split"] == "train"].iloc[:9]
    return {name: list(train[name]) for name in ("clip_id", "label")}


def test_batches_hold_clips_of_one_length_and_every_clip_once():
    durations = np.array([2.0, 3.0, 2.0, 500.0, 3.0, 2.0])
    found = list(whole_clip_batches(durations))
    assert sorted(np.concatenate(found).tolist()) == list(range(6))
    assert all(len(set(durations[members])) == 1 for members in found)


def test_features_are_those_of_each_clip_alone(tmp_path, subset):
    for seed in (0, 1):
        write_untrained(PretrainSettings(model="small"), FEATURES, STATISTICS, seed, tmp_path / f"{seed}.pt")
    outputs = [tmp_path / "0.npz", tmp_path / "1.npz"]
    embed([tmp_path / "0.pt", tmp_path / "1.pt"], outputs, read_tasks(TASKS), tmp_path, subset, "cpu", 1)
    store = open_store(tmp_path, "toys")
    for seed, output in enumerate(outputs):
        task = load_task(checkpoint.load(tmp_path / f"{seed}.pt"))
        with np.load(output) as arrays, torch.inference_mode():
            for place in (0, 5, len(arrays["toys/clip_id"]) - 1):
                row = store.rows([arrays["toys/clip_id"][place]])[0]
                audio = task.model.audio(task.audio_input(torch.from_numpy(store.audio(row).copy())[None]))
                video = task.model.video(task.video_input(torch.from_numpy(store.frames(row))[None]))
                np.testing.assert_allclose(arrays["toys/audio"][place], audio[0].numpy(), rtol=1e-4, atol=1e-5)
                np.testing.assert_allclose(arrays["toys/video"][place], video[0].numpy(), rtol=1e-4, atol=1e-5)


def test_only_the_subset_trains_and_splits_are_the_datasets(tmp_path, subset):
    (task,) = read_tasks(TASKS)
    clips = task_clips(task, tmp_path, subset)
    assert sorted(clips.loc[clips["split"] == "train", "clip_id"]) == sorted(subset["clip_id"])
    listed = write_dataset(tmp_path)
    for split in ("validation", "test"):
        own = clips.loc[clips["split"] == split, "clip_id"]
        assert sorted(own) == sorted(listed.loc[listed["split"] == split, "clip_id"])
    assert clips["clip_id"].is_unique


def test_a_class_that_training_lacks_is_named(tmp_path, subset):
    (task,) = read_tasks(TASKS)
    fewer = {"clip_id": subset["clip_id"][:2], "label": subset["label"][:2]}
    with pytest.raises(UserError, match=r"1 labels of the validation clips of toys .*'class, 2'"):
        task_clips(task, tmp_path, fewer)


def test_checkpoints_of_other_features_are_refused(tmp_path, subset):
    from dataclasses import replace

    settings = PretrainSettings(model="small")
    write_untrained(settings, FEATURES, STATISTICS, 0, tmp_path / "0.pt")
    other = {"mean": [-20.0] * 16, "std": [10.0] * 16}
    write_untrained(settings, replace(FEATURES, n_mels=16), other, 0, tmp_path / "1.pt")
    models = [load_task(checkpoint.load(tmp_path / f"{i}.pt")) for i in (0, 1)]
    with pytest.raises(UserError, match="different features"):
        encode(models, open_store(tmp_path, "toys"), subset["clip_id"], "audio", torch.device("cpu"))
