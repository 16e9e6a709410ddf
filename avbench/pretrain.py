"""Pretraining by audio-visual correspondence: one method, one subset, one seed.

Reads top to bottom: settings, set-up, the training loop, the outcome. Nothing is drawn from a stateful generator, so
a run that was interrupted goes on from its last checkpoint and ends, on a CPU, in the same bytes as an undisturbed one.
"""

import contextlib
import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from avbench import checkpoint
from avbench.allocator import keep_freed_memory
from avbench.batches import Batches, on_device
from avbench.devices import pick
from avbench.distributed import join, synchronise_batch_norm
from avbench.errors import UserError
from avbench.features import FeatureSettings, LogMel, Standardise, flip, normalise_frames
from avbench.fileio import remove_leftovers, write_json, write_text
from avbench.following import Following
from avbench.loss import contrast
from avbench.methods import Method
from avbench.models import build
from avbench.optimizer import Adam
from avbench.pairing import numbered
from avbench.progress import Progress, Timing, open_tensorboard
from avbench.provenance import digests, stamp
from avbench.settings import build as build_settings
from avbench.settings import differences
from avbench.signals import Stopped, stop_requests
from avbench.stats import still_improving
from avbench.store import Store
from avbench.windows import Clips

if TYPE_CHECKING:
    from avbench.classifier import TrainingSettings

# ---------------------------------------------------------------------------------------------------------- settings


@dataclass(frozen=True)
class PretrainSettings:
    """How to train. Defaults are the paper's where it gives a value."""

    model: str = "paper"
    epochs: int = 100
    batch_size: int = 309
    learning_rate: float = 1e-4
    weight_decay: float = 1e-5
    schedule: str = "constant"  # or cosine: from learning_rate down to zero over the run
    temperature: float = 0.07
    flip: str = "clip"  # or frame: each frame for itself; or none
    batch_order: str = "fresh"  # of batches of one class; or fixed: every epoch is like the first
    batch_norm_groups: int = 1  # a batch is normalised in so many groups, as by GPUs that are not synchronised
    partner_time: str = "fits"  # windows lie inside anchor and partner; or anchor: inside the anchor alone
    precision: str = "float32"  # or bfloat16: autocast
    tf32: bool = False  # on GPUs, float32 is multiplied with ten bits of mantissa
    clip_grad: float | None = None  # the gradient is scaled down to this norm where it is longer
    cpu_threads: int = 1  # fixed rather than taken from the machine: sums in another order give other bytes

    def __post_init__(self) -> None:
        """Check the words, since a misspelt one would act like the default.

        Raises:
            UserError: one is unknown, or the norm is not positive.
        """
        choices = {
            "schedule": ("constant", "cosine"),
            "flip": ("clip", "frame", "none"),
            "batch_order": ("fresh", "fixed"),
            "partner_time": ("fits", "anchor"),
            "precision": ("float32", "bfloat16"),
        }
        for key, allowed in choices.items():
            if (value := getattr(self, key)) not in allowed:
                raise UserError(f"pretraining.{key}: {value!r} is unknown. Allowed are {', '.join(allowed)}.")
        if self.clip_grad is not None and self.clip_grad <= 0:
            raise UserError(f"pretraining.clip_grad: {self.clip_grad} must be more than 0; leave it out for no limit.")


@dataclass(frozen=True)
class MachineSettings:
    """Where and how fast to train: nothing that decides the outcome, so a change of it repeats no run.

    On another device, or compiled, the outcome is the same up to rounding.
    """

    device: str = "auto"  # or cpu, cuda, cuda:1
    loader_threads: int = 0  # threads that prepare batches ahead; 0 prepares them in line
    cache_mb: float | str = "auto"  # decoded clips kept in memory: all, if there is memory to spare; or so many MB
    checkpoint_every_s: float = 120  # and at the end of an epoch, see EPOCH_SAVES_S
    compile: bool = False  # by torch.compile, which takes a minute or so first: for GPUs and long runs
    tensorboard: bool = False  # write events into the run's folder


EPOCH_SAVES_S = 10.0
"""A run is saved at the end of an epoch if it was not in the last so many seconds: small models end five a second."""


# ---------------------------------------------------------------------------------------------------------- the model


