"""Pseudo-labels: an image classifier says of which class a clip is, from its middle frame."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from avbench.core.errors import UserError
from avbench.core.files import read_csv, write_csv, write_json
from avbench.core.progress import Progress
from avbench.data.store import Store, open_store
from avbench.labels.frame_classifier import train
from avbench.labels.image_classifier import BATCH_SIZE, Classifier, load, parts, require_pictures
from avbench.labels.label_jobs import PseudoLabelJob
from avbench.training.devices import pick


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
    chosen: list[int] = []
    confidence: list[float] = []

    def note() -> str:
        return f"mean confidence {np.mean(confidence):.3f}"

    for part in parts(store.rows(clip_ids), batch_size):
        probability, best = classifier.logits(store, part, device).softmax(1).max(1)
        if not probability.isfinite().all():
            raise UserError(f"classifier {classifier.name} returns no finite numbers: its weights are damaged.")
        chosen += best.tolist()
        confidence += probability.tolist()
        progress.advance(note, len(part))
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


def pseudo_labels(job: PseudoLabelJob, device_name: str = "auto") -> None:
    """Make the pseudo-labels of a subset, say how sure they are and how they compare with the true labels.

    The summary is that of :func:`summarise`, with the classifier's name and, if it was trained here, its accuracy on
    the validation clips of its own dataset.

    Args:
        job: which classifier labels which subset, and where to.
        device_name: where to compute, see :func:`avbench.training.devices.pick`.

    Raises:
        UserError: there is no such classifier or a part of it is missing, or a dataset has no pictures.
    """
    torch.set_num_threads(job.cpu_threads)
    settings, subset = job.settings, read_csv(job.subset, ("clip_id", "label"))
    device, store = pick(device_name), open_store(job.data, job.dataset)
    require_pictures(store, job.dataset)
    if settings.classifier_dataset == job.dataset:
        raise UserError(
            f"classifier_dataset: {job.dataset} is the dataset to label; its classifier would return the true labels "
            "that it was trained on. Name another dataset, or take kind: true."
        )
    if settings.classifier_dataset is None:
        classifier = load(settings.classifier, settings.weights)
    else:
        classifier = train(job.data, settings.classifier_dataset, settings.epochs, settings.seed or 0, device)
    made = make(store, subset["clip_id"], classifier, device)
    chosen = pairing(made, settings.min_confidence)
    described = {"classifier": classifier.name} | summarise(made, subset["label"], settings.min_confidence)
    if classifier.validation_accuracy is not None:
        described["validation_accuracy"] = classifier.validation_accuracy
    print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in described.items()))
    write_csv(job.confidence, made, sealed=True)
    write_json(job.summary, described)
    write_csv(job.labels, chosen, sealed=True)
