"""Training itself: exact resumption, draws that depend on nothing else, and what goes wrong."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from avbench import checkpoint
from avbench.errors import UserError
from avbench.features import FeatureSettings
from avbench.methods import PRESETS, Method
from avbench.pretrain import (
    Batches,
    MachineSettings,
    PretrainSettings,
    learning_rate,
    load_task,
    pick_device,
    pretrain,
    write_untrained,
)
from avbench.statistics import subset_statistics
from avbench.store import Row, Store, StoreSettings, encode_frames, write_shard
from avbench.windows import Clips

CLASSES, CLIPS = 4, 6
FEATURES = FeatureSettings(sample_rate=8000, n_fft=256, hop=200, n_mels=40, frame_rate=4.0, audio_s=1.0, video_s=1.0)
SETTINGS = PretrainSettings(model="small", epochs=3, batch_size=8, learning_rate=2e-3)
MACHINE = MachineSettings(device="cpu", checkpoint_every_s=0)
IDENTITY = {"dataset": "d", "subset": "s", "labels": "true"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Clips of coloured noise and tones: enough to learn from, cheap to make."""
    rng = np.random.default_rng(0)
    settings = StoreSettings(frame_rate=4.0, width=32, height=32, sample_rate=8000, jpeg_quality=90)
    rows = []
    for clip in range(CLASSES * CLIPS):
        label = clip % CLASSES
        frames = rng.integers(0, 60, (8, 32, 32, 3)) + np.array([40 * label, 20 * label, 120])
        tone = np.sin(2 * np.pi * (200 + 300 * label) * np.arange(16000) / 8000)
        audio = 8000 * tone + rng.normal(0, 800, 16000)
        rows.append(
            Row(
                f"clip-{clip:02d}", encode_frames(frames.astype(np.uint8), settings), audio.astype("<i2").tobytes(), 2.0
            )
        )
    path = tmp_path_factory.mktemp("store") / "000.arrow"
    write_shard(path, rows, settings)
    return Store([path])


@pytest.fixture(scope="module")
def labels(store):
    return [f"class {int(name[-2:]) % CLASSES}" for name in store.clip_ids]


@pytest.fixture(scope="module")
def statistics(store):
    return subset_statistics(store, store.clip_ids, FEATURES)


def train(
    store, labels, statistics, output, method="soft-positive", settings=SETTINGS, seed=0, machine=MACHINE, log=len
):
    method = PRESETS[method] if isinstance(method, str) else method
    ids = store.clip_ids
    pretrain(store, ids, labels, statistics, method, settings, FEATURES, seed, output, IDENTITY, machine, log=log)
    return checkpoint.load(output / "checkpoint.pt")["model"]


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a) and a.keys() == b.keys()


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(store, labels, statistics, tmp_path):
    train(store, labels, statistics, tmp_path / "a")
    train(store, labels, statistics, tmp_path / "b", machine=replace(MACHINE, loader_threads=3, cache_mb=50))
    weights = [checkpoint.load(tmp_path / name / "checkpoint.pt")["model"] for name in "ab"]
    assert same(*weights)
    assert (tmp_path / "a/metrics.jsonl").read_bytes() == (tmp_path / "b/metrics.jsonl").read_bytes()
    assert not same(weights[0], train(store, labels, statistics, tmp_path / "c", seed=1))


def test_the_loss_starts_near_ln_of_the_batch_and_falls(store, labels, statistics, tmp_path):
    train(store, labels, statistics, tmp_path, settings=replace(SETTINGS, epochs=15))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(15))
    assert lines[-1]["step"] == 15 * (CLASSES * CLIPS // 8)
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.3
    assert lines[-1]["batch_accuracy"] > 2 / 8
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["final_loss"] == lines[-1]["loss"]
    assert run["provenance"]["packages"]["torch"] == torch.__version__.split("+")[0]


DRIVER = """
import sys, pickle
from pathlib import Path
from avbench.pretrain import pretrain
arguments = pickle.loads(Path(sys.argv[1]).read_bytes())
pretrain(**arguments, log=lambda line: print(line, flush=True))
"""


def test_a_killed_run_ends_in_the_same_bytes(store, labels, statistics, tmp_path):
    settings = replace(SETTINGS, epochs=60)
    arguments = {
        "store": store,
        "clip_ids": store.clip_ids,
        "pairing_labels": labels,
        "statistics": statistics,
        "method": PRESETS["soft-positive-50"],
        "settings": settings,
        "features": FEATURES,
        "seed": 3,
        "output": tmp_path / "killed",
        "identity": IDENTITY,
        "machine": MACHINE,
    }
    (tmp_path / "arguments.pkl").write_bytes(pickle.dumps(arguments))
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "arguments.pkl")]
    kills, outputs = 0, []
    while not (tmp_path / "killed/checkpoint.pt").exists():
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        if kills < 3:
            before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("killed/unfinished/*/checkpoint.pt")}
            while {p: p.stat().st_mtime_ns for p in tmp_path.glob("killed/unfinished/*/checkpoint.pt")} == before:
                assert process.poll() is None, "the run ended before it could be killed"
                time.sleep(0.01)
            time.sleep(0.15)  # some steps further: a kill falls anywhere, also into the writing of a checkpoint
            process.send_signal(signal.SIGKILL)
            kills += 1
        outputs.append(process.communicate(timeout=120)[0])
    assert "going on at step" in outputs[-1]
    undisturbed = train(store, labels, statistics, tmp_path / "undisturbed", "soft-positive-50", settings, seed=3)
    assert same(checkpoint.load(tmp_path / "killed/checkpoint.pt")["model"], undisturbed)
    metrics = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("killed", "undisturbed")]
    assert metrics[0] == metrics[1]
    assert not (tmp_path / "killed/unfinished").exists()


