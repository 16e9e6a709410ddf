"""The linear probe: a logistic regression on frozen features, its strength chosen on validation, tested once."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from avbench.config.evaluation import LinearSettings


@dataclass(frozen=True)
class Outcome:
    """What a probe says about the test clips, in their order, and how it was chosen.

    Attributes:
        predictions: text (m,).
        classes: text (classes,), sorted.
        scores: float64 (m, classes), ln of each class's probability.
        strength: the one chosen.
        validation_accuracy: with it.
        converged: whether its fit reached the tolerance.
    """

    predictions: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    strength: float
    validation_accuracy: float
    converged: bool


def linear_probe(features: np.ndarray, labels: np.ndarray, split: np.ndarray, settings: LinearSettings) -> Outcome:
    """Fit a multinomial logistic regression for each strength; ask the best on validation about the test clips.

    Features are standardised with the training clips' mean and deviation. Equal validation accuracies give the
    stronger regularisation.

    Args:
        features: float32 (n, width).
        labels: text (n,), the true labels.
        split: text (n,), ``train``, ``validation`` or ``test``.
        settings: strengths and iterations.
    """
    train, validation, test = (split == name for name in ("train", "validation", "test"))
    scaler = StandardScaler().fit(features[train])
    scaled = scaler.transform(features)
    best: tuple[float, float, LogisticRegression, bool] | None = None
    start: LogisticRegression | None = None
    for strength in sorted(settings.strengths):
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
            best = (accuracy, strength, model, converged)
        start = model
    if best is None:
        raise ValueError("no strengths to choose from")
    accuracy, strength, model, converged = best
    decision = model.decision_function(scaled[test]).astype(np.float64)
    if decision.ndim == 1:  # of two classes, the second one's odds
        decision = np.stack([np.zeros_like(decision), decision], 1)
    scores = log_softmax(decision, 1)  # a probability near 1 would be rounded to it
    return Outcome(model.predict(scaled[test]), model.classes_, scores, strength, accuracy, converged)
