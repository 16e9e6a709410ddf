from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.paper_switches import PRESETS, PaperSwitches
from avbench.config.pretraining import PretrainSettings
from avbench.config.tasks import read_tasks
from avbench.core.errors import UserError
from avbench.data.store import open_store
from avbench.evaluation.embedding import embed, encode, encode_padded, whole_clip_batches
from avbench.evaluation.scoring_jobs import EmbedJob
from avbench.evaluation.tasks import VALIDATION_SHARE, task_clips
from avbench.features.log_mel import LogMel
from avbench.features.statistics import Standardise, subset_statistics
from avbench.models.embedder import load_embedder
from avbench.models.encoders import build
from avbench.pretraining.run import write_untrained
from avbench.training import checkpoint
from tests.support.downstream import FEATURES, write_dataset, write_subset

CORRECTED = PRESETS["corrected"]

STATISTICS = {"mean": [-20.0] * 32, "std": [10.0] * 32}
TASKS = {"toys": {"dataset": "toys", "role": "in-domain", "train": "subset", "modalities": ["audio", "video"]}}


@pytest.fixture
def subset(tmp_path):
    listed = write_dataset(tmp_path)
    train = listed[listed["split"] == "train"].iloc[:9]
    return {name: list(train[name]) for name in ("clip_id", "label")}


def file(folder, subset):
    return write_subset(folder / "subset.csv", subset)


@given(st.lists(st.sampled_from([0.3, 2.0, 2.5, 3.0, 90.0]), max_size=40), st.sampled_from([1.0, 1.25, 1e9]))
def test_batches_hold_every_clip_once_and_stay_within_both_limits(lengths, spread):
    length = np.array(lengths)
    found = list(whole_clip_batches(length, 12.0, spread))
    assert sorted(place for members in found for place in members) == list(range(len(lengths)))
    for members in found:
        assert len(members) == 1 or len(members) * length[members].max() <= 12.0
        assert length[members].max() <= spread * length[members].min()


def test_batches_are_filled():
    assert [len(members) for members in whole_clip_batches(np.array([1.0, 3.0, 2.0, 2.0]), 6.0, 2.0)] == [3, 1]
    assert [len(members) for members in whole_clip_batches(np.full(5, 2.0), 6.0, 1.0)] == [3, 2]


@pytest.mark.parametrize("preset", ["small", "paper"])
def test_padded_clips_give_the_features_that_they_give_alone(preset):
    torch.manual_seed(0)
    encoder = build(preset, 0).audio
    with torch.no_grad():  # batch norm as after training, so that zeros do not stay zeros
        for name, tensor in encoder.state_dict().items():
            if name.endswith(("running_mean", "bias")):
                tensor.copy_(torch.randn_like(tensor))
    encoder.eval()
    mels = 32 if preset == "small" else 64
    clips = [torch.randn(frames, mels) for frames in (3, 30, 31, 77, 120)]
    with torch.inference_mode():
        found = encode_padded(encoder, clips)
        for clip, features in zip(clips, found, strict=True):
            alone = encoder(clip.reshape(1, 1, -1, mels))[0]
            torch.testing.assert_close(features, alone, rtol=1e-4, atol=1e-4)


