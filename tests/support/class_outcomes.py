"""Predictions of methods that are right on a given share of each class's clips."""

import numpy as np
import pandas as pd

CLASSES = [f"class {k:02}" for k in range(30)]
CLIPS = {name: round(100 * 0.9**k) for k, name in enumerate(CLASSES)}
EACH = 20
RISING, EVEN = np.linspace(0.3, 0.9, 30), np.full(30, 0.4)  # shares of the classes, in their order
RANDOM = np.random.default_rng(0)


def outcomes(share, seeds=3, random=RANDOM):
    """Predictions of a method that is right on such a share of each class's clips."""
    labels = np.repeat(CLASSES, EACH)
    parts = [
        pd.DataFrame(
            {
                "seed": seed,
                "clip_id": [f"clip {k}" for k in range(len(labels))],
                "label": labels,
                "correct": (random.random(len(labels)) < np.repeat(share, EACH)).astype(float),
            }
        )
        for seed in range(seeds)
    ]
    return pd.concat(parts)
