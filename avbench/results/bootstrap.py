"""Curves resampled over seeds and test clips, for what follows from a whole curve, such as where it crosses zero."""

import math
from functools import lru_cache

import numpy as np

from avbench.core.rng import generator
from avbench.results.crossed import components
from avbench.results.estimates import moderated

RESAMPLES = 2000
_LEVEL = 0.95
_ROUNDING = 1e-9
_BLOCK = 2**22  # clips drawn at a time: 32 MB


def resampled_curve(name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a curve, and what a hierarchical bootstrap over seeds and test clips makes of them together.

    A resample draws seeds with replacement, and clips likewise, the same for all points: seeds and clips are crossed.
    Both draws depend on the numbers of seeds and clips and the task's name only. Plainly done, that is wrong in two
    ways. With S seeds a resample has (S − 1)/S of their variance, and quantiles of the normal kind ignore that a
    variance of three values is hardly known. And a seed's mean holds the noise of its clips, which counts twice (Owen
    2007, "The pigeonhole bootstrap"). So at each point the deviations of seeds are scaled to the part of the variance
    that is their own, and all deviations are expanded from normal to Student's t (Hesterberg 2015, "What teachers
    should know about the bootstrap", 3.4 and 5.3), both as :func:`avbench.results.estimates.moderated` has them with
    the points for a family: percentiles of a point are about the interval there.

    Args:
        name: of the task.
        values: shape (points, seeds, clips): numbers as :func:`avbench.results.crossed.components` takes them.

    Returns:
        The points, float64 (points,); and the resampled curves, float64 (resamples, points), NaN with a single clip.
    """
    from scipy.special import ndtri, stdtrit  # here, since planning imports what imports this

    values = np.asarray(values, dtype=np.float64)
    _, seeds, clips = values.shape
    found = [components({name: point}) for point in values]
    estimates = moderated(found, _LEVEL)
    columns = values.mean(axis=1)
    mean = columns.mean(axis=1, keepdims=True)
    deviations = (_clip_weights(name, clips) @ (columns - mean).T.astype(np.float32)).astype(float)
    for place, (point, estimate) in enumerate(zip(found, estimates, strict=True)):
        if estimate.own > 0 and point.between > 0:
            drawn = _seed_weights(seeds) @ (values[place].mean(axis=1) - point.mean)
            deviations[:, place] += drawn * math.sqrt(estimate.own / (point.between * (seeds - 1) / seeds))
        if estimate.variance < _ROUNDING**2:
            deviations[:, place] = 0.0
        else:
            end = (1 + _LEVEL) / 2
            # NaN with a single clip.
            deviations[:, place] *= stdtrit(estimate.freedom, end) / ndtri(end) + 0 * estimate.variance
    points = np.array([estimate.mean for estimate in estimates])
    return points, points + deviations


@lru_cache(maxsize=16)
def _clip_weights(name: str, count: int) -> np.ndarray:
    """Return how often each resample draws each clip, over their number: float32 (resamples, count).

    Kept, since all curves share them: 116 MB for VGGSound's 14,518 test clips.
    """
    rng = generator(0, "bootstrap-clips", name, count)
    weights = np.empty((RESAMPLES, count), dtype=np.float32)
    step = max(_BLOCK // count, 1)
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        drawn = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        weights[start : start + rows] = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
    weights /= count
    return weights


@lru_cache(maxsize=16)
def _seed_weights(seeds: int) -> np.ndarray:
    """Return the same for seeds: float64 (resamples, seeds)."""
    return generator(0, "bootstrap-seeds", seeds).multinomial(seeds, [1 / seeds] * seeds, RESAMPLES) / seeds
