"""Whether a run was still improving when it ended."""

import math
from collections.abc import Sequence

import numpy as np

IMPROVING_SHARE = 0.02


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
    fallen = np.asarray(losses, dtype=np.float64)
    if fallen.size < 5:
        return True
    tail = fallen[-max(3, math.ceil(fallen.size / 5)) :]
    time = np.arange(tail.size) - (tail.size - 1) / 2
    slope = (time @ tail) / (time @ time)
    residual = tail - tail.mean() - slope * time
    error = math.sqrt((residual @ residual) / (tail.size - 2) / (time @ time))
    fall = -slope * (tail.size - 1)
    whole = fallen[0] - (tail.mean() - fall / 2)
    return bool(-slope > 2 * error and fall > IMPROVING_SHARE * whole)
