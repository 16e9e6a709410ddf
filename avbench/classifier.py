"""An encoder with a linear classifier, trained by gradient on a task's labels: linear-sgd, finetune and supervised.

The three differ in the encoder's initial weights and in whether it is trained. As in pretraining every draw is a
function of the seed, so that interrupted work goes on from the last step that was saved as if nothing had happened.
"""

import contextlib
import copy
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from avbench import checkpoint, predictions, rng
from avbench.allocator import keep_freed_memory
from avbench.devices import pick
from avbench.embed import encode, load_for_task
from avbench.errors import UserError
from avbench.features import FeatureSettings
from avbench.fileio import read_json, remove_leftovers, write_json
from avbench.hashing import file_digest
from avbench.metrics import mean_average_precision
from avbench.optimizer import Adam
from avbench.prefetch import prefetch
from avbench.pretrain import MachineSettings, PretrainSettings, Task, learning_rate
from avbench.progress import Progress
from avbench.protocol import Protocol
from avbench.samplers import batches
from avbench.signals import Stopped, stop_requests
from avbench.statistics import subset_statistics
from avbench.store import Store
from avbench.tasks import TaskSettings, open_store, task_clips, task_features, test_coverage
from avbench.windows import Clips, start_s

# ---------------------------------------------------------------------------------------------------------- settings


@dataclass(frozen=True)
class TrainingSettings:
    """How to train a classifier; defaults are the paper's, but for ``validations``."""

    model: str = "paper"  # of the supervised baseline; a pretrained run brings its own
    flip: str = "clip"  # likewise
    epochs: int = 99
    batch_size: int = 64
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    dropout: float = 0.5
    schedule: str = "constant"  # or cosine
    validations: int = 10  # looks at the validation clips, spread over the run; at most one an epoch (99 in the paper)
    modalities: tuple[str, ...] = ("audio", "video")  # of those that a task has
    cpu_threads: int = 1


@dataclass(frozen=True)
class Fit:
    """What is trained of an encoder.

    Attributes:
        encoder: whether its weights are trained.
        batch_statistics: whether its batch norm normalises by the batch, and keeps running statistics, in training.
    """

    encoder: bool
    batch_statistics: bool

    @property
    def fixed(self) -> bool:
        """Whether the encoder never changes."""
        return not self.encoder and not self.batch_statistics


def fit_of(name: str, protocol: Protocol) -> Fit:
    """Return what a protocol trains.

    Raises:
        UserError: there is no such protocol.
    """
    if name == "linear-sgd":
        return Fit(encoder=False, batch_statistics=protocol.train_mode_probe)
    if name in ("finetune", "supervised"):
        return Fit(encoder=True, batch_statistics=True)
    raise UserError(f"evaluation: {name!r} trains no classifier. Those that do: linear-sgd, finetune, supervised.")


# ----------------------------------------------------------------------------------------------------------- batches


@dataclass
class Batch:
    """Windows as they leave the store; ``flips`` is None for sound."""

    step: int
    epoch: int
    anchors: np.ndarray
    windows: torch.Tensor
    flips: torch.Tensor | None


