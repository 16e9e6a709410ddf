"""Variance components of what was right, over seeds and test clips: crossed, as all models see the same clips."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Components:
    """The mean of a contrast over seeds and clips, and the mean squares that its variance is made of.

    Mean squares are of a crossed analysis of variance without replication (Searle, Casella & McCulloch 1992, "Variance
    components", ch. 4), each over the number of seeds times that of clips: what it adds to the variance of the mean.

    Attributes:
        mean: in the unit of what was given.
        between: of the seeds' means; NaN with one seed.
        within: of the clips' means, over all tasks; NaN where a task has a single clip.
        residual: of what is left of both; 0 with one seed. ``between`` and ``within`` each hold it once.
        within_freedom: the sum over tasks of ``within``² / (clips − 1), for Satterthwaite's degrees of freedom.
        seeds, clips: how many; ``clips`` over all tasks.
        weight: of the contrast: the variance of seeds is expected to be in proportion to it.
    """

    mean: float
    between: float
    within: float
    residual: float
    within_freedom: float
    seeds: int
    clips: int
    weight: float = 1.0

    @property
    def seed_variance(self) -> float:
        """The variance between seeds for a contrast of weight 1, which chance may make negative; NaN with one seed."""
        return self.seeds * (self.between - self.residual) / self.weight


def components(parts: Mapping[str, np.ndarray], weight: float = 1.0) -> Components:
    """Return the components of the sum of the parts' means.

    Args:
        parts: for each task, numbers of shape (seeds, clips): 1 where a clip is classified rightly and 0 where not, or
            a weighted sum of such over methods. Rows are the same seeds in all parts; clips are those of each task.
        weight: the sum of the squared weights of the methods, 2 for a difference of two.

    Raises:
        ValueError: there is no seed or no clip, or parts differ in seeds.
    """
    by_seed, within, residual, freedom, clips = np.zeros(()), 0.0, 0.0, 0.0, 0
    for part in parts.values():
        values = np.asarray(part, dtype=np.float64)
        seeds, count = values.shape
        if not values.size or (by_seed.ndim and len(by_seed) != seeds):
            raise ValueError("parts need clips, and the same seeds")
        rows, columns = values.mean(axis=1), values.mean(axis=0)
        by_seed, clips = by_seed + rows, clips + count
        share = variance(columns) / count
        within, freedom = within + share, freedom + share**2 / max(count - 1, 1)
        rest = values - rows[:, None] - columns + rows.mean()
        residual += float((rest**2).sum()) / max((seeds - 1) * (count - 1), 1) / (seeds * count)
    if by_seed.ndim == 0:
        raise ValueError("a contrast needs at least one part")
    between = variance(by_seed) / len(by_seed)
    return Components(float(by_seed.mean()), between, within, residual, freedom, len(by_seed), clips, weight)


def variance(values: np.ndarray) -> float:
    """Return the variance of values (n,); NaN of a single one."""
    return float(values.var(ddof=1)) if len(values) > 1 else math.nan
