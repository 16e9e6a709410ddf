"""The training loop of a classifier on an encoder, alone or with the encoder."""

import contextlib
import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from avbench.config.evaluation import TrainingSettings
from avbench.config.pretraining import MachineSettings
from avbench.core import rng
from avbench.core.errors import UserError
from avbench.core.progress import Progress
from avbench.evaluation.classifier.labelled_windows import Batch, Windows
from avbench.evaluation.classifier.training_run import ClassifierRun
from avbench.evaluation.classifier.whole_clips import WholeClips
from avbench.evaluation.metrics import mean_average_precision
from avbench.features.windows import Clips
from avbench.models.embedder import Embedder
from avbench.training.devices import pick
from avbench.training.optimizer import Adam
from avbench.training.prefetch import prefetch
from avbench.training.resume import UnfinishedRun
from avbench.training.schedule import learning_rate


@dataclass
class TrainingState:
    """How far a training has come: what is saved of it besides weights and moments.

    Attributes:
        step: the next one.
        validated: after so many epochs the validation clips were last looked at.
        best_loss, best_epoch, best_weights: the lowest validation loss, after how many epochs it was reached, and with
            what.
    """

    step: int
    validated: int
    best_loss: float
    best_epoch: int
    best_weights: dict[str, torch.Tensor]

    @classmethod
    def initial(cls, net: nn.Module) -> "TrainingState":
        """Return the state before the first step."""
        return cls(0, 0, math.inf, 0, copy.deepcopy(net.state_dict()))

    def validate_if_due(
        self, settings: TrainingSettings, steps_per_epoch: int, whole: WholeClips, net: nn.Module
    ) -> None:
        """Validate once after each epoch for which the settings ask; keep the weights with the lowest loss."""
        epochs, within = divmod(self.step, steps_per_epoch)
        every = max(1, settings.epochs // settings.validations)
        due = epochs > 0 and (epochs % every == 0 or epochs == settings.epochs)
        if within or not due or epochs == self.validated:
            return
        loss = whole.loss("validation")
        self.validated = epochs
        if loss < self.best_loss:
            self.best_loss, self.best_epoch, self.best_weights = loss, epochs, copy.deepcopy(net.state_dict())


def train(
    model: Embedder, clips: Clips, run: ClassifierRun, file: Path, machine: MachineSettings, requests: Sequence[str]
) -> tuple[pd.DataFrame, float]:
    """Train on windows, keep the weights with the lowest validation loss on whole clips, test them once.

    Args:
        model: holds the encoder; it is changed.
        clips: the training clips, in the order of the run's; the others lie in their store.
        run: what to train, and how.
        file: keeps the training while it is under way; gone on with if it is there.
        machine: where and how fast.
        requests: once there is anything in it, the training is saved and stops.

    Returns:
        One row per test clip: clip_id, label, prediction (text) and correct (1.0 or 0.0). And the mean average
        precision of ranking them by the probabilities of the classes.

    Raises:
        UserError: the loss is no longer finite, or the device is missing.
        Stopped: SIGTERM or SIGUSR1 came; the same call goes on from there.
    """
    settings, device = run.settings, pick(machine.device)
    # ------------------------------------------------------------------------------------------------------- batches
    windows = Windows(clips, run.modality, model.flip_mode, settings, run.seed)
    target = run.targets("train").to(device)

    # ------------------------------------------------------------------------------------------- model and optimiser
    model.to(device).eval()
    encoder = getattr(model.model, run.modality)
    head = new_head(encoder.features, len(run.classes()), run.seed).to(device)
    net = nn.ModuleDict({"encoder": encoder, "head": head})
    parts = (net if run.trained.encoder else head).parameters()
    trained = (parameter for parameter in parts if parameter.requires_grad)
    optimizer = Adam(trained, settings.learning_rate, settings.weight_decay)

    # -------------------------------------------------------------------------------------------------------- resume
    unfinished = UnfinishedRun(file, machine.checkpoint_every_s, windows.steps, requests, run.log)
    state = TrainingState.initial(net)
    if saved := unfinished.load():
        net.load_state_dict(saved["net"])
        optimizer.load_state_dict(saved["optimizer"])
        state = TrainingState(**saved["state"])

    def snapshot() -> dict[str, Any]:
        return {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "state": vars(state)}

    # ------------------------------------------------------------------------------------------------------ the loop
    whole = WholeClips(model, net, clips.store, run, device, lambda: unfinished.stop_if_requested(snapshot))
    with (
        contextlib.closing(Progress(windows.steps, run.name, "step", done=state.step)) as progress,
        contextlib.closing(prefetch(windows.read, windows.plan(state.step), machine.loader_threads)) as upcoming,
    ):
        for batch in model.seeded(upcoming, run.seed):
            state.validate_if_due(settings, windows.steps_per_epoch, whole, net)
            unfinished.stop_if_requested(snapshot)
            if unfinished.due():
                unfinished.save(snapshot())
            optimizer.learning_rate = learning_rate(settings, batch.step, windows.steps)
            encoder.train(run.trained.batch_statistics)
            with torch.set_grad_enabled(run.trained.encoder):
                pooled = encoder(model_input(model, batch, device))
            logits = head(dropout(pooled, settings.dropout, run.seed, batch.step))
            loss = F.cross_entropy(logits, target[torch.from_numpy(batch.anchors).to(device)])
            if not math.isfinite(value := float(loss.detach())):
                raise UserError(f"{run.name}: the loss is {value} at step {batch.step}. Lower the learning rate.")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            state.step = batch.step + 1
            progress.advance(lambda: f"best validation loss {state.best_loss:.3f}")
    state.validate_if_due(settings, windows.steps_per_epoch, whole, net)

    # ------------------------------------------------------------------------------------------------------ the test
    net.load_state_dict(state.best_weights)
    table, precision = score(run, whole.logits("test"))
    run.log(f"test {table['correct'].mean():.4f}; the validation loss was lowest after epoch {state.best_epoch}")
    return table, precision


def score(run: ClassifierRun, logits: torch.Tensor) -> tuple[pd.DataFrame, float]:
    """Compare logits of the test clips, (clips, classes), with their labels; return what `train` does."""
    scores, classes = F.log_softmax(logits.double(), 1).cpu().numpy(), run.classes()
    predictions, truth = classes[scores.argmax(1)], classes[run.targets("test").numpy()]
    correct = (predictions == truth).astype(np.float64)
    columns = {"clip_id": run.ids("test"), "label": truth, "prediction": predictions, "correct": correct}
    return pd.DataFrame(columns), mean_average_precision(scores, classes, truth)


def dropout(pooled: torch.Tensor, rate: float, seed: int, step: int) -> torch.Tensor:
    """Drop out features, float (n, width): which ones is a function of seed and step (Srivastava et al. 2014)."""
    draws = rng.generator(seed, "dropout", step).random(tuple(pooled.shape))
    kept = torch.from_numpy(draws >= rate).to(pooled.device, pooled.dtype)
    return pooled * kept / (1 - rate)


def new_head(width: int, classes: int, seed: int) -> nn.Linear:
    """Return a linear layer with PyTorch's default initialisation; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        return nn.Linear(width, classes)


def model_input(model: Embedder, batch: Batch, device: torch.device) -> torch.Tensor:
    """Turn windows into the encoder's input."""
    windows = batch.windows.to(device)
    if batch.flips is None:
        return model.audio_input(windows)
    return model.video_input(windows, batch.flips.to(device))
