"""Pseudo-labels: an image classifier says of which class a clip is, from its middle frame."""

import hashlib
import http.client
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from avbench import ledger, models, rng
from avbench.devices import pick
from avbench.errors import UserError
from avbench.features import flip, normalise_frames
from avbench.fileio import write_csv, write_json
from avbench.optimizer import Adam
from avbench.progress import Progress
from avbench.samplers import batches
from avbench.store import Store
from avbench.tasks import open_store

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

BATCH_SIZE = 32
# Of the classifier that is trained here.
PRESET = "small"
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
VALIDATIONS = 10


@dataclass(frozen=True)
class PseudoLabelSettings:
    """Which classifier: a trained one of torchvision, or one that is trained here on another dataset's frames.

    Attributes:
        kind: ``pseudo``.
        classifier: a classification model of torchvision.
        weights: the name of torchvision's weights for it, or a file with a state dict.
        classifier_dataset: a dataset whose training clips, with their true labels, train a small classifier instead.
        min_confidence: a clip of whose class the classifier is less sure gets a label of its own, and so pairs with
            itself alone; in [0, 1).
        epochs: of that training.
        seed: of that training.

    Raises:
        UserError: a value is not allowed, or two do not go together.
    """

    kind: str = "pseudo"
    classifier: str = "efficientnet_b0"
    weights: str = "IMAGENET1K_V1"
    classifier_dataset: str | None = None
    min_confidence: float = 0.0
    epochs: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        default = type(self)
        if self.kind != "pseudo":
            raise UserError(f"kind: {self.kind!r} is not allowed; pseudo-labels are of kind 'pseudo'.")
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int) or self.epochs < 1:
            raise UserError(f"epochs: {self.epochs!r} is not allowed; it must be an integer of at least 1.")
        number = isinstance(self.min_confidence, int | float) and not isinstance(self.min_confidence, bool)
        if not number or not 0 <= self.min_confidence < 1:
            raise UserError(
                f"min_confidence: {self.min_confidence!r} is not allowed; it must be a number from 0 to below 1."
            )
        if self.classifier_dataset is None:
            if (self.epochs, self.seed) != (default.epochs, default.seed):
                raise UserError("epochs and seed belong to classifier_dataset: without it nothing is trained.")
        elif (self.classifier, self.weights) != (default.classifier, default.weights):
            raise UserError(
                f"classifier_dataset: {self.classifier_dataset!r} trains a classifier of its own, and classifier "
                f"{self.classifier!r} with weights {self.weights!r} would go unused. Leave one of them out."
            )