def test_an_unfinished_run_of_other_settings_is_kept_and_told(store, labels, statistics, tmp_path):
    left = tmp_path / "unfinished/0123456789abcdef/checkpoint.pt"
    checkpoint.save(left, {"settings": {"pretraining": {"learning_rate": 0.5}, "seed": 0}})
    said = []
    train(store, labels, statistics, tmp_path, log=said.append)
    assert left.exists()
    assert any("not resuming" in line and "pretraining.learning_rate: 0.5 → 0.002" in line for line in said)


def test_a_loss_that_explodes_stops_the_run(store, labels, statistics, tmp_path):
    with pytest.raises(UserError, match=r"the loss is nan at step \d+. Lower the learning rate. The last good"):
        train(store, labels, statistics, tmp_path, settings=replace(SETTINGS, learning_rate=1e30, epochs=20))
    assert not (tmp_path / "checkpoint.pt").exists()


def test_an_anchors_partner_and_window_do_not_depend_on_its_batch(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    plan = Batches(clips, numbers, PRESETS["soft-positive"], SETTINGS, seed=5)
    together = plan.read(0, 2, np.array([3, 9, 11]))
    alone = plan.read(7, 2, np.array([9]))
    assert torch.equal(together.audio[1:2], alone.audio)
    assert torch.equal(together.frames[1:2], alone.frames)
    assert torch.equal(together.flips[1:2], alone.flips)


def test_steps_are_the_same_from_wherever_a_run_goes_on(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    for threads in (0, 2):
        plan = Batches(clips, numbers, Method("m", "same-class", 0.5, "one-per-class", "true"), SETTINGS, seed=1)
        everything = list(plan.since(0, threads))
        assert [batch.step for batch in everything] == list(range(plan.steps))
        for first in (1, plan.steps_per_epoch, plan.steps - 1):
            rest = list(plan.since(first, threads))
            assert [batch.step for batch in rest] == list(range(first, plan.steps))
            assert all(torch.equal(a.audio, b.audio) for a, b in zip(rest, everything[first:], strict=True))


def test_frames_are_flipped_each_for_itself_as_published(store, labels):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    anchors = np.arange(24)
    flips = {
        flip: Batches(clips, numbers, PRESETS["random"], replace(SETTINGS, flip=flip), seed=1).read(0, 0, anchors).flips
        for flip in ("clip", "frame")
    }
    assert flips["clip"].shape == (24,)
    assert flips["frame"].shape == (24, 4)
    assert (flips["frame"].float().mean(1) % 1 > 0).any()


def test_the_untrained_baseline_is_the_run_before_its_first_step(store, labels, statistics, tmp_path):
    write_untrained(SETTINGS, FEATURES, statistics, 4, tmp_path / "untrained.pt")
    start = load_task(checkpoint.load(tmp_path / "untrained.pt"))
    run = train(store, labels, statistics, tmp_path / "run", settings=replace(SETTINGS, learning_rate=1e-30), seed=4)
    weights = {
        name: value for name, value in start.model.state_dict().items() if "running" not in name and "num_" not in name
    }
    assert all(torch.allclose(value, run[name], atol=1e-12) for name, value in weights.items())


def test_cosine_falls_from_the_full_rate_to_zero():
    settings = replace(SETTINGS, schedule="cosine")
    rates = [learning_rate(settings, step, 100) for step in range(101)]
    assert rates[0] == settings.learning_rate
    assert rates[50] == pytest.approx(settings.learning_rate / 2)
    assert rates[100] == pytest.approx(0, abs=1e-12)
    assert rates == sorted(rates, reverse=True)


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="device 'cuda:63' was asked for"):
        pick_device("cuda:63")


def test_a_broken_checkpoint_is_named(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 half a checkpoint")
    with pytest.raises(UserError, match="checkpoint.pt is not a readable checkpoint"):
        checkpoint.load(tmp_path / "checkpoint.pt")
