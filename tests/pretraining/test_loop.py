"""The training loop: exact resumption, what is kept when something goes wrong, and what a run says of itself."""

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

from avbench.config.methods import PRESETS, Method
from avbench.config.paper_switches import PRESETS as PROTOCOLS
from avbench.core.errors import UserError
from avbench.pretraining import loop
from avbench.pretraining.run import pretrain
from avbench.training import checkpoint
from tests.support import training
from tests.support.training import (
    CLASSES,
    CLIPS,
    MACHINE,
    SETTINGS,
    arguments,
    pairing_labels,
    same,
    weights,
    write_labels,
    write_store,
)
from tests.support.training import trained_weights as train

OUTCOME = ["checkpoint.pt", "metrics.jsonl", "run.json", "timings.jsonl"]


PUBLISHED = PROTOCOLS["published"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


METHODS = {
    "soft-positive": PRESETS["soft-positive"],
    "hard-negative": PRESETS["hard-negative"],
    "mixed-supcon": Method("m", "same-class", [0.2, 0.9], "mixed", "true", "supcon", clips_per_class=2),
    "near-hard": Method("m", "neighbour", [0.9, 0.1], labels="nearest", loss="hard"),
    "masked": Method("m", labels="true", loss="masked"),
    "queue": Method("m", loss="queue", queue_size=20, key_momentum=0.8),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_run_under_the_published_protocol_goes_on_to_the_same_bytes(store, tmp_path, monkeypatch, name):
    method = METHODS[name]
    settings = replace(SETTINGS, **PUBLISHED.pretraining() | {"batch_norm_groups": 3})
    labels = pairing_labels(store)
    if method.needs == "neighbours":
        labels = [[store.clip_ids[(clip + step) % 24] for step in (1, 4, 8)] for clip in range(24)]
    labels = write_labels(tmp_path / "labels.csv", store.clip_ids, labels)
    undisturbed = train(store, tmp_path / "a", method, settings, labels=labels)
    losses, contrast = iter(range(7)), loop.contrast
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(loop, "contrast", lambda *args: (next(losses), contrast(*args))[1])
        train(store, tmp_path / "b", method, settings, labels=labels)
    said = []
    resumed = train(store, tmp_path / "b", method, settings, log=said.append, labels=labels)
    assert same(resumed, undisturbed)
    assert said[1].startswith("going on at step 6 of")
    assert not same(train(store, tmp_path / "c", method, labels=labels), undisturbed)


def test_the_loss_starts_near_ln_of_the_batch_and_falls(store, tmp_path):
    train(store, tmp_path, settings=replace(SETTINGS, epochs=15))
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


def test_a_run_killed_at_ten_random_steps_ends_in_the_same_bytes(store, tmp_path):
    settings = replace(SETTINGS, epochs=25)
    machine = replace(MACHINE, loader_threads=1)
    run = arguments(store, tmp_path / "killed", "soft-positive-50", settings, 3, machine)
    random = np.random.default_rng(0)
    places = random.permutation(["loss", "update", "writing", "written"] * 3)[:10]
    for step, place in zip(sorted(random.choice(75, 10, replace=False)), places, strict=True):
        assert training.status(training.start(train_until_killed, run, step, place)) == -signal.SIGKILL
        assert not (tmp_path / "killed/checkpoint.pt").exists()
    said = []
    resumed = train(store, run["job"].outputs[0], "soft-positive-50", settings, 3, machine, said.append)
    assert any("going on at step" in line for line in said)
    undisturbed = train(store, tmp_path / "undisturbed", "soft-positive-50", settings, seed=3)
    assert same(resumed, undisturbed)
    metrics = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("killed", "undisturbed")]
    assert metrics[0] == metrics[1]
    assert sorted(path.name for path in run["job"].outputs[0].iterdir()) == OUTCOME


def test_a_run_is_saved_at_the_end_of_an_epoch_when_it_has_not_been_for_a_while(store, tmp_path, monkeypatch):
    saved, save = [], checkpoint.save

    def noting(path, state):
        saved.append(state.get("state", {}).get("step"))
        save(path, state)

    monkeypatch.setattr(checkpoint, "save", noting)
    rarely = replace(MACHINE, checkpoint_every_s=3600)
    train_only = {"settings": replace(SETTINGS, epochs=4), "machine": rarely}
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


def test_a_disk_that_fills_up_leaves_the_last_checkpoint(store, tmp_path):
    run = arguments(store, tmp_path / "run")
    assert training.status(training.start(train_on_a_full_disk, run, 5, tmp_path / "message")) == 0
    kept = training.unfinished(tmp_path / "run")
    message = (tmp_path / "message").read_text()
    assert message == f"cannot write {kept}: File too large. Check free space and permissions."
    assert list(kept.parent.iterdir()) == [kept]  # no half of a file
    assert checkpoint.load(kept)["state"]["step"] == 4
    resumed = train(store, tmp_path / "run")
    assert same(resumed, train(store, tmp_path / "whole"))


def test_too_little_memory_on_the_gpu_is_told_with_what_to_change(store, tmp_path, monkeypatch):
    losses, contrast = iter(range(4)), loop.contrast

    def exhausted(*given):
        if next(losses, None) is None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 139 GiB.")
        return contrast(*given)

    monkeypatch.setattr(loop, "contrast", exhausted)
    with pytest.raises(UserError, match="cpu has not enough memory for a batch of 8 clips in float32") as error:
        train(store, tmp_path)
    kept = training.unfinished(tmp_path)
    assert "(step 4). Lower pretraining.batch_size, set pretraining.precision to bfloat16" in str(error.value)
    assert f"The last good checkpoint is {kept}. (CUDA out of memory)" in str(error.value)
    assert checkpoint.load(kept)["state"]["step"] == 3


def test_an_epochs_speed_is_written_beside_what_it_learnt(store, tmp_path):
    train(store, tmp_path)
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


def test_the_gradient_is_clipped_on_request(store, tmp_path, monkeypatch):
    norms, update = [], loop.Adam.step

    def measure(optimizer):
        update(optimizer)
        norms.append(float(torch.nn.utils.get_total_norm([p.grad for p in optimizer.parameters])))

    monkeypatch.setattr(loop.Adam, "step", measure)
    free = train(store, tmp_path / "free")
    assert min(norms) > 0.01
    norms.clear()
    clipped = train(store, tmp_path / "c", settings=replace(SETTINGS, clip_grad=0.01))
    assert norms == pytest.approx([0.01] * 9, rel=1e-3)
    assert not same(free, clipped)
    with pytest.raises(UserError, match="pretraining.clip_grad: 0 is not allowed; it must be a number above 0"):
        replace(SETTINGS, clip_grad=0)


def test_tensorboard_shows_every_step_and_epoch_where_it_is_installed(store, tmp_path):
    said = []
    wanted = replace(MACHINE, tensorboard=True)
    with_events = train(store, tmp_path / "a", machine=wanted, log=said.append)
    assert same(with_events, train(store, tmp_path / "b"))
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


def test_where_there_is_no_compiler_training_goes_on_without(store, tmp_path):
    run = arguments(store, tmp_path / "run", machine=replace(MACHINE, compile=True))
    assert training.status(training.start(train_without_a_compiler, run, tmp_path / "lines")) == 0
    assert "torch.compile does not work here (" in (tmp_path / "lines").read_text()
    assert "no working compiler" in (tmp_path / "lines").read_text()
    assert same(weights(tmp_path / "run"), train(store, tmp_path / "plain"))


def test_a_loss_that_explodes_stops_the_run(store, tmp_path):
    with pytest.raises(UserError, match=r"the loss is nan at step \d+. Lower the learning rate. The last good"):
        train(store, tmp_path, settings=replace(SETTINGS, learning_rate=1e30, epochs=20))
    assert not (tmp_path / "checkpoint.pt").exists()


def test_the_checkpoint_kept_from_a_loss_that_explodes_is_from_before_it_did(store, tmp_path, monkeypatch):
    # The weights that the update of step 3 leaves are broken; that shows in the loss of step 4.
    steps, update = iter(range(9)), loop.Adam.step

    def breaking(optimizer):
        update(optimizer)
        if next(steps) == 3:
            for parameter in optimizer.parameters:
                parameter.data.fill_(math.nan)

    monkeypatch.setattr(loop.Adam, "step", breaking)
    with pytest.raises(UserError, match="the loss is nan at step 4. .* The last good checkpoint is (.*)\\.") as error:
        train(store, tmp_path)
    kept = checkpoint.load(str(error.value).split("checkpoint is ")[1].rstrip("."))
    assert kept["state"]["step"] == 3
    assert all(torch.isfinite(value).all() for value in kept["model"].values())
    monkeypatch.undo()  # and it can be gone on with
    assert same(train(store, tmp_path), train(store, tmp_path / "whole"))