@dataclass(frozen=True)
class Classifier:
    """An image classifier.

    Attributes:
        name: what it is, for the summary.
        classes: names, in the order of the network's outputs.
        prepare: makes the network's input of pictures, uint8 (n, height, width, 3), RGB.
        network: maps that input to logits (n, classes).
        validation_accuracy: of a classifier that was trained here, a share.
    """

    name: str
    classes: list[str]
    prepare: Callable[[torch.Tensor], torch.Tensor]
    network: nn.Module
    validation_accuracy: float | None = None

    @torch.inference_mode()
    def logits(self, store: Store, rows: np.ndarray, device: torch.device) -> torch.Tensor:
        """Return the logits of clips by their middle frame: float32, (rows, classes), on the CPU."""
        frames = [store.frames(row, store.frame_count(row) // 2, 1) for row in rows.tolist()]
        return self.network(self.prepare(torch.from_numpy(np.concatenate(frames)).to(device))).float().cpu()


# ------------------------------------------------------------------------------------------ classifiers of torchvision


def load(classifier: str, weights: str) -> Classifier:
    """Load a classification model of torchvision.

    Pictures are prepared as the weights ask for: EfficientNet-B0's are resized to 256 × 256 pixels (bicubic), cut to
    the middle 224 × 224 and normalised. The store's frames are smaller and already stretched to their shape, so they
    are enlarged, and objects are as wide or as narrow as stored.

    A file under the name of published weights has their names of classes and their preparation. Any other has the
    classes "0", "1", … and the preparation of the model's first published weights.

    Args:
        classifier: the model's name, such as ``efficientnet_b0``.
        weights: a name such as ``IMAGENET1K_V1``, downloaded on first use, or a file that holds a state dict.

    Raises:
        UserError: there is no such model or weights, they cannot be downloaded, or a file does not fit the model.
    """
    from torchvision import models as zoo  # takes a second, and classifiers that are trained here do without

    known = zoo.list_models(module=zoo)
    if classifier not in known:
        near = get_close_matches(classifier, known, 3) or known
        raise UserError(f"classifier: torchvision has no classification model {classifier!r}, but {', '.join(near)}.")
    # Those without names of classes are no classifiers: VGG-16 has published features alone.
    members = zoo.get_model_weights(classifier).__members__
    published = {name: member for name, member in members.items() if member.meta["categories"]}
    path = Path(weights)
    if weights in published:
        chosen = published[weights]
        _download(chosen, classifier)
        network = zoo.get_model(classifier, weights=chosen)
        names = chosen.meta["categories"]
    elif path.is_file():
        state = _read_state(path)
        network = zoo.get_model(classifier, weights=None, num_classes=_outputs(state))
        _fill(network, state, classifier, path)
        same = [member for member in published.values() if _file_name(member) == path.name]
        chosen = (same or list(published.values()))[0]
        names = chosen.meta["categories"] if same else None
    else:
        raise UserError(
            f"weights: {weights!r} is no file, nor are there weights of this name for {classifier}; torchvision has "
            f"{', '.join(published)}."
        )
    outputs = _outputs(network.state_dict())
    if names is None or len(names) != outputs:
        names = [str(number) for number in range(outputs)]
    transform = chosen.transforms()
    return Classifier(
        name=f"{classifier}, {weights}",
        classes=names,
        prepare=lambda pictures: transform(pictures.permute(0, 3, 1, 2)),
        network=network,
    )


def _file_name(weights: "WeightsEnum") -> str:
    return weights.url.rpartition("/")[2]


def _download(weights: "WeightsEnum", classifier: str) -> None:
    """Put published weights where torchvision looks for them, unless they are there; check them in any case."""
    path = Path(torch.hub.get_dir(), "checkpoints", _file_name(weights))
    digest = path.stem.rpartition("-")[2]  # of SHA-256, the first digits
    remedy = (
        f"Download {weights.url} to {path} yourself (TORCH_HOME sets this folder), or give a file by weights: PATH."
    )
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            print(f"downloading {weights.url}")
            torch.hub.download_url_to_file(weights.url, str(path), digest, progress=False)
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise UserError(
            f"weights: {weights.name} of {classifier} cannot be had: {error or type(error).__name__}. {remedy}"
        ) from error
    if not found.startswith(digest):
        raise UserError(
            f"weights: {path} is damaged or another file: its SHA-256 begins with {found[: len(digest)]}. Delete it. "
            + remedy
        )


def _read_state(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"weights: {path} cannot be read as a state dict ({_line(error)}). Save one by "
            "torch.save(model.state_dict(), PATH)."
        ) from error
    if not isinstance(state, Mapping) or not state or not all(isinstance(v, torch.Tensor) for v in state.values()):
        held = f"{', '.join(map(str, list(state)[:3]))}, …" if isinstance(state, Mapping) else type(state).__name__
        raise UserError(
            f"weights: {path} holds no state dict, that is tensors by name, but {held}. Save one by "
            "torch.save(model.state_dict(), PATH)."
        )
    return state


def _outputs(state: Mapping[str, torch.Tensor]) -> int:
    """Return how many classes there are: the last entry is the last layer's bias or weight, a row a class."""
    last = list(state.values())[-1]
    return last.shape[0] if last.ndim else 1


def _fill(network: nn.Module, state: Mapping[str, torch.Tensor], classifier: str, path: Path) -> None:
    """Load a state dict; every name and shape must fit."""
    try:
        missing, foreign = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise UserError(f"weights: {path} does not fit {classifier}: {_line(error)}") from error
    wrong = [
        f"{len(keys)} {what}, such as {', '.join(keys[:3])}"
        for keys, what in ((missing, "missing"), (foreign, "foreign"))
        if keys
    ]
    if wrong:
        raise UserError(f"weights: {path} is no state dict of {classifier}; of its entries {' and '.join(wrong)}.")
    if hasattr(network, "transform_input"):
        network.transform_input = True  # as torchvision sets it for the published weights of GoogLeNet and Inception


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


# ------------------------------------------------------------------------------------------- a classifier trained here


class FrameClassifier(nn.Module):
    """The small video encoder on single frames, and a linear layer: float (n, 3, 1, H, W) → logits (n, classes)."""

    def __init__(self, classes: int, seed: int) -> None:
        super().__init__()
        self.encoder = models.build(PRESET, seed).video
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.Linear(self.encoder.features, classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Classify normalised frames."""
        return self.head(self.encoder(frames))


def train(data: Path, settings: PseudoLabelSettings, device: torch.device) -> Classifier:
    """Train a classifier on the frames of ``settings.classifier_dataset``, under its true labels.

    An epoch shows one frame of every training clip, drawn anew and mirrored half of the time, and the learning rate
    falls along half a cosine. About ``VALIDATIONS`` times the middle frames of the validation clips are classified,
    as clips are afterwards; the weights with the lowest loss there are kept.

    Args:
        data: the folder of the datasets.
        settings: the dataset, and how to train.
        device: where to train.

    Raises:
        UserError: the dataset has no pictures, a single class, no validation clips, or one there of another class.
    """
    name, seed = settings.classifier_dataset, settings.seed
    accounted, store = ledger.read(data / name / "ledger.parquet"), open_store(data, name)
    training, validation = (ledger.stored(accounted, split) for split in ("train", "validation"))
    classes, labels = np.unique(training["label"].to_numpy(dtype=str), return_inverse=True)
    _require_pictures(store, name)
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
    steps, step = settings.epochs * (len(rows) // batch_size), 0
    check_every = max(1, settings.epochs // VALIDATIONS)
    progress = Progress(settings.epochs, f"classifier of {name}", "epoch")
    best_loss, best_state, best_accuracy = math.inf, network.state_dict(), 0.0
    for epoch in range(settings.epochs):
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
        if (epoch + 1) % check_every == 0 or epoch + 1 == settings.epochs:
            network.eval()
            logits = torch.cat([classifier.logits(store, part, device) for part in _parts(validation_rows, BATCH_SIZE)])
            validation_loss = float(F.cross_entropy(logits, validation_targets))
            if validation_loss < best_loss:
                best_loss = validation_loss
                best_accuracy = float((logits.argmax(1) == validation_targets).double().mean())
                best_state = {key: value.clone() for key, value in network.state_dict().items()}
        progress.advance(lambda best=best_loss: f"best validation loss {best:.3f}")
    progress.close()
    network.load_state_dict(best_state)
    return Classifier(classifier.name, classifier.classes, _normalise, network, best_accuracy)


def _normalise(pictures: torch.Tensor) -> torch.Tensor:
    return normalise_frames(pictures.unsqueeze(1))


# --------------------------------------------------------------------------------------------------------- the outcome


def make(
    store: Store, clip_ids: Sequence[str], classifier: Classifier, device: torch.device, batch_size: int = BATCH_SIZE
) -> pd.DataFrame:
    """Give each clip the class that is most probable for its middle frame.

    Args:
        store: where the clips are.
        clip_ids: which ones.
        classifier: what decides.
        device: where to compute.
        batch_size: pictures in memory at a time.

    Returns:
        ``clip_id``, ``label`` and ``confidence``, the class's probability, in the order of ``clip_ids``.

    Raises:
        UserError: the network returns no finite numbers.
    """
    classifier.network.to(device).eval()
    progress = Progress(len(clip_ids), classifier.name, "clip")
    chosen, confidence = [], []
    for part in _parts(store.rows(clip_ids), batch_size):
        probability, best = classifier.logits(store, part, device).softmax(1).max(1)
        if not probability.isfinite().all():
            raise UserError(f"classifier {classifier.name} returns no finite numbers: its weights are damaged.")
        chosen += best.tolist()
        confidence += probability.tolist()
        progress.advance(lambda sure=confidence: f"mean confidence {np.mean(sure):.3f}", len(part))
    progress.close()
    labels = [classifier.classes[number] for number in chosen]
    return pd.DataFrame({"clip_id": list(clip_ids), "label": labels, "confidence": confidence})


def pairing(made: pd.DataFrame, min_confidence: float) -> pd.DataFrame:
    """Return the labels that pairing uses: the classifier's, where it is sure enough.

    Args:
        made: what :func:`make` returns.
        min_confidence: a clip below it gets a label of its own, which is no other clip's and no class's.

    Returns:
        ``clip_id`` and ``label``, in the order of ``made``.

    Raises:
        UserError: no clip is left with a class.
    """
    unsure = made["confidence"] < min_confidence
    if len(made) and unsure.all():
        raise UserError(
            f"min_confidence: {min_confidence} leaves no clip with a class: the highest confidence is "
            f"{made['confidence'].max():.3f}. Lower it."
        )
    prefix = "unsure: "
    while made["label"].str.startswith(prefix).any():
        prefix = "un" + prefix
    return made[["clip_id"]].assign(label=made["label"].mask(unsure, prefix + made["clip_id"]))


def summarise(made: pd.DataFrame, true: Sequence[str], min_confidence: float = 0.0) -> dict[str, float]:
    """Describe pseudo-labels; the only place where true labels are seen.

    Args:
        made: what :func:`make` returns.
        true: the true labels, in the same order.
        min_confidence: clips below it are counted, and what is said of classes is said of the others.

    Returns:
        ``clips``; ``unsure``, those below ``min_confidence``; ``classes``, those that occur; ``true_classes``;
        ``singletons``, the share of classes with one clip, which can only be its own positive;
        ``normalised_mutual_information`` with the true labels, over the arithmetic mean of both entropies;
        ``mean_confidence``, of all clips.
    """
    from sklearn.metrics import normalized_mutual_info_score

    sure = made["confidence"] >= min_confidence
    labels, compared = made["label"][sure], [label for label, kept in zip(true, sure, strict=True) if kept]
    sizes = labels.value_counts()
    return {
        "clips": len(made),
        "unsure": int((~sure).sum()),
        "classes": len(sizes),
        "true_classes": len(set(true)),
        "singletons": float((sizes == 1).mean()),
        "normalised_mutual_information": float(normalized_mutual_info_score(compared, labels)),
        "mean_confidence": float(made["confidence"].mean()),
    }


def pseudo_labels(
    data: Path,
    dataset: str,
    subset: Mapping[str, Sequence[str]],
    settings: PseudoLabelSettings,
    labels: Path,
    confidence: Path,
    summary: Path,
    device_name: str = "auto",
    cpu_threads: int = 1,
) -> None:
    """Make the pseudo-labels of a subset, say how sure they are and how they compare with the true labels.

    Args:
        data: the folder of the datasets.
        dataset: the subset's dataset.
        subset: columns clip_id and label (true).
        settings: which classifier.
        labels: the label file to write: clip_id, label.
        confidence: the table to write: clip_id, label (the classifier's, however sure), confidence.
        summary: the JSON file to write: :func:`summarise`, with the classifier's name and, if it was trained here, its
            accuracy on the validation clips of its own dataset.
        device_name: where to compute.
        cpu_threads: threads of each computation; on a CPU, the same number gives the same bytes.

    Raises:
        UserError: there is no such classifier or a part of it is missing, or a dataset has no pictures.
    """
    torch.set_num_threads(cpu_threads)
    device, store = pick(device_name), open_store(data, dataset)
    _require_pictures(store, dataset)
    if settings.classifier_dataset == dataset:
        raise UserError(
            f"classifier_dataset: {dataset} is the dataset to label; its classifier would return the true labels that "
            "it was trained on. Name another dataset, or take kind: true."
        )
    if settings.classifier_dataset is None:
        classifier = load(settings.classifier, settings.weights)
    else:
        classifier = train(data, settings, device)
    made = make(store, subset["clip_id"], classifier, device)
    chosen = pairing(made, settings.min_confidence)
    described = {"classifier": classifier.name} | summarise(made, subset["label"], settings.min_confidence)
    if classifier.validation_accuracy is not None:
        described["validation_accuracy"] = classifier.validation_accuracy
    print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in described.items()))
    write_csv(confidence, made)
    write_json(summary, described)
    write_csv(labels, chosen)


def _parts(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[first : first + size] for first in range(0, len(rows), size))


def _require_pictures(store: Store, dataset: str) -> None:
    if not store.settings.video:
        raise UserError(f"dataset {dataset} has no pictures, and pseudo-labels are made from them.")
