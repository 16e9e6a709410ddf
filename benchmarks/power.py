"""Whether the number of seeds that is predicted decides a claim as often as it says, on simulated experiments.

    python -m benchmarks.power [--repetitions 60] [--output results/simulations/power.csv]

The number is predicted for each of 27 claims, from a pilot of so many seeds, or from the true variances; then a new
experiment is drawn in which every claim is true, and each is tested with its number of seeds.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtr

from avbench.core.rng import generator
from avbench.results.crossed import components
from avbench.results.estimates import PRIOR_FREEDOM, moderated
from avbench.results.power import POWER, Spread, power, seeds_needed
from benchmarks.intervals import LEVEL, METHODS, TASKS, Case, draw

CLAIMS = TASKS * METHODS
CASES = [(600, 0.02, 0.07), (600, 0.04, 0.10), (5000, 0.02, 0.04), (5000, 0.03, 0.06), (5000, 0.04, 0.08)]
PILOTS = (3, 5, 10)
ENDLESS = 40  # seeds from which variances are taken for true


def _spreads(rng: np.random.Generator, case: Case) -> list[Spread]:
    """Return what an experiment without effects shows of each claim."""
    family = [components({"task": values}, weight=2) for _ in range(TASKS) for values in draw(rng, case)]
    return [Spread.of(found, PRIOR_FREEDOM) for found in moderated(family)]


def _decided(rng: np.random.Generator, clips: int, deviation: float, effect: float, seeds: list[int]) -> np.ndarray:
    """Draw an experiment and say of each claim whether it is decided with its number of seeds."""
    case = Case("fixed", max(seeds), clips, deviation, effects=False)
    flat = [values for _ in range(TASKS) for values in draw(rng, case)]
    family = [components({"task": values[:count]}, weight=2) for values, count in zip(flat, seeds, strict=True)]
    # Adding the effect to every difference moves the mean and leaves the variance.
    found = moderated(family)
    errors = np.array([math.sqrt(one.variance) for one in found])
    t = np.array([one.mean + effect for one in found]) / errors
    return 2 * stdtr(np.array([one.freedom for one in found]), -np.abs(t)) < LEVEL / CLAIMS


def rows(repetitions: int) -> list[dict[str, object]]:
    """Return a row for each case and pilot."""
    found = []
    for clips, deviation, effect in CASES:
        for pilot in (*PILOTS, ENDLESS):
            rng = generator(0, "power", clips, deviation, effect, pilot)
            shares, numbers = [], []
            for _ in range(repetitions):
                spreads = _spreads(rng, Case("fixed", pilot, clips, deviation, effects=False))
                needed = [seeds_needed(spread, clips, effect, LEVEL / CLAIMS) for spread in spreads]
                predicted = [count or 1000 for count in needed]
                numbers += predicted
                shares.append(_decided(rng, clips, deviation, effect, predicted).mean())
            told = zip(spreads, predicted, strict=True)
            expected = np.mean([power(spread, seeds, clips, effect, LEVEL / CLAIMS) for spread, seeds in told])
            found.append(
                {
                    "clips": clips,
                    "seed_sd": deviation,
                    "effect": effect,
                    "pilot_seeds": pilot,
                    "seeds_predicted": float(np.median(numbers)),
                    "wanted": POWER,
                    "expected": float(expected),
                    "decided": float(np.mean(shares)),
                    "standard_error": float(np.std(shares, ddof=1) / math.sqrt(repetitions)),
                }
            )
            print(" ".join(f"{name} {value:.4g}" for name, value in found[-1].items()), flush=True)
    return found


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(prog="benchmarks.power", description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=60, help="pilots a row, of 27 claims each")
    parser.add_argument("--output", type=Path, help="write the table here, too")
    given = parser.parse_args()
    table = pd.DataFrame(rows(given.repetitions)).round(4)
    if given.output:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(given.output, index=False)


if __name__ == "__main__":
    main()
