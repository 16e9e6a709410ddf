"""Nearest neighbours on frozen features: nothing is trained, so there is nothing to choose either."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from avbench.config.evaluation import KnnSettings
from avbench.core.errors import UserError
from avbench.core.vectors import unit

# scikit-learn's distances round votes that tie, and takes 1.3 times as long at 38,007 × 512; a test holds both equal.
BLOCK_BYTES = 64e6


@dataclass(frozen=True)
class Votes:
    """What the neighbours say about the queries, in their order.

    Attributes:
        predictions: text (m,), the label with most votes; of equal ones, the label that sorts first.
        classes: text (classes,), the training clips' labels, sorted.
        shares: float64 (m, classes), each label's share of a query's votes.
    """

    predictions: np.ndarray
    classes: np.ndarray
    shares: np.ndarray


def knn(training: np.ndarray, labels: np.ndarray, queries: np.ndarray, settings: KnnSettings, task: str = "") -> Votes:
    """Have each query's nearest training clips vote for their labels.

    Near is of high cosine similarity; a neighbour's vote weighs exp(similarity / temperature) (Wu et al. 2018,
    "Unsupervised feature learning via non-parametric instance discrimination", arXiv:1805.01978). Similarities are
    held for a part of the queries at a time.

    Args:
        training: float32 (n, width), features of the training clips.
        labels: text (n,), their labels.
        queries: float32 (m, width).
        settings: neighbours and temperature.
        task: its name, for messages.

    Raises:
        UserError: there are fewer training clips than neighbours.
    """
    _require_enough(settings, training, task)
    classes, codes = np.unique(labels, return_inverse=True)
    training, queries = unit(training), unit(queries)
    shares = np.empty((len(queries), len(classes)))
    for rows in _blocks(len(queries), len(training)):
        shares[rows] = _shares(queries[rows] @ training.T, codes, len(classes), settings)
    return Votes(classes[shares.argmax(1)], classes, shares)


def neighbour_votes(
    training: np.ndarray, truth: np.ndarray, queries: np.ndarray, settings: KnnSettings, task: str = ""
) -> np.ndarray:
    """Return the share of the votes of each query's nearest training clips that each label gets: (m, classes), float64.

    As :func:`knn`, but of clips with several labels; the shares of a query need not add up to one.

    Args:
        training: float32 (n, width), features of the training clips.
        truth: bool (n, classes), which of them has which label.
        queries, settings, task: as of :func:`knn`.

    Raises:
        UserError: there are fewer training clips than neighbours.
    """
    _require_enough(settings, training, task)
    training, queries = unit(training), unit(queries)
    shares = np.empty((len(queries), truth.shape[1]))
    for rows in _blocks(len(queries), len(training)):
        nearest, weights = _nearest(queries[rows] @ training.T, settings)
        for row, near, weight in zip(range(*rows.indices(len(queries))), nearest, weights, strict=True):
            shares[row] = weight @ truth[near] / weight.sum()
    return shares


def leave_one_out(features: np.ndarray, labels: Sequence[str], settings: KnnSettings) -> float:
    """Return the share of clips whose label is what their nearest neighbours among the other clips vote for.

    Args:
        features: float (n, width); compared in float32.
        labels: text (n,).
        settings: neighbours and temperature, as of :func:`knn`.

    Raises:
        UserError: there are fewer other clips than neighbours.
    """
    if settings.neighbours > len(features) - 1:
        raise UserError(
            f"evaluation.knn.neighbours: {settings.neighbours} is more than the {len(features) - 1} other clips that "
            "each of the dynamics clips has. Lower it, or take more clips."
        )
    classes, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    features = unit(np.asarray(features, np.float32))
    right = 0
    for rows in _blocks(len(features), len(features)):
        similarity = features[rows] @ features.T
        similarity[np.arange(len(similarity)), np.arange(len(features))[rows]] = -np.inf  # nobody votes for itself
        right += int((_shares(similarity, codes, len(classes), settings).argmax(1) == codes[rows]).sum())
    return right / len(features)


def _blocks(queries: int, training: int) -> Iterator[slice]:
    size = max(1, int(BLOCK_BYTES / (4 * training)))
    return (slice(begin, begin + size) for begin in range(0, queries, size))


def _shares(similarity: np.ndarray, codes: np.ndarray, classes: int, settings: KnnSettings) -> np.ndarray:
    """Return each class's share of the votes: float32 (m, n) similarities → float64 (m, classes)."""
    nearest, weights = _nearest(similarity, settings)
    votes = np.zeros((len(nearest), classes))
    np.add.at(votes, (np.arange(len(nearest))[:, None], codes[nearest]), weights)
    return votes / weights.sum(1, keepdims=True)


def _nearest(similarity: np.ndarray, settings: KnnSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of each query's neighbours, and what their votes weigh: int64 and float64 (m, neighbours)."""
    nearest = np.argpartition(-similarity, settings.neighbours - 1, axis=1)[:, : settings.neighbours]
    near = np.take_along_axis(similarity, nearest, 1).astype(np.float64)
    return nearest, np.exp((near - near.max(1, keepdims=True)) / settings.temperature)


def _require_enough(settings: KnnSettings, training: np.ndarray, task: str) -> None:
    if settings.neighbours > len(training):
        raise UserError(
            f"evaluation.knn.neighbours: {settings.neighbours} is more than the {len(training)} training clips of "
            f"task {task!r}. Lower it."
        )
