"""Intervals over seeds, and whether a run had converged."""

import math
from collections.abc import Sequence

import numpy as np

IMPROVING_SHARE = 0.02


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean and Student's t confidence interval of a mean, as (mean, low, high).

    ``mean ± t · s / √n`` with n − 1 degrees of freedom and the sample deviation s (Student 1908, "The
    probable error of a mean"; NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.2). A single value
    has NaN bounds.

    Raises:
        ValueError: there is no value.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(values.mean())
    if values.size == 1:
        return mean, math.nan, math.nan
    from scipy.special import stdtrit  # here, since training imports this module too and does without scipy

    t = float(stdtrit(values.size - 1, (1 + level) / 2))
    half = t * float(values.std(ddof=1)) / math.sqrt(values.size)
    return mean, mean - half, mean + half


def paired(a: Sequence[float], b: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean and t interval of a − b, where ``a[i]`` and ``b[i]`` share a seed."""
    return interval(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64), level)


def still_improving(losses: Sequence[float]) -> bool:
    """Say whether a run was still improving when it ended.

    A straight line is fitted by least squares to the last fifth of the epochs (three at least). The run was
    still improving if the line falls by more than 2 % of the loss's whole fall since the first epoch, and if
    that fall is no noise: more than twice its standard error. The fall is measured against the whole fall and
    not against the loss, as a loss near its start may hide a slow learner and a loss near zero makes every
    ripple look large. A decaying learning rate flattens any loss, so False does not say that a longer run
    would bring nothing.

    Args:
        losses: the mean training loss of each epoch (or of equal stretches of training), shape (n,).

    Returns:
        True or False; True for fewer than five epochs, too few to have settled.
    """
    losses = np.asarray(losses, dtype=np.float64)
    if losses.size < 5:
        return True
    tail = losses[-max(3, math.ceil(losses.size / 5)) :]
    time = np.arange(tail.size) - (tail.size - 1) / 2
    slope = (time @ tail) / (time @ time)
    residual = tail - tail.mean() - slope * time
    error = math.sqrt((residual @ residual) / (tail.size - 2) / (time @ time))
    fall = -slope * (tail.size - 1)
    whole = losses[0] - (tail.mean() - fall / 2)
    return bool(-slope > 2 * error and fall > IMPROVING_SHARE * whole)
