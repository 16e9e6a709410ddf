"""Pretraining by audio-visual correspondence: one method, one subset, one seed.

Reads top to bottom: settings, set-up, the training loop, the outcome. Nothing is drawn from a stateful generator, so
a run that was interrupted goes on from its last checkpoint and ends, on a CPU, in the same bytes as an undisturbed one.
"""

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from avbench import checkpoint, rng
from avbench.errors import UserError
from avbench.features import FeatureSettings, LogMel, Standardise, flip, normalise_frames
from avbench.fileio import write_json, write_text
from avbench.loss import info_nce
from avbench.methods import Method
from avbench.models import build, group_sizes
from avbench.optimizer import Adam
from avbench.prefetch import prefetch
from avbench.progress import Progress
from avbench.provenance import stamp
from avbench.samplers import Positives, batches, require_batches
from avbench.settings import build as build_settings
from avbench.settings import differences
from avbench.stats import still_improving
from avbench.store import Store
from avbench.windows import Clips, start_s

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
    cpu_threads: int = 1  # fixed rather than taken from the machine: sums in another order give other bytes

    def __post_init__(self) -> None:
        """Check the words, since a misspelt one would act like the default.

        Raises:
            UserError: one is unknown.
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


@dataclass(frozen=True)
class MachineSettings:
    """Where and how fast to train: nothing that decides the outcome, so a change of it repeats no run."""

    device: str = "auto"  # or cpu, cuda, cuda:1
    loader_threads: int = 0  # threads that prepare batches ahead; 0 prepares them in line
    cache_mb: float = 0  # decoded clips kept in memory, in MB
    checkpoint_every_s: float = 120


def pick_device(name: str) -> torch.device:
    """Return the device asked for; ``auto`` is the first GPU if there is one.

    Raises:
        UserError: a GPU is asked for that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise UserError(
            f"device {name!r} was asked for, and this machine has {torch.cuda.device_count()} usable GPUs. "
            "Set device to auto or cpu."
        )
    return device


# ----------------------------------------------------------------------------------------------------------- batches


@dataclass
class Batch:
    """Model input as it leaves the store: int16 (n, samples) and uint8 (n, frames, height, width, 3)."""

    step: int
    epoch: int
    audio: torch.Tensor
    frames: torch.Tensor
    flips: torch.Tensor


