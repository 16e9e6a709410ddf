"""p values of a family of tests, adjusted for their number."""

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> np.ndarray:
    """Adjust the p values of one family for their number (Holm 1979, "A simple sequentially rejective procedure").

    Returns:
        Adjusted p values, float64, shape (n,); NaN stays NaN and counts for nothing.
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]  # NaN sorts last
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
