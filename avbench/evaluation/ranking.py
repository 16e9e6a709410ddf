"""How well scores rank clips, class by class, as numbers per clip whose mean is the metric.

Average precision and the area under the ROC curve are no means over clips. But with a weight for each clip, weights of
one giving the metric itself, both have a derivative by each weight; and since all weights together change nothing,
these sum to zero. So ``metric + clips · derivative`` is a number per clip whose mean is the metric, and the variance of
whose mean is what a bootstrap over clips would find, to first order: the infinitesimal jackknife (Jaeckel 1972; Efron
1982, "The jackknife, the bootstrap and other resampling plans", 6). Of the area under the curve these are the
components of DeLong et al. 1988, "Comparing the areas under two or more correlated receiver operating characteristic
curves". Intervals, paired differences and claims take them as they take right and wrong clips of an accuracy.
"""

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


def over_classes(metric: Metric, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return a number per clip whose mean is the metric's mean over classes: float64 (clips,).

    Classes that no clip has, or every clip, cannot be ranked and are left out.

    Args:
        metric: :func:`average_precision` or :func:`roc_area`.
        scores: float (clips, classes); compared within a column.
        truth: bool (clips, classes).

    Raises:
        ValueError: no class can be ranked.
    """
    shown = [column for column in range(truth.shape[1]) if 0 < truth[:, column].sum() < len(truth)]
    if not shown:
        raise ValueError("every class has all test clips or none")
    values, derivatives = zip(*(metric(scores[:, column], truth[:, column]) for column in shown), strict=True)
    return np.mean(values) + len(truth) * np.mean(derivatives, axis=0)


def average_precision(scores: np.ndarray, positive: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the average precision, and its derivative by the weight of each clip, float64 (clips,).

    It is the mean, over positive clips, of the precision among all clips that score as high or higher, as
    scikit-learn's ``average_precision_score`` has it.

    Args:
        scores: float (clips,).
        positive: bool (clips,), not all the same.
    """
    group, order = _groups(-scores)
    hits = positive[order].astype(np.float64)
    own = np.bincount(group, hits)
    ends = np.cumsum(np.bincount(group))
    right, positives = np.cumsum(own), hits.sum()
    precision = right / ends
    value = float((precision * own).sum() / positives)
    # A clip counts among the retrieved of all positive clips that score no higher.
    gained, lost = (_from_here_on(own / ends), _from_here_on(own * right / ends**2))
    derivative = np.empty(len(scores))
    derivative[order] = (hits * (precision[group] - value + gained[group]) - lost[group]) / positives
    return value, derivative


def roc_area(scores: np.ndarray, positive: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the area under the ROC curve, and its derivative by the weight of each clip, float64 (clips,).

    It is the share of pairs of a positive and a negative clip in which the positive one scores higher; ties count half.

    Args:
        scores: float (clips,).
        positive: bool (clips,), not all the same.
    """
    group, order = _groups(scores)
    hits = positive[order].astype(np.float64)
    positives, negatives = np.bincount(group, hits), np.bincount(group, 1 - hits)
    below = (np.cumsum(negatives) - negatives / 2)[group] / negatives.sum()  # of a positive clip: the pairs it wins
    above = (_from_here_on(positives) - positives / 2)[group] / positives.sum()  # of a negative one: those it loses
    value = float((below * hits).sum() / positives.sum())
    derivative = np.empty(len(scores))
    derivative[order] = np.where(hits > 0, (below - value) / positives.sum(), (above - value) / negatives.sum())
    return value, derivative


def _groups(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the group of equal values for each place in ascending order, and that order."""
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    return np.concatenate([[0], np.cumsum(sorted_values[1:] != sorted_values[:-1])]), order


def _from_here_on(values: np.ndarray) -> np.ndarray:
    return np.cumsum(values[::-1])[::-1]
