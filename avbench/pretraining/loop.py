"""The training loop of pretraining."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.core.errors import UserError
from avbench.core.files import remove_leftovers
from avbench.core.progress import Progress
from avbench.methods.losses import contrast
from avbench.models.embedder import Task
from avbench.pretraining.dynamics_recorder import Following
from avbench.pretraining.window_batches import Batches, on_device
from avbench.training import checkpoint
from avbench.training.batch_norm import synchronise_batch_norm
from avbench.training.optimizer import Adam
from avbench.training.resume import unfinished_file
from avbench.training.schedule import learning_rate
from avbench.training.signals import Stopped
from avbench.training.telemetry import Timing, open_tensorboard

EPOCH_SAVES_S = 10.0
"""A run is saved at the end of an epoch if it was not in the last so many seconds: small models end five a second."""


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
