"""Runs on clips that are augmented, and on clips that do not match: resumed to the same bytes, and told apart."""

import json
from dataclasses import replace

import pytest
import torch

from avbench.config.methods import PRESETS
from avbench.config.mismatches import MISMATCHES, MismatchSettings
from avbench.features.windows import Clips
from avbench.pretraining import loop
from avbench.pretraining.run import mismatched
from avbench.pretraining.window_batches import Batches
from avbench.training.distributed import World
from tests.support.training import FEATURES, MACHINE, SETTINGS, arguments, same, trained_weights, write_store

AUGMENTATION = {"gain_db": 6, "noise_snr_db": [0, 20], "time_mask_s": 0.3, "mel_mask": 8, "crop": 0.5, "colour": 0.4}
AUGMENTED = replace(SETTINGS, augmentation=AUGMENTATION)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def plain(store, tmp_path_factory):
    return trained_weights(store, tmp_path_factory.mktemp("plain"))


def mismatch(kind, **more):
    return MismatchSettings(kind, 0.5, **({"shift_s": 0.4} if kind == "shifted" else {}), **more)


CHANGES = {"augmentation": {"settings": AUGMENTED}} | {kind: {"mismatch": mismatch(kind)} for kind in MISMATCHES}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_ends_in_the_same_bytes_wherever_it_goes_on_and_in_others_than_without(
    store, plain, tmp_path, monkeypatch, name
):
    change = CHANGES[name]
    whole = trained_weights(store, tmp_path / "whole", **change)
    assert not same(whole, plain)
    losses, contrast = iter(range(7)), loop.contrast
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(loop, "contrast", lambda *args: (next(losses), contrast(*args))[1])
        trained_weights(store, tmp_path / "parts", **change)
    said, machine = [], replace(MACHINE, loader_threads=2)
    assert same(trained_weights(store, tmp_path / "parts", machine=machine, log=said.append, **change), whole)
    assert said[1].startswith("going on at step 6 of")


def test_runs_without_are_identified_as_they_always_were(store, tmp_path):
    trained_weights(store, tmp_path / "plain", settings=replace(SETTINGS, epochs=1))
    settings = json.loads((tmp_path / "plain/run.json").read_text(encoding="utf-8"))["settings"]
    assert "mismatch" not in settings
    assert "augmentation" not in settings["pretraining"]
    changed = {"settings": replace(AUGMENTED, epochs=1), "mismatch": mismatch("swapped")}
    trained_weights(store, tmp_path / "changed", seed=3, **changed)
    settings = json.loads((tmp_path / "changed/run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["mismatch"] == {"kind": "swapped", "rate": 0.5, "shift_s": None, "seed": 3}
    assert settings["pretraining"]["augmentation"] == AUGMENTATION


def test_processes_that_share_a_batch_draw_what_one_draws(store):
    clips = mismatched(Clips(store, store.clip_ids, FEATURES), store.clip_ids, mismatch("muted"), seed=1)
    codes = torch.zeros(24, dtype=torch.int64).numpy()
    whole, *parts = (
        Batches(clips, codes, PRESETS["random"], AUGMENTED, 1, world).read(0, 0, torch.arange(8).numpy())
        for world in (World(0, 1), World(0, 2), World(1, 2))
    )
    for one, of in zip(zip(*(part.inputs for part in parts), strict=True), whole.inputs, strict=True):
        assert torch.equal(torch.cat(one), of)


def test_a_job_is_read_with_its_mismatch(store, tmp_path):
    job = arguments(store, tmp_path, mismatch=mismatch("muted"))["job"]
    told = {"kind": "muted", "rate": 0.5}
    read = type(job).from_mapping(
        {
            "method": {"name": "random"},
            "pretraining": {"model": "small", "augmentation": AUGMENTATION},
            "features": {},
            "seeds": [0],
            "identity": {},
            "subset": "s",
            "statistics": "t",
            "outputs": ["o"],
            "mismatch": told,
        }
    )
    assert read.mismatch == job.mismatch
    assert read.pretraining.augmented.gain_db == 6