def test_features_are_those_of_each_clip_alone(tmp_path, subset):
    for seed in (0, 1):
        write_untrained(PretrainSettings(model="small"), FEATURES, STATISTICS, seed, tmp_path / f"{seed}.pt")
    outputs = [tmp_path / "0.npz", tmp_path / "1.npz"]
    checkpoints = (tmp_path / "0.pt", tmp_path / "1.pt")
    embed(EmbedJob(checkpoints, outputs, read_tasks(TASKS), file(tmp_path, subset), CORRECTED, data=tmp_path), "cpu")
    store = open_store(tmp_path, "toys")
    for seed, output in enumerate(outputs):
        embedder = load_embedder(checkpoint.load(tmp_path / f"{seed}.pt"))
        with np.load(output) as arrays, torch.inference_mode():
            for place in (0, 5, len(arrays["toys/clip_id"]) - 1):
                row = store.rows([arrays["toys/clip_id"][place]])[0]
                audio = embedder.model.audio(embedder.audio_input(torch.from_numpy(store.audio(row).copy())[None]))
                video = embedder.model.video(embedder.video_input(torch.from_numpy(store.frames(row))[None]))
                np.testing.assert_allclose(arrays["toys/audio"][place], audio[0].numpy(), rtol=1e-4, atol=1e-5)
                np.testing.assert_allclose(arrays["toys/video"][place], video[0].numpy(), rtol=1e-4, atol=1e-5)
                inputs = (torch.from_numpy(store.audio(row).copy())[None], torch.from_numpy(store.frames(row))[None])
                projected = embedder(*inputs, torch.zeros(1, dtype=torch.bool))
                for modality, embedding in zip(("audio", "video"), projected, strict=True):
                    own = arrays[f"toys/{modality}-head"][place]
                    np.testing.assert_allclose(own, embedding[0].numpy(), rtol=1e-3, atol=1e-5)


def test_clips_of_unequal_length_share_batches_without_a_trace(tmp_path, subset, monkeypatch):
    write_untrained(PretrainSettings(model="small"), FEATURES, STATISTICS, 0, tmp_path / "0.pt")
    embedder, store = load_embedder(checkpoint.load(tmp_path / "0.pt")), open_store(tmp_path, "toys")
    ids = store.clip_ids[:10]
    assert set(store.duration_s[:10]) == {2.0, 3.0}
    (apart,) = encode([embedder], store, ids, "audio", torch.device("cpu"))
    monkeypatch.setattr("avbench.evaluation.embedding.SPREAD", 2.0)
    (together,) = encode([embedder], store, ids, "audio", torch.device("cpu"))
    np.testing.assert_allclose(together, apart, rtol=1e-4, atol=1e-5)


def test_a_task_of_one_modality_has_no_common_space(tmp_path, subset):
    write_untrained(PretrainSettings(model="small"), FEATURES, STATISTICS, 0, tmp_path / "0.pt")
    tasks = read_tasks({"toys": TASKS["toys"] | {"modalities": ["audio"]}})
    run = (tmp_path / "0.pt",), (tmp_path / "0.npz",)
    embed(EmbedJob(*run, tasks, file(tmp_path, subset), CORRECTED, data=tmp_path), "cpu")
    with np.load(tmp_path / "0.npz") as arrays:
        assert sorted(arrays) == ["toys/audio", "toys/clip_id", "toys/label", "toys/split"]


def test_a_tasks_own_mel_bands_are_standardised_by_its_own_training_clips(tmp_path, subset):
    write_untrained(PretrainSettings(model="small"), FEATURES, STATISTICS, 0, tmp_path / "0.pt")
    tasks = read_tasks({"toys": TASKS["toys"] | {"train": "all", "published_mel_bands": 20}})
    for name, switches in (("own", PaperSwitches(task_mel_bands=True)), ("shared", CORRECTED)):
        run = (tmp_path / "0.pt",), (tmp_path / f"{name}.npz",)
        embed(EmbedJob(*run, tasks, file(tmp_path, subset), switches, data=tmp_path), "cpu")
    store, features = open_store(tmp_path, "toys"), replace(FEATURES, n_mels=20)
    embedder = load_embedder(checkpoint.load(tmp_path / "0.pt"))
    with np.load(tmp_path / "own.npz") as own, np.load(tmp_path / "shared.npz") as shared, torch.inference_mode():
        training = own["toys/clip_id"][own["toys/split"] == "train"]
        statistics = subset_statistics(store, training, features)
        standardise = Standardise(np.array(statistics["mean"]), np.array(statistics["std"]))
        row = store.rows(own["toys/clip_id"][:1])[0]
        mel = LogMel(features)(torch.from_numpy(store.audio(row).copy())[None])
        expected = embedder.model.audio(standardise(mel).unsqueeze(1))[0].numpy()
        np.testing.assert_allclose(own["toys/audio"][0], expected, rtol=1e-4, atol=1e-5)
        assert not np.allclose(own["toys/audio"], shared["toys/audio"])
        np.testing.assert_array_equal(own["toys/video"], shared["toys/video"])


