"""The training loop of pretraining."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from avbench.config.pretraining import MachineSettings
from avbench.core.errors import UserError
from avbench.core.progress import Progress
from avbench.methods.losses import contrast
from avbench.models.embedder import Embedder
from avbench.pretraining.dynamics_recorder import DynamicsRecorder
from avbench.pretraining.momentum_queue import NoQueue, queue_of
from avbench.pretraining.window_batches import Batch, Batches, on_device
from avbench.training.batch_norm import synchronise_batch_norm
from avbench.training.optimizer import Adam
from avbench.training.resume import UnfinishedRun
from avbench.training.schedule import learning_rate
from avbench.training.telemetry import Events, StepClock, Timing

EPOCH_SAVES_S = 10.0
"""A run is saved at the end of an epoch if it was not in the last so many seconds: small models end five a second."""


class DivergedError(UserError):
    """The loss of a run is no longer finite, from ``step`` on."""

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


@dataclass
class TrainingState:
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

    @classmethod
    def from_mapping(cls, saved: Mapping[str, Any]) -> "TrainingState":
        """Read what ``asdict`` made of a state."""
        return cls(**{**saved, "timing": Timing(**saved["timing"])})

    def finish_step(self, loss: float, accuracy: float) -> None:
        """Enter a step of the present epoch."""
        self.step += 1
        self.loss += loss
        self.accuracy += accuracy

    def finish_epoch(self, epoch: int, steps: int) -> dict[str, Any]:
        """Enter the epoch that ends before ``step``, of so many steps, and begin the next; return its means and rates.

        The means are ``loss`` and ``batch_accuracy``, the rates those of `Timing`.
        """
        means = {"loss": self.loss / steps, "batch_accuracy": self.accuracy / steps}
        self.history.append({"epoch": epoch, "step": self.step, **means})
        rates = self.timing.rates()
        self.timings.append({"epoch": epoch, **self.timing.totals()})
        self.loss, self.accuracy, self.timing = 0.0, 0.0, Timing()
        return means | rates


def train(
    embedder: Embedder,
    batches: Batches,
    machine: MachineSettings,
    device: torch.device,
    unfinished: UnfinishedRun,
    output: Path,
    dynamics: DynamicsRecorder | None = None,
) -> tuple[TrainingState, dict[str, Any]]:
    """Train a model to the end, from its beginning or from what an interrupted job saved.

    Args:
        embedder: is changed, and brought to the device.
        batches: the batches of the whole run.
        machine, device: where and how fast to train.
        unfinished: keeps the run while it is under way.
        output: the run's folder, for messages and TensorBoard's events.
        dynamics: is shown the model before every step and after the last.

    Returns:
        How far the run has come, and how fast this job was.

    Raises:
        UserError, Stopped: as `pretrain`.
    """
    settings, world = batches.settings, batches.world
    # ------------------------------------------------------------------------------------------- model and optimiser
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")
    forward = prepare(embedder, batches, machine, autocast, device, unfinished.log)
    optimizer = Adam(embedder.trained(), settings.learning_rate, settings.weight_decay, settings.clip_grad)

    # -------------------------------------------------------------------------------------------------------- resume
    queue = queue_of(batches.method, embedder)
    state = resumed(unfinished, embedder, optimizer, queue)
    first_step = state.step

    # ------------------------------------------------------------------------------------------------------ the loop
    with (
        contextlib.closing(Events(machine.tensorboard and world.leads, output, first_step, unfinished.log)) as events,
        contextlib.closing(Progress(batches.steps, batches.method.name, "step", done=first_step)) as progress,
        contextlib.closing(on_device(batches.since(first_step, machine.loader_threads), device)) as upcoming,
    ):
        job, clock = Timing(), StepClock()
        for batch in embedder.seeded(clock.timed(upcoming), batches.seed):
            if dynamics:  # before the step's checkpoint, so that one that is gone on from has seen all before it
                with clock.paused():
                    dynamics.record(embedder, batch.step, device)
            epoch_ended = batch.step % batches.steps_per_epoch == 0 and batch.step > first_step
            stop = world.any(unfinished.stop_requested, device)
            save = world.leads and (stop or unfinished.due(EPOCH_SAVES_S if epoch_ended else None))
            buffers = kept_buffers(embedder.model) if save else {}
            optimizer.learning_rate = learning_rate(settings, batch.step, batches.steps)
            with out_of_memory_explained(batch, settings.precision, device, unfinished):
                with autocast:
                    audio, video = forward(*batch.inputs)
                audio, video = (world.gather(z.float(), batch.part, batch.clips) for z in (audio, video))
                keys = queue.keys(batch, autocast, world)
                loss, accuracy = contrast(audio, video, batch.labels, batches.method, settings.temperature, keys)
                if save:  # before the step, so that a checkpoint's weights are known to give a finite loss
                    finite_value(loss, batch.step, output, unfinished)
                    weights = {"model": embedder.model.state_dict() | buffers, "optimizer": optimizer.state_dict()}
                    unfinished.save(weights | {"state": asdict(state)} | queue.saved())
                if stop:
                    unfinished.stop(batch.step)
                optimizer.zero_grad()
                loss.backward()
            optimizer.step()
            queue.follow(embedder)
            value = finite_value(loss, batch.step, output, unfinished)
            clock.finish_step(batch.clips, job, state.timing)
            state.finish_step(value, float(accuracy))
            events.add("loss", {"step": value}, batch.step)
            if world.leads:
                progress.advance(partial("loss {:.3f}, {}".format, value, job))
            if state.step % batches.steps_per_epoch == 0:
                events.add("epoch", state.finish_epoch(batch.epoch, batches.steps_per_epoch), state.step)
    if dynamics:
        dynamics.record(embedder, state.step, device)
    return state, {**job.totals(), "device": str(device), "processes": world.size, "resumed_at_step": first_step}


def resumed(unfinished: UnfinishedRun, embedder: Embedder, optimizer: Adam, queue: NoQueue) -> TrainingState:
    """Take up what an interrupted job saved, if there is something; return how far the run has come."""
    saved = unfinished.load()
    if not saved:
        return TrainingState()
    embedder.model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    queue.load(saved)
    return TrainingState.from_mapping(saved["state"])


def kept_buffers(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return copies of a model's buffers, of those that its checkpoints keep: a step changes running statistics."""
    kept = model.state_dict()
    return {name: kept[name].clone() for name, _ in model.named_buffers() if name in kept}


