"""Nearest neighbours on frozen features: nothing is trained, so there is nothing to choose either."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avbench.config.evaluation import KnnSettings
from avbench.core.errors import UserError

WORKING_MIB = 64  # of distances at a time


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
    "Unsupervised feature learning via non-parametric instance discrimination", arXiv:1805.01978). Memory is bounded
    whatever the number of clips.

    Args:
        training: float32 (n, width), features of the training clips.
        labels: text (n,), their labels.
        queries: float32 (m, width).
        settings: neighbours and temperature.
        task: its name, for messages.

    Raises:
        UserError: there are fewer training clips than neighbours.
    """
    if settings.neighbours > len(training):
        raise UserError(
            f"evaluation.knn.neighbours: {settings.neighbours} is more than the {len(training)} training clips of "
            f"task {task!r}. Lower it."
        )
    classes, codes = np.unique(labels, return_inverse=True)
    shares = _shares(training, codes, queries, settings)
    return Votes(classes[shares.argmax(1)], classes, shares)


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
    _, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    shares = _shares(np.asarray(features, np.float32), codes, None, settings)
    return float((shares.argmax(1) == codes).mean())


def _shares(training: np.ndarray, codes: np.ndarray, queries: np.ndarray | None, settings: KnnSettings) -> np.ndarray:
    """Return each class's share of the votes: float64 (m, classes). None asks the others about each training clip."""
    from sklearn import config_context
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=settings.neighbours, algorithm="brute", metric="cosine").fit(training)
    with config_context(working_memory=WORKING_MIB):
        distances, nearest = search.kneighbors(queries)
    distances = distances.astype(np.float64)
    weights = np.exp((distances[:, :1] - distances) / settings.temperature)  # the nearest come first
    votes = np.zeros((len(nearest), codes.max() + 1))
    np.add.at(votes, (np.arange(len(nearest))[:, None], codes[nearest]), weights)
    return votes / weights.sum(1, keepdims=True)
