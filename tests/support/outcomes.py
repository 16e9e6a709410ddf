"""What models got right, drawn for tests."""

import numpy as np


def outcomes(seeds, clips, seed=0, spread=0.05):
    """0 and 1 of models that differ over seeds and of clips that differ in difficulty, float64 (seeds, clips)."""
    rng = np.random.default_rng(seed)
    chance = rng.random(clips) + spread * rng.standard_normal((seeds, 1))
    return (rng.random((seeds, clips)) < chance).astype(float)
