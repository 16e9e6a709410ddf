"""Nearest neighbours on frozen features: nothing is trained, so there is nothing to choose either."""

from dataclasses import dataclass

import numpy as np

from avbench.errors import UserError

BLOCK_BYTES = 64e6


@dataclass(frozen=True)
class KnnSettings:
    """How many neighbours vote, and how much nearer ones count more."""

    neighbours: int = 20
    temperature: float = 0.07


def knn(
    training: np.ndarray, labels: np.ndarray, queries: np.ndarray, settings: KnnSettings, task: str = ""
) -> np.ndarray:
    """Return the label that each query's nearest training clips vote for.

    Near is of high cosine similarity; a neighbour's vote weighs exp(similarity / temperature) (Wu et al. 2018,
    "Unsupervised feature learning via non-parametric instance discrimination", arXiv:1805.01978). Equal votes go to
    the label that sorts first. Memory is bounded whatever the number of clips.

    Args:
        training: float32 (n, width), features of the training clips.
        labels: text (n,), their labels.
        queries: float32 (m, width).
        settings: neighbours and temperature.
        task: its name, for messages.

    Returns:
        Text, (m,).

    Raises:
        UserError: there are fewer training clips than neighbours.
    """
    if settings.neighbours > len(training):
        raise UserError(
            f"evaluation.knn.neighbours: {settings.neighbours} is more than the {len(training)} training clips of "
            f"task {task!r}. Lower it."
        )
    classes, codes = np.unique(labels, return_inverse=True)
    training, queries = unit(training), unit(queries)
    found = np.empty(len(queries), np.int64)
    size = max(1, int(BLOCK_BYTES / (4 * len(training))))
    for begin in range(0, len(queries), size):
        similarity = queries[begin : begin + size] @ training.T
        nearest = np.argpartition(-similarity, settings.neighbours - 1, axis=1)[:, : settings.neighbours]
        near = np.take_along_axis(similarity, nearest, 1).astype(np.float64)
        votes = np.zeros((len(near), len(classes)))
        weights = np.exp((near - near.max(1, keepdims=True)) / settings.temperature)
        np.add.at(votes, (np.arange(len(near))[:, None], codes[nearest]), weights)
        found[begin : begin + size] = votes.argmax(1)
    return classes[found]


def unit(features: np.ndarray) -> np.ndarray:
    """Scale rows to length one; a row of zeros stays."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(length, np.finfo(features.dtype).tiny)
