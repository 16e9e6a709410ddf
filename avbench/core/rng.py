"""Stateless randomness: every draw is a function of (seed, purpose, …), never of what was drawn before.

So the number of workers, a restart or the order of jobs changes nothing.
"""

import numpy as np

from avbench.core.hashing import hash64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def generator(seed: int, purpose: str, *key: object) -> np.random.Generator:
    """Return a NumPy generator (Philox) for the stream named by ``(seed, purpose, *key)``."""
    return np.random.Generator(np.random.Philox(key=[hash64(seed, purpose, *key), hash64(purpose, seed, *key)]))


def uniforms(seed: int, purpose: str, epoch: int, index: np.ndarray) -> np.ndarray:
    """Draw one number in [0, 1) for each index: float64, the shape of ``index``.

    Vectorised SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators") in counter
    mode, so that drawing for a sample costs the same whatever the dataset's size.
    """
    state = np.uint64(hash64(seed, purpose, epoch)) + _GOLDEN * (np.asarray(index).astype(np.uint64) + np.uint64(1))
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