def prepare(
    embedder: Embedder,
    batches: Batches,
    machine: MachineSettings,
    autocast: torch.autocast,
    device: torch.device,
    log: Callable[[str], None],
) -> torch.nn.Module:
    """Bring a model to its device, in training mode, for one process or several; compile it on request.

    Returns:
        What embeds a batch: the model, or what has the processes share its gradient.
    """
    world = batches.world
    if world.size > 1 and batches.settings.batch_norm_groups == 1:
        synchronise_batch_norm(embedder.model, device)
    if world.size > 1:
        embedder.batch_norm_groups = 1  # each group has a process of its own
    embedder.to(device).train()
    if machine.compile:
        compile_model(embedder, batches, autocast, device, log)
    return torch.nn.parallel.DistributedDataParallel(embedder, broadcast_buffers=False) if world.size > 1 else embedder


def finite_value(loss: torch.Tensor, step: int, output: Path, unfinished: UnfinishedRun) -> float:
    """Return a loss as a number.

    Raises:
        DivergedError: it is infinite or not a number.
    """
    value = float(loss.detach())
    if not math.isfinite(value):
        told = f"{output}: the loss is {value} at step {step}. Lower the learning rate. {unfinished.kept}"
        raise DivergedError(told, step)
    return value


@contextlib.contextmanager
def out_of_memory_explained(
    batch: Batch, precision: str, device: torch.device, unfinished: UnfinishedRun
) -> Iterator[None]:
    """Say what to change where a step does not fit into the GPU's memory.

    Raises:
        UserError: it does not.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"{device} has not enough memory for a batch of {batch.clips} clips in {precision} "
            f"(step {batch.step}). Lower pretraining.batch_size, set pretraining.precision to bfloat16, or "
            f"share each batch among several GPUs. {unfinished.kept} ({str(error).partition('. ')[0]})"
        ) from error


def compile_model(
    embedder: Embedder, batches: Batches, autocast: torch.autocast, device: torch.device, log: Callable[[str], None]
) -> None:
    """Have PyTorch compile the model; where it cannot, say so and train without.

    It is tried on the first batch, forward and backward, of which no trace is left.
    """
    batch = batches.read(0, 0, batches.epoch(0)[0])
    buffers = {name: buffer.clone() for name, buffer in embedder.model.named_buffers()}
    embedder.model.compile()
    try:
        with autocast:
            audio, video = embedder(*(tensor.to(device) for tensor in batch.inputs))
        (audio * video).sum().backward()
    except Exception as error:  # of a compiler that is missing or too old, among much else
        torch.compiler.set_stance("force_eager")
        reason = " ".join(str(error).partition("\n\n")[0].split()) or type(error).__name__
        log(f"torch.compile does not work here ({reason}); training without it")
    for name, buffer in embedder.model.named_buffers():
        buffer.copy_(buffers[name])
    embedder.zero_grad()
