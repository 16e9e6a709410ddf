"""Metrics of what a protocol said about the test clips, beside plain accuracy."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from avbench.config.evaluation import OF_SETS
from avbench.core.errors import UserError

THIRDS = ("head", "middle", "tail")
METRICS = ("balanced_accuracy", "macro_f1", *(f"{third}_accuracy" for third in THIRDS))


def metrics(part: pd.DataFrame, training_clips: Mapping[str, int] | None = None) -> dict[str, float]:
    """Return the ``METRICS`` of one protocol's predictions on one task and modality.

    - ``balanced_accuracy``: the mean over classes of the share of a class's clips that are right (Brodersen et al.
      2010, "The balanced accuracy and its posterior distribution"). For retrieval, of the probability of a hit.
    - ``macro_f1``: the mean over classes of F1 = 2·TP / (2·TP + FP + FN). NaN for retrieval, which predicts no class.
    - ``head_accuracy``, ``middle_accuracy``, ``tail_accuracy``: the share of clips that are right, of the classes in
      each of the :func:`thirds`. NaN without training clips, and where all classes have as many.

    Means over classes are over those that test clips have; each counts as much as any other. All are NaN for scores of
    clips with several labels, which are neither right nor wrong.

    Args:
        part: columns protocol, label and prediction (text) and correct (float), a row a test clip.
        training_clips: how many clips of each class were trained on.

    Raises:
        UserError: a class of the test clips is not among the training clips.
    """
    if part["protocol"].iloc[0] in OF_SETS:
        return dict.fromkeys(METRICS, math.nan)
    codes, classes = pd.factorize(part["label"])
    correct = part["correct"].to_numpy(np.float64)
    clips = np.bincount(codes)
    right = np.bincount(codes, correct)
    found = {"balanced_accuracy": float((right / clips).mean()), "macro_f1": math.nan}
    if not part["protocol"].iloc[0].startswith("retrieval"):
        predicted = pd.Index(classes).get_indexer(part["prediction"])
        said = np.bincount(predicted[predicted >= 0], minlength=len(classes))
        found["macro_f1"] = float((2 * right / (clips + said)).mean())
    split = {} if training_clips is None else thirds(training_clips)
    if training_clips and (unknown := sorted(set(classes) - set(training_clips))):
        raise UserError(
            f"{len(unknown)} classes of the test clips are not in the subset, for example {unknown[0]!r}. "
            "Make the scores again."
        )
    for third in THIRDS:
        members = np.isin(classes, split.get(third, []))
        found[f"{third}_accuracy"] = float(right[members].sum() / clips[members].sum()) if members.any() else math.nan
    return found


def thirds(training_clips: Mapping[str, int]) -> dict[str, list[str]]:
    """Cut classes into ``head``, ``middle`` and ``tail`` by how many clips of each were trained on.

    Classes are sorted by their clips, the largest first, equal ones by name, and cut into parts of as many classes; of
    one or two that are left over, head gets the first and middle the second. Like the many-, medium- and few-shot
    classes of Liu et al. 2019, "Large-scale long-tailed recognition in an open world" (arXiv:1904.05160), but by
    thirds: their limits of 100 and 20 clips suit one size of dataset.

    Returns:
        The classes of each part; nothing at all where all classes have as many clips, or are fewer than three.
    """
    if len(training_clips) < len(THIRDS) or len(set(training_clips.values())) == 1:
        return {}
    ordered = sorted(training_clips, key=lambda name: (-training_clips[name], name))
    parts, begin = {}, 0
    for place, third in enumerate(THIRDS):
        size = len(ordered) // 3 + (place < len(ordered) % 3)
        parts[third], begin = ordered[begin : begin + size], begin + size
    return parts


def mean_average_precision(scores: np.ndarray, classes: Sequence[str], labels: Sequence[str]) -> float:
    """Return the mean over classes of the average precision of ranking the clips by the class's score.

    Average precision is the mean, over a class's clips, of the precision among all clips that score as high or higher,
    so that clips of equal scores come together. Only classes that a label names count, each as much as any other.
    Unlike accuracy, it looks beyond the first guess.

    Args:
        scores: float (n, classes); within a column they are compared with one another.
        classes: text, one a column.
        labels: text (n,), the true labels, all of them in ``classes``.
    """
    from sklearn.metrics import average_precision_score

    labels, column = np.asarray(labels, dtype=str), {name: place for place, name in enumerate(classes)}
    names = np.unique(labels)
    return float(np.mean([average_precision_score(labels == name, scores[:, column[name]]) for name in names]))
