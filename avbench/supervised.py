"""The supervised baseline: the audio encoder trained from scratch on a task's true labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from avbench import rng
from avbench.embed import read_whole, whole_clip_batches
from avbench.features import FeatureSettings, LogMel, Standardise
from avbench.fileio import write_csv
from avbench.models import build
from avbench.optimizer import Adam
from avbench.pretrain import learning_rate, pick_device
from avbench.progress import Progress
from avbench.samplers import batches
from avbench.statistics import subset_statistics
from avbench.store import Store
from avbench.tables import ACCURACY_COLUMNS
from avbench.tasks import TaskSettings, open_store, task_clips, test_coverage
from avbench.windows import Clips, start_s

VALIDATIONS = 10


@dataclass(frozen=True)
class SupervisedSettings:
    """How to train; defaults are the paper's."""

    model: str = "paper"
    epochs: int = 99
    batch_size: int = 64
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    dropout: float = 0.5
    schedule: str = "constant"  # or cosine
    cpu_threads: int = 1


class Classifier(nn.Module):
    """Log-mel, audio encoder, dropout and a linear layer: int16 (n, samples) → logits (n, classes)."""

    def __init__(
        self,
        settings: SupervisedSettings,
        features: FeatureSettings,
        statistics: dict,
        classes: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.log_mel = LogMel(features)
        self.standardise = Standardise(np.array(statistics["mean"]), np.array(statistics["std"]))
        self.encoder = build(settings.model, seed).audio
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.Linear(self.encoder.features, classes)
        self.dropout = settings.dropout

    def forward(self, audio: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Classify; ``kept`` (n, width) is the dropout's mask in training."""
        pooled = self.encoder(self.standardise(self.log_mel(audio)).unsqueeze(1))
        if kept is not None:
            pooled = pooled * kept / (1 - self.dropout)
        return self.head(pooled)


@torch.inference_mode()
def evaluate(
    model: Classifier, store: Store, rows: np.ndarray, labels: np.ndarray, device: torch.device
) -> tuple[float, float]:
    """Return mean cross-entropy and accuracy on whole clips."""
    model.eval()
    loss, right = 0.0, 0
    for members in whole_clip_batches(store.duration_s[rows]):
        logits = model(read_whole(store, rows[members], "audio").to(device)).cpu()
        target = torch.from_numpy(labels[members])
        loss += float(F.cross_entropy(logits, target, reduction="sum"))
        right += int((logits.argmax(1) == target).sum())
    model.train()
    return loss / len(rows), right / len(rows)


def train(
    store: Store,
    clips: pd.DataFrame,
    settings: SupervisedSettings,
    features: FeatureSettings,
    seed: int,
    name: str,
    device_name: str = "auto",
) -> float:
    """Train on windows, keep the weights with the lowest validation loss on whole clips, test them once.

    Validation is looked at about ``VALIDATIONS`` times over the run.

    Args:
        store: where the clips are.
        clips: columns clip_id, label (true) and split.
        settings, features: how to train, on what windows.
        seed: of initial weights, batches, windows and dropout.
        name: what is trained, for the reader of the log.
        device_name: where to train.

    Returns:
        The accuracy on the test clips, a share.
    """
    torch.set_num_threads(settings.cpu_threads)
    device = pick_device(device_name)
    classes, labels = np.unique(clips["label"].to_numpy(dtype=str), return_inverse=True)
    part = {split: (clips["split"] == split).to_numpy() for split in ("train", "validation", "test")}
    rows = store.rows(list(clips["clip_id"]))
    ids, own = list(clips["clip_id"][part["train"]]), labels[part["train"]]

    training = Clips(store, ids, features)
    target = torch.from_numpy(own)
    statistics = subset_statistics(store, ids, features)
    model = Classifier(settings, features, statistics, len(classes), seed).to(device)
    optimizer = Adam(model.parameters(), settings.learning_rate, settings.weight_decay)

    batch_size = min(settings.batch_size, len(training))
    steps = settings.epochs * len(batches("shuffled", own, batch_size, seed, 0))
    check_every = max(1, settings.epochs // VALIDATIONS)
    progress = Progress(steps, name, "step")
    best_loss, best_state, best_epoch, step = math.inf, model.state_dict(), 0, 0
    for epoch in range(settings.epochs):
        for anchors in batches("shuffled", own, batch_size, seed, epoch):
            optimizer.learning_rate = learning_rate(settings, step, steps)
            starts = start_s(features, rng.uniforms(seed, "window", epoch, anchors), training.duration_s[anchors])
            audio = torch.from_numpy(training.audio(anchors, starts))
            draws = rng.generator(seed, "dropout", step).random((len(anchors), model.encoder.features))
            kept = torch.from_numpy(draws >= settings.dropout).float()
            loss = F.cross_entropy(model(audio.to(device), kept.to(device)), target[anchors].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            progress.advance(lambda best=best_loss: f"best validation loss {best:.3f}")
        if (epoch + 1) % check_every == 0 or epoch + 1 == settings.epochs:
            validation_loss, _ = evaluate(model, store, rows[part["validation"]], labels[part["validation"]], device)
            if validation_loss < best_loss:
                best_loss, best_epoch = validation_loss, epoch
                best_state = {key: value.clone() for key, value in model.state_dict().items()}
    progress.close()
    model.load_state_dict(best_state)
    _, accuracy = evaluate(model, store, rows[part["test"]], labels[part["test"]], device)
    print(f"{name}: test {accuracy:.4f}; the validation loss was lowest after epoch {best_epoch + 1}")
    return accuracy


def supervised(
    task: TaskSettings,
    data: Path,
    subset: Mapping[str, Sequence[str]] | None,
    settings: SupervisedSettings,
    features: FeatureSettings,
    seeds: Sequence[int],
    outputs: Sequence[Path],
    subset_name: str,
    device_name: str = "auto",
) -> None:
    """Train the baseline of a task with every seed; one score file a seed.

    Args:
        task: the task; its ``train`` says whether ``subset`` or all training clips are used.
        data: the folder of the datasets.
        subset: columns clip_id and label (true) of the pretraining subset, or None.
        settings, features: how to train, on what windows.
        seeds, outputs: in the same order.
        subset_name: the subset's name in the scores.
        device_name: where to train.
    """
    clips, store = task_clips(task, data, subset), open_store(data, task.dataset)
    for seed, output in zip(seeds, outputs, strict=True):
        row = {
            "method": "supervised",
            "task": task.name,
            "protocol": "supervised",
            "modality": "audio",
            "subset": subset_name,
            "labels": "true",
            "seed": seed,
            "accuracy": train(
                store, clips, settings, features, seed, f"supervised {task.name} seed {seed}", device_name
            ),
            "n_train": int((clips["split"] == "train").sum()),
            "n_test": int((clips["split"] == "test").sum()),
            "coverage": test_coverage(data, task.dataset),
        }
        write_csv(output, pd.DataFrame([row])[ACCURACY_COLUMNS])
