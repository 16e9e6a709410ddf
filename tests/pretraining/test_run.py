"""Training itself: exact resumption, draws that depend on nothing else, and what goes wrong."""

import importlib.util
import json
import math
import os
import resource
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from avbench.config.features import FeatureSettings
from avbench.config.methods import PRESETS, Method
from avbench.config.paper_switches import PRESETS as PROTOCOLS
from avbench.config.pretraining import PretrainSettings
from avbench.core.errors import UserError
from avbench.features.statistics import subset_statistics
from avbench.features.windows import Clips
from avbench.models.embedder import Task, load_task
from avbench.pretraining import loop
from avbench.pretraining.run import pretrain, write_untrained
from avbench.pretraining.window_batches import Batches
from avbench.training import checkpoint
from avbench.training.devices import pick
from avbench.training.schedule import learning_rate
from tests.support import training
from tests.support.training import (
    CLASSES,
    CLIPS,
    FEATURES,
    MACHINE,
    SETTINGS,
    arguments,
    pairing_labels,
    same,
    weights,
    write_store,
)

OUTCOME = ["checkpoint.pt", "metrics.jsonl", "run.json", "timings.jsonl"]

PUBLISHED = PROTOCOLS["published"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def labels(store):
    return pairing_labels(store)


@pytest.fixture(scope="module")
def statistics(store):
    return subset_statistics(store, store.clip_ids, FEATURES)


def train(
    store, labels, statistics, output, method="soft-positive", settings=SETTINGS, seed=0, machine=MACHINE, log=len
):
    run = arguments(store, output, method, settings, seed, machine, statistics)
    pretrain(**run | {"log": log, "pairing_labels": labels})
    return weights(output)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(store, labels, statistics, tmp_path):
    train(store, labels, statistics, tmp_path / "a")
    train(store, labels, statistics, tmp_path / "b", machine=replace(MACHINE, loader_threads=3, cache_mb=50))
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert (tmp_path / "a/metrics.jsonl").read_bytes() == (tmp_path / "b/metrics.jsonl").read_bytes()
    assert not same(weights(tmp_path / "a"), train(store, labels, statistics, tmp_path / "c", seed=1))


METHODS = {
    "soft-positive": PRESETS["soft-positive"],
    "hard-negative": PRESETS["hard-negative"],
    "mixed-supcon": Method("m", "same-class", [0.2, 0.9], "mixed", "true", "supcon", clips_per_class=2),
    "near-hard": Method("m", "neighbour", [0.9, 0.1], labels="nearest", loss="hard"),
    "masked": Method("m", labels="true", loss="masked"),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_run_under_the_published_protocol_goes_on_to_the_same_bytes(
    store, labels, statistics, tmp_path, monkeypatch, name
):
    method = METHODS[name]
    settings = replace(SETTINGS, **PUBLISHED.pretraining() | {"batch_norm_groups": 3})
    if method.needs == "neighbours":
        labels = [[store.clip_ids[(clip + step) % 24] for step in (1, 4, 8)] for clip in range(24)]
    undisturbed = train(store, labels, statistics, tmp_path / "a", method, settings)
    losses, contrast = iter(range(7)), loop.contrast
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(loop, "contrast", lambda *args: (next(losses), contrast(*args))[1])
        train(store, labels, statistics, tmp_path / "b", method, settings)
    said = []
    assert same(train(store, labels, statistics, tmp_path / "b", method, settings, log=said.append), undisturbed)
    assert said[1].startswith("going on at step 6 of")
    assert not same(train(store, labels, statistics, tmp_path / "c", method), undisturbed)


def test_the_loss_starts_near_ln_of_the_batch_and_falls(store, labels, statistics, tmp_path):
    train(store, labels, statistics, tmp_path, settings=replace(SETTINGS, epochs=15))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(15))
    assert lines[-1]["step"] == 15 * (CLASSES * CLIPS // 8)
    assert lines[0]["loss"] == pytest.approx(np.log(8), abs=0.3)
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.3
    assert lines[-1]["batch_accuracy"] > 2 / 8
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["final_loss"] == lines[-1]["loss"]
    assert run["provenance"]["packages"]["torch"] == torch.__version__.split("+")[0]


def train_until_killed(run, number, place):
    """Train; from step ``number`` on, the process kills itself as soon as it comes to a place."""
    reached = []
    training.at_step(number, lambda: reached.append(number))

    def killing(function):
        def kill_or_call(*given, **named):
            if reached:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*given, **named)

        return kill_or_call

    for owner, name in {
        "loss": [(loop, "contrast")],
        "update": [(loop.Adam, "step")],
        "writing": [(os, "fsync")],  # the checkpoint is written, and does not have its name yet
        "written": [(loop, "asdict")],  # nothing of it is
    }[place]:
        setattr(owner, name, killing(getattr(owner, name)))
    pretrain(**run)


def test_a_run_killed_at_ten_random_steps_ends_in_the_same_bytes(store, labels, statistics, tmp_path):
    settings = replace(SETTINGS, epochs=25)
    machine = replace(MACHINE, loader_threads=1)
    run = arguments(store, tmp_path / "killed", "soft-positive-50", settings, 3, machine, statistics)
    random = np.random.default_rng(0)
    places = random.permutation(["loss", "update", "writing", "written"] * 3)[:10]
    for step, place in zip(sorted(random.choice(75, 10, replace=False)), places, strict=True):
        assert training.status(training.start(train_until_killed, run, step, place)) == -signal.SIGKILL
        assert not (tmp_path / "killed/checkpoint.pt").exists()
    said = []
    resumed = train(store, labels, statistics, run["output"], "soft-positive-50", settings, 3, machine, said.append)
    assert any("going on at step" in line for line in said)
    undisturbed = train(store, labels, statistics, tmp_path / "undisturbed", "soft-positive-50", settings, seed=3)
    assert same(resumed, undisturbed)
    metrics = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("killed", "undisturbed")]
    assert metrics[0] == metrics[1]
    assert sorted(path.name for path in run["output"].iterdir()) == OUTCOME


