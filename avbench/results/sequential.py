"""Tests that are looked at again after every round of seeds: p values and intervals that stay valid for all looks."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from avbench.results.estimates import Estimate

FUTILE_POWER = 0.1
"""A claim whose conditional power is below this is not given further seeds."""
_NODES = 201  # of the quadrature; crossing probabilities are good to ten digits


@lru_cache(maxsize=4096)
def crossing_probability(p: float, looks: Sequence[int]) -> float:
    """Return the probability under the null hypothesis that at any look the two-sided p value is at most ``p``.

    Estimates at successive looks are those of a growing number of seeds on the same clips. The covariance of an early
    and a late mean is the variance of the late one, so that their z values correlate as √(V_late / V_early): the
    canonical joint distribution of group-sequential tests, with information 1 / V (Jennison & Turnbull 2000, "Group
    sequential methods with applications to clinical trials", ch. 3). The part of V that clips make is the same at all
    looks; the less of it there is, the smaller the correlations, down to √(S_early / S_late), and the more probable
    that one look of several is extreme. So that case is taken here, which needs no estimate and errs on the safe side
    for any mixture of seeds and clips; simulations bear it out (``python -m benchmarks.intervals``). Boundaries are
    Pocock's (1977): the same p at each look. Computed by the recursion of Armitage, McPherson & Rowe (1969) with
    Gauss–Legendre quadrature.

    Args:
        p: from above 0 to 1.
        looks: numbers of seeds, ascending.
    """
    from scipy.special import ndtr, ndtri  # here, since planning imports what imports this

    if p >= 1:
        return 1.0
    bound = -float(ndtri(max(p, 1e-300) / 2))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    crossed, inside, density, before = p, np.zeros(1), np.ones(1), 0
    for number, seeds in enumerate(looks):
        edge, deviation = bound * math.sqrt(seeds), math.sqrt(seeds - before)
        if number:
            crossed += float(density @ (ndtr((-edge - inside) / deviation) + ndtr((inside - edge) / deviation)))
        steps = (edge * nodes[None] - inside[:, None]) / deviation
        density = density @ np.exp(-(steps**2) / 2) / (math.sqrt(2 * math.pi) * deviation) * weights * edge
        inside, before = edge * nodes, seeds
    return min(crossed, 1.0)


def sequential_p(p: float, looks: Sequence[int]) -> float:
    """Return the p value of all looks together: the level at which a boundary would just have been crossed.

    Sequential p values (Liu & Anderson 2008, "On adaptive extensions of group sequential trials for clinical
    investigations") are valid whenever and for whatever reason a claim is stopped, and can be adjusted for the number
    of claims as any other (Maurer & Bretz 2013, "Multiple testing in group sequential trials using graphical
    approaches").

    Args:
        p: the smallest two-sided p value of the looks so far; NaN stays NaN.
        looks: all that are planned, not only those that were had.
    """
    return math.nan if math.isnan(p) else crossing_probability(float(p), tuple(looks))


@lru_cache(maxsize=256)
def nominal_level(alpha: float, looks: Sequence[int]) -> float:
    """Return the level of each look at which all of them together have the level ``alpha``.

    An interval of level 1 − this is a repeated confidence interval (Jennison & Turnbull 1989, "Interim analyses: the
    repeated confidence interval approach"): all looks' intervals hold the truth together with probability 1 − alpha.
    """
    from scipy.optimize import brentq

    looks = tuple(looks)
    if len(looks) == 1:
        return alpha
    return float(brentq(lambda p: crossing_probability(p, looks) - alpha, alpha / len(looks) / 2, alpha, xtol=1e-12))


def conditional_power(estimate: Estimate, most: int, effect: float, level: float) -> float:
    """Return the chance that a claim is decided with its last seeds, given what has been seen of it.

    The mean with all seeds, given the present one, is normal with the drift θ in what is still to come (Lachin 2005, "A
    review of methods for futility stopping based on conditional power"). θ is the present mean, or ``effect`` in its
    direction where that is more.

    Args:
        estimate: with the seeds so far.
        most: how many seeds there can be.
        effect: the smallest interesting one, in the unit of the estimate.
        level: two-sided, of the test at the last look.
    """
    from scipy.special import ndtr, ndtri

    now = estimate.variance
    last = estimate.fixed + (now - estimate.fixed) * estimate.seeds / most
    size = abs(estimate.mean)
    if not last > 0:
        return float(size > 0)
    mean = last / now * size + (1 - last / now) * max(size, effect)
    deviation = math.sqrt(max(last - last**2 / now, 0.0))
    edge = -float(ndtri(level / 2)) * math.sqrt(last)
    return float(ndtr((mean - edge) / deviation)) if deviation > 0 else float(mean > edge)
