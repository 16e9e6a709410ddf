"""Vectors of unit length."""

import numpy as np


def unit(features: np.ndarray) -> np.ndarray:
    """Scale rows to length one; a row of zeros stays."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(length, np.finfo(features.dtype).tiny)