def test_a_run_is_saved_at_the_end_of_an_epoch_when_it_has_not_been_for_a_while(
    store, labels, statistics, tmp_path, monkeypatch
):
    saved, save = [], checkpoint.save

    def noting(path, state):
        saved.append(state.get("state", {}).get("step"))
        save(path, state)

    monkeypatch.setattr(checkpoint, "save", noting)
    rarely = replace(MACHINE, checkpoint_every_s=3600)
    train_only = {"settings": replace(SETTINGS, epochs=4), "machine": rarely, "statistics": statistics}
    for seconds, steps in ((3600, []), (0, [3, 6, 9])):
        saved.clear()
        monkeypatch.setattr(loop, "EPOCH_SAVES_S", seconds)
        pretrain(**arguments(store, tmp_path / str(seconds), **train_only))
        assert saved == [*steps, None]  # None: the outcome


def train_on_a_full_disk(run, number, message):
    """Train; from step ``number`` on no file may grow beyond 100 kB, and the error's message is written down."""
    at = number, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    training.at_step(*at)
    try:
        pretrain(**run)
    except UserError as error:
        message.write_text(str(error))


def test_a_disk_that_fills_up_leaves_the_last_checkpoint(store, labels, statistics, tmp_path):
    run = arguments(store, tmp_path / "run", statistics=statistics)
    assert training.status(training.start(train_on_a_full_disk, run, 5, tmp_path / "message")) == 0
    kept = training.unfinished(tmp_path / "run")
    message = (tmp_path / "message").read_text()
    assert message == f"cannot write {kept}: File too large. Check free space and permissions."
    assert list(kept.parent.iterdir()) == [kept]  # no half of a file
    assert checkpoint.load(kept)["state"]["step"] == 4
    resumed = train(store, labels, statistics, tmp_path / "run")
    assert same(resumed, train(store, labels, statistics, tmp_path / "whole"))


def test_too_little_memory_on_the_gpu_is_told_with_what_to_change(store, labels, statistics, tmp_path, monkeypatch):
    losses, contrast = iter(range(4)), loop.contrast

    def exhausted(*given):
        if next(losses, None) is None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 139 GiB.")
        return contrast(*given)

    monkeypatch.setattr(loop, "contrast", exhausted)
    with pytest.raises(UserError, match="cpu has not enough memory for a batch of 8 clips in float32") as error:
        train(store, labels, statistics, tmp_path)
    kept = training.unfinished(tmp_path)
    assert "(step 4). Lower pretraining.batch_size, set pretraining.precision to bfloat16" in str(error.value)
    assert f"The last good checkpoint is {kept}. (CUDA out of memory)" in str(error.value)
    assert checkpoint.load(kept)["state"]["step"] == 3


