"""Image classifiers for clips' middle frames: one of torchvision, or one trained here on another dataset's frames."""

import hashlib
import http.client
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from avbench.core.errors import UserError
from avbench.data.store import Store

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


BATCH_SIZE = 32


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
    """Return how many classes there are: the last entry is the last layer's bias or weight, a row per class."""
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


# -------------------------------------------------------------------------------------------------------- of both kinds


def parts(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Cut rows of a store into parts of a size, the last one shorter."""
    return (rows[first : first + size] for first in range(0, len(rows), size))


def require_pictures(store: Store, dataset: str) -> None:
    """Check that a dataset has frames.

    Raises:
        UserError: it has none.
    """
    if not store.settings.video:
        raise UserError(f"dataset {dataset} has no pictures, and pseudo-labels are made from them.")
