"""The linear probe: a logistic regression on frozen features, its strength chosen on validation, tested once."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from avbench.config.evaluation import LinearSettings

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


def linear_probe(features: np.ndarray, labels: np.ndarray, split: np.ndarray, settings: LinearSettings) -> Outcome:
    """Fit a multinomial logistic regression for each strength; ask the best on validation about the test clips.

    Features are standardised with the training clips' mean and deviation. Strengths are tried from the strongest
    regularisation to the weakest, until ``PATIENCE`` of them in a row do worse than the best: the weakest take longest.
    Equal validation accuracies give the stronger regularisation.

    Args:
        features: float32 (n, width).
        labels: text (n,), the true labels.
        split: text (n,), ``train``, ``validation`` or ``test``.
        settings: strengths and iterations.
    """
    train, validation, test = (split == name for name in ("train", "validation", "test"))
    scaler = StandardScaler().fit(features[train])
    scaled = scaler.transform(features)
    grid, tried = sorted(settings.strengths), list[float]()  # the validation accuracy of each, as far as tried
    best: tuple[float, LogisticRegression, bool] | None = None
    start: LogisticRegression | None = None
    for strength in grid:
        model = LogisticRegression(
            C=strength, max_iter=settings.max_iterations, tol=settings.tolerance, warm_start=start is not None
        )
        if start is not None:  # the weaker penalty's solution is near the stronger one's
            model.coef_, model.intercept_, model.classes_ = (
                start.coef_.copy(),
                start.intercept_.copy(),
                start.classes_,
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model.fit(scaled[train], labels[train])
        converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
        accuracy = float(model.score(scaled[validation], labels[validation]))
        if best is None or accuracy > best[0]:
            best = (accuracy, model, converged)
        tried.append(accuracy)
        start = model
        if len(tried) > PATIENCE and max(tried[-PATIENCE:]) < best[0]:
            break
    if best is None:
        raise ValueError("no strengths to choose from")
    accuracy, model, converged = best
    place = tried.index(accuracy)
    decision = model.decision_function(scaled[test]).astype(np.float64)
    if decision.ndim == 1:  # of two classes, the second one's odds
        decision = np.stack([np.zeros_like(decision), decision], 1)
    scores = log_softmax(decision, 1)  # a probability near 1 would be rounded to it
    predictions = model.predict(scaled[test])
    return Outcome(
        predictions, model.classes_, scores, grid[place], _edge(place, tried, len(grid)), accuracy, converged
    )


def _edge(place: int, tried: Sequence[float], strengths: int) -> str:
    """Say at which edge of the grid the best strength lies; at none where its neighbour did as well, or has none."""
    if strengths == 1:
        return ""
    if place == 0:
        return "lowest" if tried[1] < tried[0] else ""
    return "highest" if place == strengths - 1 else ""