class Windows:
    """The batches of a whole training run: random windows of the training clips, in random order."""

    def __init__(self, clips: Clips, modality: str, flip: str, settings: TrainingSettings, seed: int) -> None:
        self.clips, self.modality, self.flip, self.seed = clips, modality, flip, seed
        self.epochs, self.batch_size = settings.epochs, min(settings.batch_size, len(clips))
        self.steps_per_epoch = len(self.epoch(0))
        self.steps = self.epochs * self.steps_per_epoch

    def epoch(self, epoch: int) -> list[np.ndarray]:
        """Return the clips of each batch of an epoch; less than a batch sits out."""
        return batches("shuffled", np.zeros(len(self.clips), int), self.batch_size, self.seed, epoch)

    def plan(self, first: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield step, epoch and clips of every batch from a step on."""
        for epoch in range(first // self.steps_per_epoch, self.epochs):
            for place, anchors in enumerate(self.epoch(epoch)):
                step = epoch * self.steps_per_epoch + place
                if step >= first:
                    yield step, epoch, anchors

    def read(self, step: int, epoch: int, anchors: np.ndarray) -> Batch:
        """Cut a batch; windows and flips are drawn as in pretraining."""
        draws = rng.uniforms(self.seed, "window", epoch, anchors)
        starts = start_s(self.clips.features, draws, self.clips.duration_s[anchors])
        if self.modality == "audio":
            return Batch(step, epoch, anchors, torch.from_numpy(self.clips.audio(anchors, starts)), None)
        count = self.clips.frame_count if self.flip == "frame" else 1
        flips = rng.uniforms(self.seed, "flip", epoch, anchors[:, None] * count + np.arange(count)) < 0.5
        flips = torch.from_numpy(flips if self.flip == "frame" else flips[:, 0])
        return Batch(step, epoch, anchors, torch.from_numpy(self.clips.frames(anchors, starts)), flips)


# ---------------------------------------------------------------------------------------------------------- training


STOP_CLIPS = 512
"""So many whole clips are classified between two looks at whether the job was asked to stop: seconds on a GPU."""


@dataclass
class Reached:
    """How far a training has come: what is saved of it besides weights and moments.

    Attributes:
        step: the next one.
        validated: after so many epochs the validation clips were last looked at.
        loss, epoch, weights: the lowest validation loss, after how many epochs it was reached, and with what.
    """

    step: int
    validated: int
    loss: float
    epoch: int
    weights: dict[str, torch.Tensor]


def train(
    model: Task,
    modality: str,
    fit: Fit,
    store: Store,
    clips: pd.DataFrame,
    features: FeatureSettings,
    settings: TrainingSettings,
    seed: int,
    unfinished: Path,
    name: str,
    machine: MachineSettings,
    requests: Sequence[str] = (),
) -> tuple[pd.DataFrame, float]:
    """Train on windows, keep the weights with the lowest validation loss on whole clips, test them once.

    Whole clips are always classified in evaluation mode. Training clips that are shorter than a window are repeated.

    Args:
        model: holds the encoder; it is changed.
        modality: which encoder.
        fit: what is trained of it.
        store: where the clips are.
        clips: columns clip_id, label (true) and split.
        features: the windows.
        settings: how to train.
        seed: of the classifier's initial weights, batches, windows, flips and dropout.
        unfinished: a file for what has been reached so far; gone on with if it is there.
        name: what is trained, for the reader of the log.
        machine: where and how fast.
        requests: once there is anything in it, what has been reached is saved and the training stops.

    Returns:
        One row a test clip: clip_id, label, prediction (text) and correct (1.0 or 0.0). And the mean average precision
        of ranking them by the probabilities of the classes.

    Raises:
        UserError: the loss is no longer finite, or the device is missing.
        Stopped: SIGTERM or SIGUSR1 came; the same call goes on from there.
    """
    # --- set-up
    device = pick(machine.device)
    classes, labels = np.unique(clips["label"].to_numpy(dtype=str), return_inverse=True)
    ids = {split: list(clips["clip_id"][clips["split"] == split]) for split in ("train", "validation", "test")}
    target = {split: torch.from_numpy(labels[(clips["split"] == split).to_numpy()]).to(device) for split in ids}
    training = Clips(store, ids["train"], features, machine.cache_mb, short="repeat")
    windows = Windows(training, modality, model.flip_mode, settings, seed)
    validate_every = max(1, settings.epochs // settings.validations)
    model.to(device).eval()
    encoder = getattr(model.model, modality)
    net = nn.ModuleDict({"encoder": encoder, "head": new_head(encoder.features, len(classes), seed).to(device)})
    trained = net if fit.encoder else net["head"]
    optimizer = Adam(trained.parameters(), settings.learning_rate, settings.weight_decay)
    whole: dict[str, torch.Tensor] = {}

    # --- resume
    reached = Reached(0, 0, math.inf, 0, copy.deepcopy(net.state_dict()))
    if unfinished.exists():
        state = checkpoint.load(unfinished)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        reached = Reached(**state["reached"])
        print(f"{name}: going on at step {reached.step} of {windows.steps}")
    remove_leftovers(unfinished)

    def save() -> None:
        state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "reached": vars(reached)}
        checkpoint.save(unfinished, state)

    def stop_if_asked() -> None:
        if requests:
            save()
            print(
                f"{name}: stopped by {' and '.join(requests)} and saved at step {reached.step} of {windows.steps}, in "
                f"{unfinished}; the same command goes on from there"
            )
            raise Stopped

    def logits(split: str) -> torch.Tensor:
        """Classify whole clips; the features of an encoder that never changes are kept."""
        encoder.eval()
        if split not in whole or not fit.fixed:
            parts = []
            for begin in range(0, len(ids[split]), STOP_CLIPS):
                stop_if_asked()
                parts += encode([model], store, ids[split][begin : begin + STOP_CLIPS], modality, device)
            whole[split] = torch.from_numpy(np.concatenate(parts)).to(device)
        with torch.no_grad():
            return net["head"](whole[split])

    def validate_if_due() -> None:
        epochs, within = divmod(reached.step, windows.steps_per_epoch)
        due = epochs > 0 and (epochs % validate_every == 0 or epochs == settings.epochs)
        if within or not due or epochs == reached.validated:
            return
        loss = float(F.cross_entropy(logits("validation"), target["validation"]))
        reached.validated = epochs
        if loss < reached.loss:
            reached.loss, reached.epoch, reached.weights = loss, epochs, copy.deepcopy(net.state_dict())

    # --- the loop
    saved_at = time.monotonic()
    with (
        contextlib.closing(Progress(windows.steps, name, "step", done=reached.step)) as progress,
        contextlib.closing(prefetch(windows.read, windows.plan(reached.step), machine.loader_threads)) as upcoming,
    ):
        for batch in upcoming:
            validate_if_due()
            stop_if_asked()
            if time.monotonic() - saved_at >= machine.checkpoint_every_s:
                save()
                saved_at = time.monotonic()
            optimizer.learning_rate = learning_rate(settings, batch.step, windows.steps)
            encoder.train(fit.batch_statistics)
            with torch.set_grad_enabled(fit.encoder):
                pooled = encoder(model_input(model, batch, device))
            draws = rng.generator(seed, "dropout", batch.step).random(tuple(pooled.shape))
            kept = torch.from_numpy(draws >= settings.dropout).to(device, pooled.dtype)
            found = net["head"](pooled * kept / (1 - settings.dropout))
            loss = F.cross_entropy(found, target["train"][torch.from_numpy(batch.anchors).to(device)])
            if not math.isfinite(value := float(loss.detach())):
                raise UserError(f"{name}: the loss is {value} at step {batch.step}. Lower the learning rate.")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            reached.step = batch.step + 1
            progress.advance(lambda: f"best validation loss {reached.loss:.3f}")
    validate_if_due()

    # --- the outcome
    net.load_state_dict(reached.weights)
    scores = F.log_softmax(logits("test").double(), 1).cpu().numpy()
    found = classes[scores.argmax(1)]
    truth = classes[target["test"].cpu().numpy()]
    correct = (found == truth).astype(np.float64)
    print(f"{name}: test {correct.mean():.4f}; the validation loss was lowest after epoch {reached.epoch}")
    table = pd.DataFrame({"clip_id": ids["test"], "label": truth, "prediction": found, "correct": correct})
    return table, mean_average_precision(scores, classes, truth)


def new_head(width: int, classes: int, seed: int) -> nn.Linear:
    """Return a linear layer with PyTorch's default initialisation; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        return nn.Linear(width, classes)


def model_input(model: Task, batch: Batch, device: torch.device) -> torch.Tensor:
    """Turn windows into the encoder's input."""
    windows = batch.windows.to(device)
    if batch.flips is None:
        return model.audio_input(windows)
    return model.video_input(windows, batch.flips.to(device))


# -------------------------------------------------------------------------------------------------------------- jobs


@dataclass(frozen=True)
class Finished:
    """What a score file is made of, and the folders that keep it until all of a job is finished."""

    output: Path
    identity: Mapping[str, Any]
    parts: list[pd.DataFrame] = field(default_factory=list)
    n_train: dict[str, int] = field(default_factory=dict)
    coverage: dict[str, float] = field(default_factory=dict)
    precision: dict[tuple[str, str, str], float] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)