class Task(torch.nn.Module):
    """The two encoders with what stands before them: log-mel, standardisation, flip, normalisation."""

    def __init__(
        self, settings: PretrainSettings, features: FeatureSettings, statistics: Mapping[str, Any], seed: int
    ) -> None:
        super().__init__()
        self.flip_mode, self.batch_norm_groups = settings.flip, settings.batch_norm_groups
        self.model = build(settings.model, seed)
        self.log_mel = LogMel(features)
        self.standardise = Standardise(np.array(statistics["mean"]), np.array(statistics["std"]))

    def audio_input(self, audio: torch.Tensor) -> torch.Tensor:
        """int16 (n, samples) → float32 (n, 1, time, mel)."""
        return self.standardise(self.log_mel(audio)).unsqueeze(1)

    def video_input(self, frames: torch.Tensor, flips: torch.Tensor | None = None) -> torch.Tensor:
        """uint8 (n, frames, height, width, 3) → float32 (n, 3, frames, height, width)."""
        if flips is not None and self.flip_mode != "none":
            frames = flip(frames, flips)
        return normalise_frames(frames)

    def forward(
        self, audio: torch.Tensor, frames: torch.Tensor, flips: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return L2-normalised embeddings of audio and video, float32 (n, 128) each."""
        return self.model(self.audio_input(audio), self.video_input(frames, flips), self.batch_norm_groups)


def load_task(state: Mapping[str, Any]) -> Task:
    """Rebuild a finished run's model from its checkpoint, in evaluation mode."""
    settings = build_settings(PretrainSettings, state["settings"]["pretraining"], "pretraining")
    features = build_settings(FeatureSettings, state["settings"]["features"], "features")
    task = Task(settings, features, state["statistics"], state["settings"]["seed"])
    task.model.load_state_dict(state["model"])
    return task.eval()


# ------------------------------------------------------------------------------------------------------- the training


@dataclass
class Reached:
    """How far a run has come: what a checkpoint of it keeps besides weights and moments.

    Attributes:
        step: the next one.
        history: one entry a finished epoch: what was learnt, the same for every run of the same settings.
        timings: one entry a finished epoch: how fast.
        loss, accuracy: sums over the steps of the present epoch.
        timing: of the present epoch.
    """

    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    timings: list[dict[str, Any]] = field(default_factory=list)
    loss: float = 0.0
    accuracy: float = 0.0
    timing: Timing = field(default_factory=Timing)

    def finish_epoch(self, epoch: int, steps: int) -> None:
        """Enter the epoch that ends before ``step``, of so many steps, and begin the next."""
        means = {"loss": self.loss / steps, "batch_accuracy": self.accuracy / steps}
        self.history.append({"epoch": epoch, "step": self.step, **means})
        self.timings.append({"epoch": epoch, "seconds": round(self.timing.seconds, 3), **self.timing.rates()})
        self.loss, self.accuracy, self.timing = 0.0, 0.0, Timing()


def pretrain(
    store: Store,
    clip_ids: Sequence[str],
    pairing_labels: Sequence[str] | Sequence[Sequence[str]],
    statistics: Mapping[str, Any],
    method: Method,
    settings: PretrainSettings,
    features: FeatureSettings,
    seed: int,
    output: Path,
    identity: Mapping[str, str],
    machine: MachineSettings = MachineSettings(),
    inputs: Sequence[Path] = (),
    log: Callable[[str], None] = print,
    follow: Sequence[str] = (),
) -> None:
    """Train one run and write ``checkpoint.pt``, ``metrics.jsonl``, ``timings.jsonl`` and ``run.json`` into ``output``.

    With clips to follow there is also ``dynamics.npz``, see `avbench.following`; training itself is the same.

    Started by ``python -m torch.distributed.run``, the processes share every batch; the first of them writes.

    Args:
        store: where the clips are.
        clip_ids: the pretraining subset.
        pairing_labels: a label, or k neighbours, for each of them, as the method may see it (see `read_pairing`);
            ignored by methods without labels.
        statistics: ``mean`` and ``std`` of each mel band over the subset, lists of floats.
        method: how pairs are drawn.
        settings, features: how to train, and on what windows.
        seed: of everything: initial weights, batches, windows, flips, positives.
        output: the run's folder.
        identity: dataset, subset and labels of the run, kept with its outcome.
        machine: where and how fast to train.
        inputs: files whose digests go into the provenance stamp.
        log: receives one line at a time.
        follow: clips of the same store to embed while the run goes on.

    Raises:
        UserError: the loss is no longer finite, the subset cannot serve the method, the device is missing or out of
            memory, or the disk is full.
        Stopped: SIGTERM or SIGUSR1 came; the run is saved, and the same call goes on with it.
    """
    keep_freed_memory()
    torch.set_num_threads(settings.cpu_threads)
    device = pick(machine.device)
    if device.type == "cuda":  # PyTorch's own default differs between convolutions and matrix products
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = settings.tf32
    known = numbered(clip_ids, pairing_labels, method)
    # Everything that decides the outcome, so that a checkpoint of other settings shows.
    everything = {
        **identity,
        "seed": seed,
        "method": asdict(method),
        "pretraining": asdict(settings),
        "features": asdict(features),
        "clips": len(clip_ids),
        "input": checkpoint.fingerprint({"ids": list(clip_ids), "known": known.tolist(), **statistics}),
    }
    if follow:
        everything["follow"] = checkpoint.fingerprint({"ids": list(follow)})
    clips = Clips(store, clip_ids, features, machine.cache_mb)
    with stop_requests() as requests, join(device) as world:
        log = log if world.leads else (lambda line: None)
        schedule = Batches(clips, known, method, settings, seed, world)
        told = {
            "none": "",
            "classes": f" of {known.max() + 1} pairing labels",
            "neighbours": f" with {known.shape[-1]} neighbours each",
        }
        log(
            f"{method.name}: {len(clip_ids)} clips{told[method.needs]}, {schedule.steps_per_epoch} batches an epoch, "
            f"{settings.epochs} epochs, on {device}" + (f" and {world.size - 1} more" if world.size > 1 else "")
        )
        file = unfinished_file(output, everything)
        following = None
        if follow and world.leads:
            following = Following(store, follow, features, settings.epochs, schedule.steps_per_epoch, file.parent)
        if world.leads:
            report_leftovers(output / "unfinished", file.parent, everything, log)
        task = Task(settings, features, statistics, seed)
        reached, speed = train(task, schedule, settings, machine, everything, device, output, requests, log, following)
        if world.leads:
            state = {"model": task.eval().model.state_dict(), "settings": everything, "statistics": dict(statistics)}
            checkpoint.save(output / "checkpoint.pt", state)
            if following:
                following.write(output / "dynamics.npz")
            write_outcome(output, schedule, reached, everything, machine, speed, inputs)
            shutil.rmtree(file.parent, ignore_errors=True)
            with contextlib.suppress(OSError):
                file.parent.parent.rmdir()  # unless runs of other settings are left in it


def unfinished_file(output: Path, everything: Mapping[str, Any]) -> Path:
    """Return where a run of these settings is saved while it is under way.

    It lives outside the declared outputs, which the workflow deletes before it starts a job.
    """
    return output / "unfinished" / checkpoint.fingerprint(everything) / "checkpoint.pt"


def train(
    task: Task,
    schedule: Batches,
    settings: PretrainSettings,
    machine: MachineSettings,
    everything: Mapping[str, Any],
    device: torch.device,
    output: Path,
    requests: Sequence[str],
    log: Callable[[str], None],
    following: Following | None = None,
) -> tuple[Reached, dict[str, Any]]:
    """Train a model to the end, from its beginning or from what an interrupted job saved.

    Args:
        task: the model; it is changed, and brought to the device.
        schedule: the batches of the whole run.
        settings, machine, device: how and where to train.
        everything: all that decides the outcome, kept with what is saved.
        output: the run's folder; what has been reached so far is kept in it.
        requests: once there is anything in it, the run is saved and stops.
        log: receives one line at a time.
        following: is shown the model before every step and after the last.

    Returns:
        What has been reached, and how fast this job was.

    Raises:
        UserError, Stopped: as `pretrain`.
    """
    # --- set-up
    world, reached, job = schedule.world, Reached(), Timing()
    file = unfinished_file(output, everything)
    if world.size > 1 and settings.batch_norm_groups == 1:
        synchronise_batch_norm(task.model, device)
    if world.size > 1:
        task.batch_norm_groups = 1  # each group has a process of its own
    task.to(device).train()
    optimizer = Adam(task.model.parameters(), settings.learning_rate, settings.weight_decay, settings.clip_grad)
    if file.exists():
        state = checkpoint.load(file)
        task.model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        reached = Reached(**state["reached"] | {"timing": Timing(**state["reached"]["timing"])})
        log(f"going on at step {reached.step} of {schedule.steps}")
    if world.leads:
        remove_leftovers(file)
    first_step = reached.step
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")
    if machine.compile:
        compile_model(task, schedule, autocast, device, log)
    forward = task
    if world.size > 1:
        forward = torch.nn.parallel.DistributedDataParallel(task, broadcast_buffers=False)
    events = None
    if machine.tensorboard and world.leads:
        events = open_tensorboard(output / "tensorboard", first_step, log)

    def save(buffers: dict[str, torch.Tensor]) -> None:
        state = {"model": task.model.state_dict() | buffers, "optimizer": optimizer.state_dict()}
        checkpoint.save(file, state | {"reached": asdict(reached), "settings": dict(everything)})

    def kept() -> str:
        return f"The last good checkpoint is {file}." if file.exists() else ""

    def require_finite(loss: float) -> None:
        if not math.isfinite(loss):
            raise UserError(f"{output}: the loss is {loss} at step {reached.step}. Lower the learning rate. {kept()}")

    # --- the loop
    with (
        contextlib.closing(Progress(schedule.steps, schedule.method.name, "step", done=first_step)) as progress,
        contextlib.closing(on_device(schedule.since(first_step, machine.loader_threads), device)) as upcoming,
    ):
        saved_at = stepped_at = time.monotonic()
        while True:
            asked_at = time.monotonic()
            batch = next(upcoming, None)
            if batch is None:
                break
            ready_at = time.monotonic()
            if following:  # before the step's checkpoint, so that one that is gone on from has seen all before it
                following.look(task, batch.step, device)
                looked_s = time.monotonic() - ready_at
                ready_at, asked_at, stepped_at = (moment + looked_s for moment in (ready_at, asked_at, stepped_at))
            optimizer.learning_rate = learning_rate(settings, batch.step, schedule.steps)
            ends = batch.step % schedule.steps_per_epoch == 0 and batch.step > first_step
            limit = min(EPOCH_SAVES_S, machine.checkpoint_every_s) if ends else machine.checkpoint_every_s
            stop = world.any(bool(requests), device)
            save_now = world.leads and (stop or ready_at - saved_at >= limit)
            buffers = {name: buffer.clone() for name, buffer in task.model.named_buffers()} if save_now else {}
            try:
                with autocast:
                    audio, video = forward(*batch.inputs)
                audio, video = (world.gather(z.float(), batch.part, batch.clips) for z in (audio, video))
                loss, accuracy = contrast(audio, video, batch.labels, schedule.method, settings.temperature)
                if save_now:  # before the step, so that a checkpoint's weights are known to give a finite loss
                    require_finite(float(loss.detach()))
                    save(buffers)
                    saved_at = time.monotonic()
                if stop:
                    log(
                        f"stopped by {' and '.join(requests) or 'a signal'} and saved at step {batch.step} of "
                        f"{schedule.steps}, in {file}; the same command goes on from there"
                    )
                    raise Stopped
                optimizer.zero_grad()
                loss.backward()
            except torch.OutOfMemoryError as error:
                raise UserError(
                    f"{device} has not enough memory for a batch of {batch.clips} clips in {settings.precision} "
                    f"(step {batch.step}). Lower pretraining.batch_size, set pretraining.precision to bfloat16, or "
                    f"share each batch among several GPUs. {kept()} ({str(error).partition('. ')[0]})"
                ) from error
            optimizer.step()
            value = float(loss.detach())
            require_finite(value)
            now = time.monotonic()
            for timing in (job, reached.timing):
                timing.add(now - stepped_at, ready_at - asked_at, batch.clips)
            stepped_at = now
            reached.step = batch.step + 1
            reached.loss += value
            reached.accuracy += float(accuracy)
            if events:
                events.add_scalar("loss/step", value, batch.step)
            if world.leads:
                progress.advance(lambda value=value: f"loss {value:.3f}, {job}")
            if reached.step % schedule.steps_per_epoch == 0:
                reached.finish_epoch(batch.epoch, schedule.steps_per_epoch)
                if events:
                    ended = reached.history[-1] | reached.timings[-1]
                    for name in ("loss", "batch_accuracy", "clips_per_s", "waiting_share"):
                        events.add_scalar(f"epoch/{name}", ended[name], reached.step)
    if following:
        following.look(task, reached.step, device)
    if events:
        events.close()
    speed = {"seconds": round(job.seconds, 3), **job.rates(), "device": str(device), "processes": world.size}
    return reached, speed | {"resumed_at_step": first_step}


def compile_model(
    task: Task, schedule: Batches, autocast: torch.autocast, device: torch.device, log: Callable[[str], None]
) -> None:
    """Have PyTorch compile the model; where it cannot, say so and train without.

    It is tried on the first batch, forward and backward, of which no trace is left.
    """
    batch = schedule.read(0, 0, schedule.epoch(0)[0])
    buffers = {name: buffer.clone() for name, buffer in task.model.named_buffers()}
    task.model.compile()
    try:
        with autocast:
            audio, video = task(*(tensor.to(device) for tensor in batch.inputs))
        (audio * video).sum().backward()
    except Exception as error:  # of a compiler that is missing or too old, among much else
        torch.compiler.set_stance("force_eager")
        reason = " ".join(str(error).partition("\n\n")[0].split()) or type(error).__name__
        log(f"torch.compile does not work here ({reason}); training without it")
    for name, buffer in task.model.named_buffers():
        buffer.copy_(buffers[name])
    task.zero_grad()


def write_outcome(
    output: Path,
    schedule: Batches,
    reached: Reached,
    everything: Mapping[str, Any],
    machine: MachineSettings,
    speed: Mapping[str, Any],
    inputs: Sequence[Path],
) -> None:
    """Write ``metrics.jsonl``, ``timings.jsonl`` and ``run.json`` of a finished run."""
    for name, lines in (("metrics", reached.history), ("timings", reached.timings)):
        write_text(output / f"{name}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    history = reached.history
    last = history[-1] if history else {"loss": None, "batch_accuracy": None}
    outcome = {
        **{key: everything[key] for key in ("dataset", "subset", "labels", "seed")},
        "method": schedule.method.name,
        "steps": schedule.steps,
        "epochs": schedule.settings.epochs,
        "batch_size": max(map(len, schedule.epoch(0))),
        "final_loss": last["loss"],
        "final_batch_accuracy": last["batch_accuracy"],
        "still_improving": bool(still_improving(np.array([line["loss"] for line in history]))) if history else False,
    }
    described = {"settings": everything, "machine": asdict(machine), "speed": speed, "provenance": stamp(inputs)}
    made = {"outputs": digests([output / "checkpoint.pt"])}
    write_json(output / "run.json", outcome | made | described)


def write_untrained(
    settings: PretrainSettings,
    features: FeatureSettings,
    statistics: Mapping[str, Any],
    seed: int,
    output: Path,
) -> None:
    """Write the checkpoint of a model with its initial weights: the same as a run's before its first step."""
    described = {"pretraining": asdict(settings), "features": asdict(features), "seed": seed}
    task = Task(settings, features, statistics, seed)
    checkpoint.save(output, {"model": task.model.state_dict(), "settings": described, "statistics": dict(statistics)})


def learning_rate(settings: "PretrainSettings | TrainingSettings", step: int, steps: int) -> float:
    """Return the learning rate of a step: constant, or half a cosine from the full rate to zero."""
    if settings.schedule == "constant":
        return settings.learning_rate
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))


def report_leftovers(unfinished: Path, work: Path, settings: Mapping[str, Any], log: Callable[[str], None]) -> None:
    """Say what an interrupted run of other settings left here; it is kept, and not gone on with."""
    for other in sorted(unfinished.glob("*/checkpoint.pt")):
        if other.parent != work:
            changed = "; ".join(differences(checkpoint.load(other)["settings"], settings))
            log(f"not resuming {other}, which is of other settings ({changed}). Delete it when it is of no use.")
