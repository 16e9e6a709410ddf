"""Coverage of the 95 % interval over seeds and test clips, by simulation.

    python -m benchmarks.intervals [--repetitions 1000]

Prints, for known truths, how often :func:`avbench.results.bootstrap.bootstrap` and its peers hold the truth, and how
wide they are: the plain hierarchical bootstrap (percentiles), and Student's t over the seeds' means.
"""

import argparse
import math

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtrit

from avbench.core.rng import generator
from avbench.results.bootstrap import RESAMPLES, bootstrap

SEEDS, CLIPS, DEVIATIONS = (3, 5, 10), (250, 1000), (0.0, 0.01, 0.02, 0.05)
DIFFICULTY = 1.5  # deviation of the clips' difficulty, in probits


def draw(rng: np.random.Generator, seeds: int, clips: int, deviation: float, difference: bool):
    """Draw what was right, and the true mean over all seeds and clips.

    A clip is classified rightly with probability Φ(a + seed + difficulty), all normal, so that the truth has a closed
    form. A difference is that of two methods five points apart, with own seeds and clips that correlate with 0.8.

    Args:
        rng: generator.
        seeds, clips: how many.
        deviation: of a method's accuracy over seeds (share).
        difference: the difference of two methods rather than one accuracy.

    Returns:
        float64 (seeds, clips), and the truth.
    """
    scale = math.sqrt(1 + DIFFICULTY**2)
    shared = rng.standard_normal(clips)

    def method(accuracy: float, own: float):
        offset = scale * ndtri(accuracy)
        density = math.exp(-(ndtri(accuracy) ** 2) / 2) / math.sqrt(2 * math.pi) / scale
        spread = deviation / density
        difficulty = DIFFICULTY * (math.sqrt(1 - own**2) * shared + own * rng.standard_normal(clips))
        chance = ndtr(offset + spread * rng.standard_normal((seeds, 1)) + difficulty)
        return (rng.random((seeds, clips)) < chance) * 1.0, ndtr(offset / math.sqrt(scale**2 + spread**2))

    values, truth = method(0.5, 0.0)
    if difference:
        other, theirs = method(0.45, 0.6)
        values, truth = values - other, truth - theirs
    return values, truth


def coverage(seeds: int, clips: int, deviation: float, difference: bool, repetitions: int) -> dict[str, float]:
    """Return the share of intervals that hold the truth, and their mean width, for each kind of interval."""
    rng = generator(0, "coverage", seeds, clips, deviation, difference)
    weights = rng.multinomial(seeds, [1 / seeds] * seeds, RESAMPLES) / seeds
    drawn = (rng.multinomial(clips, [1 / clips] * clips, RESAMPLES) / clips).astype(np.float32)
    kinds = ("ours", "percentile", "t_of_seeds")
    held, widths = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0.0)
    for _ in range(repetitions):
        values, truth = draw(rng, seeds, clips, deviation, difference)
        found = bootstrap({"task": values})
        plain = np.einsum("bs,bs->b", weights, drawn @ values.T.astype(np.float32))
        half = stdtrit(seeds - 1, 0.975) * values.mean(axis=1).std(ddof=1) / math.sqrt(seeds)
        bounds = [(found.low, found.high), np.quantile(plain, [0.025, 0.975]), (found.mean - half, found.mean + half)]
        for kind, (low, high) in zip(kinds, bounds, strict=True):
            held[kind] += low <= truth <= high
            widths[kind] += high - low
    shares = {f"{kind}_coverage": held[kind] / repetitions for kind in kinds}
    return shares | {f"{kind}_width": widths[kind] / repetitions for kind in kinds}


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.intervals", description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1000, help="simulated experiments a row")
    repetitions = parser.parse_args().repetitions
    rows = [
        {"difference": difference, "seeds": seeds, "clips": clips, "deviation": deviation}
        | coverage(seeds, clips, deviation, difference, repetitions)
        for difference in (False, True)
        for seeds in SEEDS
        for clips in CLIPS
        for deviation in DEVIATIONS
    ]
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
