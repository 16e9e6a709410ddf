"""The training loop of a classifier on an encoder, alone or with the encoder."""

import contextlib
import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from avbench.config.evaluation import TrainingSettings
from avbench.config.features import FeatureSettings
from avbench.config.paper_switches import Protocol
from avbench.config.pretraining import MachineSettings
from avbench.core import rng
from avbench.core.errors import UserError
from avbench.core.files import remove_leftovers
from avbench.core.progress import Progress
from avbench.data.store import Store
from avbench.evaluation.classifier.labelled_windows import Batch, Windows
from avbench.evaluation.embedding import encode
from avbench.evaluation.metrics import mean_average_precision
from avbench.features.windows import Clips
from avbench.models.embedder import Task
from avbench.training import checkpoint
from avbench.training.devices import pick
from avbench.training.optimizer import Adam
from avbench.training.prefetch import prefetch
from avbench.training.schedule import learning_rate
from avbench.training.signals import Stopped


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