def test_an_epochs_speed_is_written_beside_what_it_learnt(store, labels, statistics, tmp_path):
    train(store, labels, statistics, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == OUTCOME
    metrics, timings = (
        [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in ("metrics", "timings")
    )
    assert [line["epoch"] for line in timings] == [line["epoch"] for line in metrics] == [0, 1, 2]
    for line in timings:
        assert line["clips_per_s"] == pytest.approx(24 / line["seconds"], rel=0.2)
        assert 0 <= line["waiting_share"] <= 1
    assert set(metrics[0]) == {"epoch", "step", "loss", "batch_accuracy"}  # the same bytes whatever the machine
    speed = json.loads((tmp_path / "run.json").read_text())["speed"]
    assert speed["seconds"] == pytest.approx(sum(line["seconds"] for line in timings), abs=0.01)


def test_the_gradient_is_clipped_on_request(store, labels, statistics, tmp_path, monkeypatch):
    norms, update = [], loop.Adam.step

    def measure(optimizer):
        update(optimizer)
        norms.append(float(torch.nn.utils.get_total_norm([p.grad for p in optimizer.parameters])))

    monkeypatch.setattr(loop.Adam, "step", measure)
    free = train(store, labels, statistics, tmp_path / "free")
    assert min(norms) > 0.01
    norms.clear()
    clipped = train(store, labels, statistics, tmp_path / "c", settings=replace(SETTINGS, clip_grad=0.01))
    assert norms == pytest.approx([0.01] * 9, rel=1e-3)
    assert not same(free, clipped)
    with pytest.raises(UserError, match="pretraining.clip_grad: 0 must be more than 0"):
        replace(SETTINGS, clip_grad=0)


def test_tensorboard_shows_every_step_and_epoch_where_it_is_installed(store, labels, statistics, tmp_path):
    said = []
    wanted = replace(MACHINE, tensorboard=True)
    with_events = train(store, labels, statistics, tmp_path / "a", machine=wanted, log=said.append)
    assert same(with_events, train(store, labels, statistics, tmp_path / "b"))
    if importlib.util.find_spec("tensorboard") is None:
        assert any("the package is not installed: no events" in line for line in said)
        return
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(tmp_path / "a/tensorboard"))
    found.Reload()
    assert [event.step for event in found.Scalars("loss/step")] == list(range(9))
    assert [event.step for event in found.Scalars("epoch/waiting_share")] == [3, 6, 9]
    metrics = [json.loads(line) for line in (tmp_path / "a/metrics.jsonl").read_text().splitlines()]
    shown = [event.value for event in found.Scalars("epoch/loss")]
    assert shown == pytest.approx([line["loss"] for line in metrics], rel=1e-6)


def train_without_a_compiler(run, lines):
    """Train with ``machine.compile`` where the compiler fails, and write the log down."""

    def backend(*_):
        raise RuntimeError("no working compiler")

    compile_by, said = torch.nn.Module.compile, []
    torch.nn.Module.compile = lambda module: compile_by(module, backend=backend)
    pretrain(**run | {"log": said.append})
    lines.write_text("\n".join(said))


def test_where_there_is_no_compiler_training_goes_on_without(store, labels, statistics, tmp_path):
    run = arguments(store, tmp_path / "run", machine=replace(MACHINE, compile=True), statistics=statistics)
    assert training.status(training.start(train_without_a_compiler, run, tmp_path / "lines")) == 0
    assert "torch.compile does not work here (" in (tmp_path / "lines").read_text()
    assert "no working compiler" in (tmp_path / "lines").read_text()
    assert same(weights(tmp_path / "run"), train(store, labels, statistics, tmp_path / "plain"))


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


def test_the_checkpoint_kept_from_a_loss_that_explodes_is_from_before_it_did(
    store, labels, statistics, tmp_path, monkeypatch
):
    # The weights that the update of step 3 leaves are broken; that shows in the loss of step 4.
    steps, update = iter(range(9)), loop.Adam.step

    def breaking(optimizer):
        update(optimizer)
        if next(steps) == 3:
            for parameter in optimizer.parameters:
                parameter.data.fill_(math.nan)

    monkeypatch.setattr(loop.Adam, "step", breaking)
    with pytest.raises(UserError, match="the loss is nan at step 4. .* The last good checkpoint is (.*)\\.") as error:
        train(store, labels, statistics, tmp_path)
    kept = checkpoint.load(str(error.value).split("checkpoint is ")[1].rstrip("."))
    assert kept["state"]["step"] == 3
    assert all(torch.isfinite(value).all() for value in kept["model"].values())
    monkeypatch.undo()  # and it can be gone on with
    assert same(train(store, labels, statistics, tmp_path), train(store, labels, statistics, tmp_path / "whole"))


def test_the_log_says_what_pairing_is_told(store, labels, statistics, tmp_path):
    settings, told = replace(SETTINGS, epochs=1), []
    near = [[store.clip_ids[clip - 1], store.clip_ids[clip - 2]] for clip in range(24)]
    for method, given in ((PRESETS["random"], labels), (METHODS["masked"], labels), (METHODS["near-hard"], near)):
        train(store, given, statistics, tmp_path / method.name, method, settings, log=told.append)
    assert told == [
        "random: 24 clips, 3 batches an epoch, 1 epochs, on cpu",
        "m: 24 clips of 4 pairing labels, 3 batches an epoch, 1 epochs, on cpu",
        "m: 24 clips with 2 neighbours each, 3 batches an epoch, 1 epochs, on cpu",
    ]
    with pytest.raises(UserError, match="m: its pairs are drawn from neighbours, and labels nearest are of classes"):
        train(store, labels, statistics, tmp_path / "x", METHODS["near-hard"], settings)


def test_each_gpus_part_of_a_batch_is_normalised_on_its_own(store, labels, statistics):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(labels, return_inverse=True)[1]
    settings = replace(SETTINGS, batch_norm_groups=4)
    batch = Batches(clips, numbers, PRESETS["random"], settings, 1).read(0, 0, np.arange(8))
    task = Task(settings, FEATURES, statistics, 0).train()
    embedded = task(batch.audio, batch.frames, batch.flips)
    task.batch_norm_groups = 1
    for begin in range(0, 8, 2):
        part = slice(begin, begin + 2)
        alone = task(batch.audio[part], batch.frames[part], batch.flips[part])
        torch.testing.assert_close([z[part] for z in embedded], list(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("key", ["schedule", "flip", "batch_order", "partner_time", "precision"])
def test_an_unknown_word_among_the_settings_is_refused(key):
    with pytest.raises(UserError, match=f"pretraining.{key}: 'sometimes' is unknown. Allowed are "):
        replace(SETTINGS, **{key: "sometimes"})


def test_the_papers_windows_enter_its_encoders_in_the_published_shapes():
    task = Task(PretrainSettings(), FeatureSettings(), {"mean": [0.0] * 128, "std": [1.0] * 128}, 0)
    assert task.audio_input(torch.zeros(2, 16000, dtype=torch.int16)).shape == (2, 1, 100, 128)
    frames = torch.zeros(2, 8, 112, 112, 3, dtype=torch.uint8)
    assert task.video_input(frames, torch.ones(2, 8, dtype=torch.bool)).shape == (2, 3, 8, 112, 112)
    assert PretrainSettings() == PretrainSettings("paper", 100, 309, 1e-4, 1e-5, "constant", 0.07, precision="float32")


def test_the_untrained_baseline_is_the_run_before_its_first_step(store, labels, statistics, tmp_path):
    write_untrained(SETTINGS, FEATURES, statistics, 4, tmp_path / "untrained.pt")
    start = load_task(checkpoint.load(tmp_path / "untrained.pt"))
    run = train(store, labels, statistics, tmp_path / "run", settings=replace(SETTINGS, learning_rate=1e-30), seed=4)
    initial = {
        name: value for name, value in start.model.state_dict().items() if "running" not in name and "num_" not in name
    }
    assert all(torch.allclose(value, run[name], atol=1e-12) for name, value in initial.items())


def test_cosine_falls_from_the_full_rate_to_zero():
    settings = replace(SETTINGS, schedule="cosine")
    rates = [learning_rate(settings, step, 100) for step in range(101)]
    assert rates[0] == settings.learning_rate
    assert rates[50] == pytest.approx(settings.learning_rate / 2)
    assert rates[100] == pytest.approx(0, abs=1e-12)
    assert rates == sorted(rates, reverse=True)


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="device 'cuda:63' was asked for"):
        pick("cuda:63")


def test_a_broken_checkpoint_is_named(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 half a checkpoint")
    with pytest.raises(UserError, match="checkpoint.pt is not a readable checkpoint"):
        checkpoint.load(tmp_path / "checkpoint.pt")