def write(jobs: Sequence[Finished]) -> None:
    """Write scores and predictions, and remove what was kept to go on with; what other settings left stays."""
    for job in jobs:
        table = pd.concat(job.parts, ignore_index=True)
        predictions.write_scores(job.output, table, job.identity, job.n_train, job.coverage, job.precision)
    for folder in (folder for job in jobs for folder in job.folders):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def train_parts(
    output: Path,
    name: str,
    tasks: Sequence[TaskSettings],
    data: Path,
    subset: Mapping[str, Sequence[str]] | None,
    protocol: Protocol,
    settings: TrainingSettings,
    features: FeatureSettings,
    load: Callable[[TaskSettings, Store, Sequence[str]], Task],
    origin: Mapping[str, Any],
    identity: Mapping[str, Any],
    machine: MachineSettings,
    requests: Sequence[str],
) -> Finished:
    """Train a classifier for every task and modality.

    Each has a folder of its own in ``unfinished`` beside the score file: for a checkpoint while it is trained, then for
    what it predicts. So a job that was interrupted repeats what it had not saved of the part that it was at, no more.

    Args:
        output: the score file, for :func:`write`.
        name: the protocol.
        tasks, data, subset, protocol, settings: what to train on, and how.
        features: pretraining's windows and mel bands.
        load: makes the model for a task from its store and its training clips.
        origin: whatever decides the model's initial weights.
        identity: method, subset, labels and seed.
        machine: where and how fast.
        requests: of :func:`avbench.signals.stop_requests`.
    """
    keep_freed_memory()
    torch.set_num_threads(settings.cpu_threads)
    fit = fit_of(name, protocol)
    job = Finished(output, identity)
    for task in tasks:
        clips, store = task_clips(task, data, subset, protocol), open_store(data, task.dataset)
        training = list(clips["clip_id"][clips["split"] == "train"])
        job.n_train[task.name], job.coverage[task.name] = len(training), test_coverage(data, task.dataset)
        windows = task_features(task, features, protocol)
        for modality in task.modalities:
            if modality not in settings.modalities:
                continue
            decided = {**identity, **origin, "protocol": name, "task": asdict(task), "modality": modality}
            decided |= {"settings": asdict(settings), "fit": asdict(fit), "features": asdict(windows)}
            decided |= {"clips": clips.to_dict("list"), "bands": protocol.task_mel_bands}
            folder = output.parent / "unfinished" / f"{task.name}-{modality}-{checkpoint.fingerprint(decided)}"
            said, scored = folder / predictions.FILE, folder / "scores.json"
            if not said.exists():
                found, precision = train(
                    load(task, store, training),
                    modality,
                    fit,
                    store,
                    clips,
                    windows,
                    settings,
                    identity["seed"],
                    folder / "checkpoint.pt",
                    f"{identity['method']} {name} seed {identity['seed']} {task.name} {modality}",
                    machine,
                    requests,
                )
                write_json(scored, {"mean_average_precision": precision})
                predictions.write(said, found.assign(task=task.name, protocol=name, modality=modality))
            job.parts.append(predictions.read(said))
            job.precision[task.name, name, modality] = read_json(scored)["mean_average_precision"]
            job.folders.append(folder)
    if not job.parts:
        raise UserError(f"evaluation.{name}.modalities: no task has any of {', '.join(settings.modalities)}.")
    return job