def test_only_the_subset_trains_and_splits_are_the_datasets(tmp_path, subset):
    (task,) = read_tasks(TASKS)
    clips = task_clips(task, tmp_path, subset)
    assert sorted(clips.loc[clips["split"] == "train", "clip_id"]) == sorted(subset["clip_id"])
    listed = write_dataset(tmp_path)
    for split in ("validation", "test"):
        own = clips.loc[clips["split"] == split, "clip_id"]
        assert sorted(own) == sorted(listed.loc[listed["split"] == split, "clip_id"])
    assert clips["clip_id"].is_unique


def test_as_published_a_fifth_of_the_subset_validates_and_the_test_clips_stay(tmp_path, subset):
    (task,) = read_tasks(TASKS)
    listed = write_dataset(tmp_path, per_split=20)
    train = listed[listed["split"] == "train"]
    subset = {name: list(train[name]) for name in ("clip_id", "label")}
    clips = task_clips(task, tmp_path, subset, PaperSwitches(probe_on_pretraining_clips=True))
    assert clips["split"].value_counts().to_dict() == {"train": 144, "validation": 36, "test": 60}
    assert set(clips.loc[clips["split"] != "test", "clip_id"]) == set(subset["clip_id"])
    assert set(clips.loc[clips["split"] == "test", "clip_id"]) == set(listed.loc[listed["split"] == "test", "clip_id"])
    reordered = {name: values[::-1] for name, values in subset.items()}
    assert clips.equals(task_clips(task, tmp_path, reordered, PaperSwitches(probe_on_pretraining_clips=True)))


def test_the_papers_numbers_of_training_and_validation_clips():
    held_out = round(VALIDATION_SHARE * 38007)
    assert (38007 - held_out, held_out) == (30406, 7601)


def test_a_class_that_training_lacks_is_named(tmp_path, subset):
    (task,) = read_tasks(TASKS)
    fewer = {"clip_id": subset["clip_id"][:2], "label": subset["label"][:2]}
    with pytest.raises(UserError, match=r"1 classes of the validation clips of toys .*'class, 2'"):
        task_clips(task, tmp_path, fewer)


def test_a_label_of_a_set_that_training_lacks_is_named(tmp_path, subset):
    (task,) = read_tasks({"toys": TASKS["toys"] | {"multi_label": True}})
    sets = {"clip_id": subset["clip_id"][:2], "label": ["class, 0;class, 2", "class, 1"]}
    assert len(task_clips(task, tmp_path, sets))
    with pytest.raises(UserError, match=r"1 classes of the validation clips of toys .*'class, 2'"):
        task_clips(task, tmp_path, sets | {"label": ["class, 0", "class, 1"]})


def test_checkpoints_of_other_features_are_refused(tmp_path, subset):
    settings = PretrainSettings(model="small")
    write_untrained(settings, FEATURES, STATISTICS, 0, tmp_path / "0.pt")
    other = {"mean": [-20.0] * 16, "std": [10.0] * 16}
    write_untrained(settings, replace(FEATURES, n_mels=16), other, 0, tmp_path / "1.pt")
    models = [load_embedder(checkpoint.load(tmp_path / f"{i}.pt")) for i in (0, 1)]
    with pytest.raises(UserError, match="different features"):
        encode(models, open_store(tmp_path, "toys"), subset["clip_id"], "audio", torch.device("cpu"))
