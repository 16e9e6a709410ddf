"""Coverage of the interval of the break-even rate of wrong labels, by simulation.

    python -m benchmarks.break_even [--repetitions 1000]

Prints, for a known truth, how often the interval of :func:`avbench.results.robustness.break_even` holds it, how wide it
is within the rates that are tried, and how often each verdict is reached.
"""

import argparse
import math
from collections import Counter

import numpy as np
import pandas as pd

from avbench.config.budgets import DEFAULT
from avbench.core.rng import generator
from avbench.results.outcomes import Outcomes
from avbench.results.robustness import PAYS_UP_TO, UNDECIDED, Noise, Size, break_even

SEEDS, CLIPS, DEVIATIONS = (3, 5, 10), (250, 1000), (0.0, 0.02, 0.05)
RATES = {"true": 0.0, **{f"uniform-{percent}": percent / 100 for percent in (10, 20, 30, 40, 50)}}
NOISE = {name: Noise("uniform", rate) for name, rate in RATES.items() if rate}
RANDOM, GAIN, LOSS = 0.4, 0.2, 0.6  # accuracy of random pairing; gain with true labels, and its loss for each wrong one
TRUTH = GAIN / LOSS
PLACE = ("task", "linear", "audio", "subset")


def draw(rng: np.random.Generator, seeds: int, clips: int, deviation: float) -> dict[tuple[str, ...], Outcomes]:
    """Draw what random pairing and a method at every rate got right.

    Args:
        rng: generator.
        seeds, clips: how many.
        deviation: of each run's accuracy (share). Clips differ in difficulty, alike for all runs.
    """
    difficulty, found = rng.uniform(-0.2, 0.2, clips), {}
    for labels, accuracy in [("none", RANDOM), *((name, RANDOM + GAIN - LOSS * rate) for name, rate in RATES.items())]:
        chance = accuracy + difficulty + deviation * rng.standard_normal((seeds, 1))
        right = (rng.random((seeds, clips)) < chance).astype(np.uint8)
        method = "random" if labels == "none" else "method"
        found[method, *PLACE, labels, DEFAULT] = Outcomes(right, tuple(range(seeds)), pd.RangeIndex(clips))
    return found


def coverage(seeds: int, clips: int, deviation: float, repetitions: int) -> dict[str, float]:
    """Return the share of intervals that hold the truth, their mean width, and the share of each verdict."""
    rng = generator(0, "break-even", seeds, clips, deviation)
    held, width, verdicts = 0, 0.0, Counter()
    for _ in range(repetitions):
        found = break_even(draw(rng, seeds, clips, deviation), NOISE, {PLACE[3]: Size(clips, 1.0)}).iloc[0]
        low, high = found["ci_low"], math.inf if math.isnan(found["ci_high"]) else found["ci_high"]
        held += low <= TRUTH <= high
        width += min(high, max(RATES.values())) - low
        verdicts[found["verdict"]] += 1
    shares = {"right_verdict": verdicts[PAYS_UP_TO] / repetitions, "undecided": verdicts[UNDECIDED] / repetitions}
    return {"coverage": held / repetitions, "width": width / repetitions} | shares


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.break_even", description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1000, help="simulated experiments a row")
    repetitions = parser.parse_args().repetitions
    rows = [
        {"seeds": seeds, "clips": clips, "deviation": deviation} | coverage(seeds, clips, deviation, repetitions)
        for seeds in SEEDS
        for clips in CLIPS
        for deviation in DEVIATIONS
    ]
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