def trained(
    name: str,
    pretrained: Path,
    output: Path,
    tasks: Sequence[TaskSettings],
    data: Path,
    subset: Mapping[str, Sequence[str]],
    protocol: Protocol,
    settings: TrainingSettings,
    seed: int,
    identity: Mapping[str, str],
    machine: MachineSettings,
) -> None:
    """Evaluate a run by ``linear-sgd`` or ``finetune`` on every task and modality.

    Args:
        name: the protocol.
        pretrained: the run's checkpoint.
        output: the score file; predictions are written beside it.
        tasks: the tasks to score.
        data: the folder of the datasets.
        subset: columns clip_id and label (true) of the pretraining subset.
        protocol: switches; ``train_mode_probe`` acts on linear-sgd.
        settings: how to train.
        seed: the run's, of everything that is drawn.
        identity: method, subset and labels of the run.
        machine: where and how fast.

    Raises:
        Stopped: SIGTERM or SIGUSR1 came; what has been reached is saved, and the same call goes on with it.
    """
    state = checkpoint.load(pretrained)
    with stop_requests() as requests:
        job = train_parts(
            output,
            name,
            tasks,
            data,
            subset,
            protocol,
            settings,
            FeatureSettings(**state["settings"]["features"]),
            lambda task, store, training: load_for_task([state], task, protocol, store, training)[0],
            {"checkpoint": file_digest(pretrained)},
            {**identity, "seed": seed},
            machine,
            requests,
        )
        write([job])


def supervised(
    task: TaskSettings,
    data: Path,
    subset: Mapping[str, Sequence[str]] | None,
    subset_name: str,
    protocol: Protocol,
    settings: TrainingSettings,
    features: FeatureSettings,
    seeds: Sequence[int],
    outputs: Sequence[Path],
    machine: MachineSettings,
) -> None:
    """Train the baseline of a task, from scratch on its true labels, with every seed.

    Sound is standardised by the statistics of the task's training clips.

    Args:
        task: the task; its ``train`` says whether ``subset`` or all training clips are used.
        data: the folder of the datasets.
        subset: columns clip_id and label (true) of the pretraining subset, or None.
        subset_name: its name in the scores.
        protocol: switches.
        settings: how to train.
        features: pretraining's windows and mel bands.
        seeds: the seeds.
        outputs: the score files, in the same order; predictions are written beside them.
        machine: where and how fast.

    Raises:
        Stopped: as :func:`trained`.
    """
    statistics: dict[str, Any] = {}

    def load(task: TaskSettings, store: Store, training: Sequence[str]) -> Task:
        own = task_features(task, features, protocol)
        if not statistics:
            statistics.update(subset_statistics(store, training, own))
        return Task(PretrainSettings(model=settings.model, flip=settings.flip), own, statistics, seed)

    with stop_requests() as requests:
        jobs = []
        for seed, output in zip(seeds, outputs, strict=True):
            identity = {"method": "supervised", "subset": subset_name, "labels": "true", "seed": seed}
            given = (protocol, settings, features, load, {}, identity, machine, requests)
            jobs.append(train_parts(output, "supervised", [task], data, subset, *given))
        write(jobs)  # only now: a job that starts again finds no score file of its own