class Batches:
    """The batches of a whole run, addressed by their step: the same for any number of workers and any restart."""

    def __init__(self, clips: Clips, labels: np.ndarray, method: Method, settings: PretrainSettings, seed: int) -> None:
        self.clips, self.method, self.settings, self.seed, self.labels = clips, method, settings, seed, labels
        # One clip of each class cannot fill a batch that is larger than the number of classes.
        classes = int(labels.max()) + 1
        self.batch_size = min(settings.batch_size, classes) if method.batch == "one-per-class" else settings.batch_size
        require_batches(method.batch, labels, self.batch_size, method.name)
        self.positives = Positives(labels, method.probability) if method.positive == "same-class" else None
        first = self.epoch(0)  # the others have as many batches, of the same sizes
        group_sizes(min(map(len, first)), settings.batch_norm_groups, method.name)  # refuses what is too small
        self.steps_per_epoch = len(first)
        self.steps = self.steps_per_epoch * settings.epochs

    def epoch(self, epoch: int) -> list[np.ndarray]:
        """Return the anchors of each batch of an epoch."""
        order = self.settings.batch_order if self.method.batch == "single-class" else "fresh"
        return batches(self.method.batch, self.labels, self.batch_size, self.seed, epoch, order)

    def read(self, step: int, epoch: int, anchors: np.ndarray) -> Batch:
        """Cut the audio of the anchors and the video of their positives, at the same time."""
        videos = self.videos(anchors, epoch)
        draws = rng.uniforms(self.seed, "window", epoch, anchors)
        duration_s = self.clips.duration_s[anchors]
        if self.settings.partner_time == "fits":
            duration_s = np.minimum(duration_s, self.clips.duration_s[videos])
        starts = start_s(self.clips.features, draws, duration_s)
        per_frame = np.arange(self.clips.frame_count) if self.settings.flip == "frame" else np.zeros(1, int)
        index = anchors[:, None] * len(per_frame) + per_frame
        flips = rng.uniforms(self.seed, "flip", epoch, index) < 0.5
        return Batch(
            step,
            epoch,
            torch.from_numpy(self.clips.audio(anchors, starts)),
            torch.from_numpy(self.clips.frames(videos, starts)),
            torch.from_numpy(flips if self.settings.flip == "frame" else flips[:, 0]),
        )

    def videos(self, anchors: np.ndarray, epoch: int) -> np.ndarray:
        """Return the clip whose video is each anchor's positive."""
        return anchors if self.positives is None else self.positives.draw(anchors, self.seed, epoch)

    def since(self, step: int, threads: int = 0) -> Iterator[Batch]:
        """Return the batches from ``step`` on, prepared ahead by so many threads; in line without any."""
        return prefetch(self.read, self._plan(step), threads)

    def _plan(self, step: int) -> Iterator[tuple[int, int, np.ndarray]]:
        for epoch in range(step // self.steps_per_epoch, self.settings.epochs):
            for place, anchors in enumerate(self.epoch(epoch)):
                number = epoch * self.steps_per_epoch + place
                if number >= step:
                    yield number, epoch, anchors


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


def pretrain(
    store: Store,
    clip_ids: Sequence[str],
    pairing_labels: Sequence[str],
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
) -> None:
    """Train one run and write ``checkpoint.pt``, ``metrics.jsonl`` and ``run.json`` into ``output``.

    Args:
        store: where the clips are.
        clip_ids: the pretraining subset.
        pairing_labels: a label for each of them, as the method may see it; ignored by methods without labels.
        statistics: ``mean`` and ``std`` of each mel band over the subset, lists of floats.
        method: how pairs are drawn.
        settings, features: how to train, and on what windows.
        seed: of everything: initial weights, batches, windows, flips, positives.
        output: the run's folder.
        identity: dataset, subset and labels of the run, kept with its outcome.
        machine: where and how fast to train.
        inputs: files whose digests go into the provenance stamp.
        log: receives one line at a time.

    Raises:
        UserError: the loss is no longer finite, the subset cannot serve the method, or the device is missing.
    """
    # --- set-up: everything that decides the outcome is in `identity`, so that a checkpoint of other settings shows
    torch.set_num_threads(settings.cpu_threads)
    device = pick_device(machine.device)
    classes, labels = np.unique(np.asarray(pairing_labels, dtype=str), return_inverse=True)
    everything = {
        **identity,
        "seed": seed,
        "method": asdict(method),
        "pretraining": asdict(settings),
        "features": asdict(features),
        "clips": len(clip_ids),
        "input": checkpoint.fingerprint(
            {"ids": list(clip_ids), "labels": list(map(str, pairing_labels)), **statistics}
        ),
    }
    clips = Clips(store, clip_ids, features, machine.cache_mb)
    schedule = Batches(clips, labels, method, settings, seed)
    task = Task(settings, features, statistics, seed).to(device)
    optimizer = Adam(task.model.parameters(), settings.learning_rate, settings.weight_decay)

    # --- resume: progress lives outside the declared outputs, which the workflow deletes before it starts a job
    work = output / "unfinished" / checkpoint.fingerprint(everything)
    report_leftovers(output / "unfinished", work, everything, log)
    progress_file = work / "checkpoint.pt"
    step, history, epoch_sum = 0, [], [0.0, 0.0]
    if progress_file.exists():
        state = checkpoint.load(progress_file)
        task.model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, history, epoch_sum = state["step"], state["history"], state["epoch_sum"]
        log(f"going on at step {step} of {schedule.steps}")

    def save_progress(buffers: dict[str, torch.Tensor]) -> None:
        state = {
            "model": task.model.state_dict() | buffers,
            "optimizer": optimizer.state_dict(),
            "settings": everything,
        }
        checkpoint.save(progress_file, state | {"step": step, "history": history, "epoch_sum": epoch_sum})

    # --- the loop
    log(
        f"{method.name}: {len(clip_ids)} clips of {len(classes)} pairing labels, {schedule.steps_per_epoch} batches an "
        f"epoch, {settings.epochs} epochs, on {device}"
    )
    progress = Progress(schedule.steps, method.name, "step", done=step)
    task.train()
    saved_at = began = time.monotonic()
    first_step, clips_seen, waited = step, 0, 0.0
    upcoming = schedule.since(step, machine.loader_threads)
    while True:
        asked = time.monotonic()
        batch = next(upcoming, None)
        waited += time.monotonic() - asked
        if batch is None:
            break
        optimizer.learning_rate = learning_rate(settings, batch.step, schedule.steps)
        save = time.monotonic() - saved_at >= machine.checkpoint_every_s
        buffers = {name: buffer.clone() for name, buffer in task.model.named_buffers()} if save else {}
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            audio, video = task(*(t.to(device, non_blocking=True) for t in (batch.audio, batch.frames, batch.flips)))
        loss, accuracy = info_nce(audio.float(), video.float(), settings.temperature)
        if save and math.isfinite(float(loss.detach())):  # so a checkpoint's weights are known to give a finite loss
            save_progress(buffers)
            saved_at = time.monotonic()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            kept = f"The last good checkpoint is {progress_file}." if progress_file.exists() else ""
            raise UserError(f"{output}: the loss is {value} at step {batch.step}. Lower the learning rate. {kept}")
        step = batch.step + 1
        clips_seen += len(batch.audio)
        epoch_sum = [epoch_sum[0] + value, epoch_sum[1] + float(accuracy)]
        progress.advance(lambda value=value: f"loss {value:.3f}")
        if step % schedule.steps_per_epoch == 0:
            mean_loss, mean_accuracy = (total / schedule.steps_per_epoch for total in epoch_sum)
            history.append({"epoch": batch.epoch, "step": step, "loss": mean_loss, "batch_accuracy": mean_accuracy})
            epoch_sum = [0.0, 0.0]
    progress.close()

    # --- the outcome
    seconds = time.monotonic() - began
    task.model.eval()
    state = {"model": task.model.state_dict(), "settings": everything, "statistics": dict(statistics)}
    checkpoint.save(output / "checkpoint.pt", state)
    write_text(output / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in history))
    last = history[-1] if history else {"loss": None, "batch_accuracy": None}
    outcome = {
        **{key: everything[key] for key in ("dataset", "subset", "labels", "seed")},
        "method": method.name,
        "steps": schedule.steps,
        "epochs": settings.epochs,
        "batch_size": max(map(len, schedule.epoch(0))),
        "final_loss": last["loss"],
        "final_batch_accuracy": last["batch_accuracy"],
        "still_improving": bool(still_improving(np.array([line["loss"] for line in history]))) if history else False,
    }
    speed = {
        "seconds": round(seconds, 3),
        "clips_per_s": round(clips_seen / seconds, 1) if step > first_step else None,
        "waiting_share": round(waited / seconds, 4),
        "device": str(device),
        "resumed_at_step": first_step,
    }
    write_json(
        output / "run.json",
        outcome | {"settings": everything, "machine": asdict(machine), "speed": speed, "provenance": stamp(inputs)},
    )
    shutil.rmtree(work, ignore_errors=True)
    if (output / "unfinished").is_dir() and not any((output / "unfinished").iterdir()):
        (output / "unfinished").rmdir()


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
