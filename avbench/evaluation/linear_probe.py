"""The linear probe: a logistic regression on frozen features, its strength chosen on validation, tested once."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from avbench.config.evaluation import LinearSettings

Fit = TypeVar("Fit")
PATIENCE = 2  # weaker regularisations in a row that may do worse than the best before the search ends


@dataclass(frozen=True)
class Outcome:
    """What a probe says about the test clips, in their order, and how it was chosen.

    Attributes:
        predictions: text (m,).
        classes: text (classes,), sorted.
        scores: float64 (m, classes), ln of each class's probability.
        strength: the one chosen.
        edge: ``lowest`` or ``highest`` if it is the first or the last of several and its neighbour did worse, so that
            one beyond might do better; else empty.
        validation_accuracy: with it.
        converged: whether its fit reached the tolerance.
    """

    predictions: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    strength: float
    edge: str
    validation_accuracy: float
    converged: bool


@dataclass(frozen=True)
class Search(Generic[Fit]):
    """The best of several strengths.

    Attributes:
        fit: what was fitted with it.
        value: what validation says of it.
        converged: whether its fit reached the tolerance.
        strength, edge: as of `Outcome`.
    """

    fit: Fit
    value: float
    converged: bool
    strength: float
    edge: str


def search(strengths: Sequence[float], fitted: Callable[[float, Fit | None], tuple[Fit, bool, float]]) -> Search[Fit]:
    """Try strengths from the strongest regularisation to the weakest, which takes longest.

    The search ends once ``PATIENCE`` in a row do worse than the best. Of equal values the stronger regularisation wins.

    Args:
        strengths: to choose from, in any order.
        fitted: given a strength and the fit of the one before, near which its own is, returns the fit, whether it
            reached the tolerance, and its value on validation.
    """
    grid, tried = sorted(strengths), list[float]()
    best: tuple[float, Fit, bool] | None = None
    start: Fit | None = None
    for strength in grid:
        start, converged, value = fitted(strength, start)
        if best is None or value > best[0]:
            best = (value, start, converged)
        tried.append(value)
        if len(tried) > PATIENCE and max(tried[-PATIENCE:]) < best[0]:
            break
    if best is None:
        raise ValueError("no strengths to choose from")
    value, fit, converged = best
    place = tried.index(value)
    return Search(fit, value, converged, grid[place], _edge(place, tried, len(grid)))


def logistic_regression(
    features: np.ndarray,
    labels: np.ndarray,
    strength: float,
    settings: LinearSettings,
    start: LogisticRegression | None,
) -> tuple[LogisticRegression, bool]:
    """Fit a logistic regression; return it, and whether it reached the tolerance.

    Args:
        features: float32 (n, width), standardised.
        labels: (n,), of two classes or more.
        strength: scikit-learn's C.
        settings: iterations and tolerance.
        start: a fit of the same labels to start from.
    """
    model = LogisticRegression(
        C=strength, max_iter=settings.max_iterations, tol=settings.tolerance, warm_start=start is not None
    )
    if start is not None:  # the weaker penalty's solution is near the stronger one's
        model.coef_, model.intercept_, model.classes_ = start.coef_.copy(), start.intercept_.copy(), start.classes_
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(features, labels)
    return model, not any(issubclass(w.category, ConvergenceWarning) for w in caught)


def linear_probe(features: np.ndarray, labels: np.ndarray, split: np.ndarray, settings: LinearSettings) -> Outcome:
    """Fit a multinomial logistic regression for each strength; ask the best on validation about the test clips.

    Features are standardised with the training clips' mean and deviation. Strengths are tried as :func:`search` does.

    Args:
        features: float32 (n, width).
        labels: text (n,), the true labels.
        split: text (n,), ``train``, ``validation`` or ``test``.
        settings: strengths and iterations.
    """
    train, validation, test = (split == name for name in ("train", "validation", "test"))
    scaled = StandardScaler().fit(features[train]).transform(features)

    def fitted(strength: float, start: LogisticRegression | None) -> tuple[LogisticRegression, bool, float]:
        model, converged = logistic_regression(scaled[train], labels[train], strength, settings, start)
        return model, converged, float(model.score(scaled[validation], labels[validation]))

    best = search(settings.strengths, fitted)
    decision = best.fit.decision_function(scaled[test]).astype(np.float64)
    if decision.ndim == 1:  # of two classes, the second one's odds
        decision = np.stack([np.zeros_like(decision), decision], 1)
    scores = log_softmax(decision, 1)  # a probability near 1 would be rounded to it
    predictions = best.fit.predict(scaled[test])
    return Outcome(predictions, best.fit.classes_, scores, best.strength, best.edge, best.value, best.converged)


def edge_warning(strength: float, edge: str) -> str:
    """Say for the log that a strength lies at an edge of the grid; empty where it does not."""
    if not edge:
        return ""
    return (
        f". Warning: evaluation.linear.strengths: {strength:g}, the {edge}, is the best; add "
        f"{'lower' if edge == 'lowest' else 'higher'} ones"
    )


def _edge(place: int, tried: Sequence[float], strengths: int) -> str:
    """Say at which edge of the grid the best strength lies; at none where its neighbour did as well, or has none."""
    if strengths == 1:
        return ""
    if place == 0:
        return "lowest" if tried[1] < tried[0] else ""
    return "highest" if place == strengths - 1 else ""
