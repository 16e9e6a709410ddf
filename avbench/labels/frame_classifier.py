"""A small image classifier, trained on the frames of a dataset."""

import math
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from avbench.core import rng
from avbench.core.errors import UserError
from avbench.core.progress import Progress
from avbench.data import ledger
from avbench.data.store import open_store
from avbench.features.frames import flip, normalise_frames
from avbench.labels.image_classifier import BATCH_SIZE, Classifier, parts, require_pictures
from avbench.methods.batches import batches
from avbench.models import encoders
from avbench.training.optimizer import Adam

# Of the classifier that is trained here.
PRESET = "small"
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
VALIDATIONS = 10


class FrameClassifier(nn.Module):
    """The small video encoder on single frames, and a linear layer: float (n, 3, 1, H, W) → logits (n, classes)."""

    def __init__(self, classes: int, seed: int) -> None:
        super().__init__()
        self.encoder = encoders.build(PRESET, seed).video
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.Linear(self.encoder.features, classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Classify normalised frames."""
        return self.head(self.encoder(frames))


def train(data: Path, name: str, epochs: int, seed: int, device: torch.device) -> Classifier:
    """Train a classifier on a dataset's frames, under its true labels.

    An epoch shows one frame of every training clip, drawn anew and mirrored half of the time, and the learning rate
    falls along half a cosine. About ``VALIDATIONS`` times the middle frames of the validation clips are classified,
    as clips are afterwards; the weights with the lowest loss there are kept.

    Args:
        data: the folder of the datasets.
        name: the dataset.
        epochs: how long to train.
        seed: of weights and draws.
        device: where to train.

    Raises:
        UserError: the dataset has no pictures, a single class, no validation clips, or one there of another class.
    """
    accounted, store = ledger.read(data / name / "ledger.parquet"), open_store(data, name)
    training, validation = (ledger.stored(accounted, split) for split in ("train", "validation"))
    classes, labels = np.unique(training["label"].to_numpy(dtype=str), return_inverse=True)
    require_pictures(store, name)
    if len(classes) < 2 or validation.empty:
        raise UserError(
            f"classifier_dataset: {name} has {len(classes)} classes with stored training clips and {len(validation)} "
            "stored validation clips; a classifier needs two classes or more, and some clips."
        )
    if unseen := sorted(set(validation["label"]) - set(classes)):
        raise UserError(f"classifier_dataset: {name} has no training clip of {unseen[0]!r}, but validation clips.")
    rows, validation_rows = store.rows(training["clip_id"]), store.rows(validation["clip_id"])
    frame_counts = np.array([store.frame_count(row) for row in rows.tolist()])
    targets = torch.from_numpy(labels)
    validation_targets = torch.from_numpy(np.searchsorted(classes, validation["label"].to_numpy(dtype=str)))

    network = FrameClassifier(len(classes), seed).to(device)
    classifier = Classifier(f"trained on {name}", classes.tolist(), _normalise, network)
    optimizer = Adam(network.parameters(), LEARNING_RATE, WEIGHT_DECAY)
    batch_size = min(BATCH_SIZE, len(rows))
    steps, step = epochs * (len(rows) // batch_size), 0
    check_every = max(1, epochs // VALIDATIONS)
    progress = Progress(epochs, f"classifier of {name}", "epoch")
    best_loss, best_state, best_accuracy = math.inf, network.state_dict(), 0.0
    for epoch in range(epochs):
        network.train()
        for members in batches("shuffled", labels, batch_size, seed, epoch):
            drawn = rng.uniforms(seed, "frame", epoch, members) * frame_counts[members]
            places = zip(rows[members].tolist(), drawn.astype(int).tolist(), strict=True)
            frames = torch.from_numpy(np.stack([store.frames(row, place, 1) for row, place in places])).to(device)
            mirrored = torch.from_numpy(rng.uniforms(seed, "mirror", epoch, members) < 0.5)
            optimizer.learning_rate = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            logits = network(normalise_frames(flip(frames, mirrored)))
            loss = F.cross_entropy(logits, targets[members].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        if (epoch + 1) % check_every == 0 or epoch + 1 == epochs:
            network.eval()
            logits = torch.cat([classifier.logits(store, part, device) for part in parts(validation_rows, BATCH_SIZE)])
            validation_loss = float(F.cross_entropy(logits, validation_targets))
            if validation_loss < best_loss:
                best_loss = validation_loss
                best_accuracy = float((logits.argmax(1) == validation_targets).double().mean())
                best_state = {key: value.clone() for key, value in network.state_dict().items()}
        progress.advance(partial("best validation loss {:.3f}".format, best_loss))
    progress.close()
    network.load_state_dict(best_state)
    return Classifier(classifier.name, classifier.classes, _normalise, network, best_accuracy)


def _normalise(pictures: torch.Tensor) -> torch.Tensor:
    return normalise_frames(pictures.unsqueeze(1))
