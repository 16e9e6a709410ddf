"""Error rates, coverage and power of verdicts on simulated experiments, with so many seeds and with seeds as needed.

    python -m benchmarks.intervals [--repetitions 1000] [--output results/simulations/error_rates.csv]

An experiment has 27 claims: nine methods against their baseline on each of three tasks with test clips of their own.
Either all claims are null, or nine are true by ten points. Verdicts are those of the package: variances of seeds shrunk
over the 27, Holm's adjustment; and sequentially with looks after every round, where a claim gets further seeds until it
is decided, too small or futile. The family-wise error is the share of experiments in which any null claim is decided.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from avbench.config.seeds import looks
from avbench.core.rng import generator
from avbench.results.crossed import Components, components
from avbench.results.estimates import PRIOR_FREEDOM, moderated
from avbench.results.multiplicity import holm
from avbench.results.sequential import crossing_probability
from avbench.results.stopping import DECIDED, Looks, follow

SEEDS, CLIPS, DEVIATIONS = (3, 5, 10), (600, 5000, 14518), (0.0, 0.01, 0.02, 0.03, 0.04, 0.05)
FIRST, MOST = 3, 20
TASKS, METHODS, TRUE = 3, 9, 3  # of the methods, so many are better than the baseline in experiments with effects
EFFECT, INTERESTING, LEVEL = 0.10, 0.02, 0.05
DIFFICULTY = 1.5  # deviation of the clips' difficulty, in probits
CORRELATION = 0.64  # of a clip's difficulty for two methods
ACCURACY = 0.45


@dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
        look: ``fixed`` or ``sequential``.
        seeds: how many, or the most there can be.
        clips: of each task.
        seed_sd: deviation of a method's accuracy over seeds (share), in the mean over methods.
        effects: whether there are true claims.
        spread: deviation over methods of the logarithm of ``seed_sd``.
        prior: degrees of freedom that the family's variance counts for, at most.
    """

    look: str
    seeds: int
    clips: int
    seed_sd: float
    effects: bool
    spread: float = 0.0
    prior: float = PRIOR_FREEDOM


def draw(rng: np.random.Generator, case: Case) -> np.ndarray:
    """Draw one task: differences of nine methods to a baseline, float32 (methods, seeds, clips).

    A clip is classified rightly where accuracy, seed, difficulty and chance together are above zero, all normal, so
    that accuracies have a closed form.
    """
    methods = METHODS + 1
    accuracy = np.full(methods, ACCURACY)
    accuracy[1 : 1 + TRUE * case.effects] += EFFECT
    scale = math.sqrt(1 + DIFFICULTY**2)
    offset = ndtri(accuracy)
    density = np.exp(-(offset**2) / 2) / math.sqrt(2 * math.pi) / scale
    unequal = np.exp(case.spread * rng.standard_normal(methods) - case.spread**2)  # of mean square 1
    deviation = case.seed_sd * unequal / density
    seed = deviation[:, None] * rng.standard_normal((methods, case.seeds))
    level = (offset * np.sqrt(scale**2 + deviation**2))[:, None] + seed
    shared = rng.standard_normal(case.clips, dtype=np.float32)
    own = rng.standard_normal((methods, case.clips), dtype=np.float32)
    difficulty = DIFFICULTY * (math.sqrt(CORRELATION) * shared + math.sqrt(1 - CORRELATION) * own)
    chance = rng.standard_normal((methods, case.seeds, case.clips), dtype=np.float32)
    right = (chance + difficulty[:, None] > -level[:, :, None].astype(np.float32)).astype(np.float32)
    return right[1:] - right[0]


def fixed(tasks: Sequence[np.ndarray], case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return of each claim whether it is decided, the bounds of its interval, and its seeds."""
    family = [components({"task": values}, weight=2) for task in tasks for values in task]
    found = moderated(family, prior_freedom=case.prior)
    low, high, p = (np.array([getattr(one, name) for one in found]) for name in ("low", "high", "p"))
    return holm(p) < LEVEL, low, high, np.full(len(found), case.seeds)


def sequential(tasks: Sequence[np.ndarray], case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the same of claims that are looked at after every round, each as it stands when it is stopped."""
    planned = looks(FIRST, case.seeds)
    flat = [values for task in tasks for values in task]

    def contrast(values: np.ndarray) -> Callable[[int], Components]:
        return lambda seeds: components({"task": values[:seeds]}, weight=2)

    contrasts = {str(place): contrast(values) for place, values in enumerate(flat)}
    courses = follow(contrasts, Looks(planned, len(planned), INTERESTING), _sequential).values()
    low, high, seeds = (np.array([getattr(one.estimate, name) for one in courses]) for name in ("low", "high", "seeds"))
    return np.array([one.state == DECIDED for one in courses]), low, high, seeds


def _sequential(p: float, planned: Sequence[int]) -> float:
    """Return the sequential p value, interpolated: there are millions of them."""
    logarithms, values = _grid(tuple(planned))
    return float(np.interp(math.log(max(p, 1e-14)), logarithms, values))


@lru_cache(maxsize=1)
def _grid(planned: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    grid = np.logspace(-14, 0, 400)
    return np.log(grid), np.array([crossing_probability(float(p), planned) for p in grid])


def _claims(case: Case) -> str:
    return f"{TRUE * TASKS} of 27 true by {100 * EFFECT:.0f} points" if case.effects else "27 null"


def simulate(case: Case, repetitions: int) -> dict[str, object]:
    """Return a row of the table."""
    key = (case.look, case.seeds, case.clips, case.seed_sd, case.effects, case.spread)
    rng = generator(0, "error-rates", *key)  # whatever the prior, the same experiments
    truth = np.tile(np.r_[np.full(TRUE * case.effects, EFFECT), np.zeros(METHODS - TRUE * case.effects)], TASKS)
    wrong, held, right, used = 0, 0.0, 0.0, 0.0
    test = {"fixed": fixed, "sequential": sequential}[case.look]
    for _ in range(repetitions):
        decided, low, high, seeds = test([draw(rng, case) for _ in range(TASKS)], case)
        wrong += decided[truth == 0].any()
        held += ((low <= truth) & (truth <= high)).mean()
        right += decided[truth > 0].mean() if case.effects else math.nan
        used += seeds.mean()
    error = wrong / repetitions
    return {
        "look": case.look,
        "seeds": case.seeds,
        "clips": case.clips,
        "seed_sd": case.seed_sd,
        "claims": _claims(case),
        "family_wise_error": error,
        "standard_error": math.sqrt(max(error * (1 - error), 1 / repetitions) / repetitions),
        "coverage": held / repetitions,
        "power": right / repetitions,
        "seeds_used": used / repetitions,
        "spread": case.spread,
        "repetitions": repetitions,
    }


def cases(prior: float) -> list[Case]:
    """Return what the table has; with clips of all numbers, seeds of methods alike, and with 600, unlike too."""
    found = []
    for spread, clips in [*((0.0, clips) for clips in CLIPS), (0.5, CLIPS[0])]:
        for look, numbers in (("fixed", SEEDS), ("sequential", (MOST,))):
            for seeds in numbers:
                for deviation in DEVIATIONS:
                    alike = Case(look, seeds, clips, deviation, effects=False, spread=spread, prior=prior)
                    found += [alike, replace(alike, effects=True)]
    return found


_SIMULATED = ("look", "seeds", "clips", "seed_sd", "claims", "spread")


def begun(output: Path | None) -> dict[tuple, dict[str, object]]:
    """Return the rows that a table has already, by what was simulated."""
    rows = pd.read_csv(output).to_dict("records") if output and output.exists() else []
    return {tuple(row[name] for name in _SIMULATED): row for row in rows}


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(prog="benchmarks.intervals", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions", type=int, default=1000, help="simulated experiments a row; half with many clips"
    )
    parser.add_argument("--prior", type=float, default=PRIOR_FREEDOM, help="0: nothing is shrunk")
    parser.add_argument("--output", type=Path, help="write the table here, too; rows that it has are kept")
    given = parser.parse_args()
    rows = begun(given.output)
    keys = {(*astuple(case)[:4], _claims(case), case.spread): case for case in cases(given.prior)}
    for key, case in keys.items():
        if key in rows:
            continue
        # Of many clips little is left to chance, and each experiment takes long.
        rows[key] = simulate(case, given.repetitions if case.clips == CLIPS[0] else given.repetitions // 2)
        print(" ".join(f"{name} {value}" for name, value in rows[key].items()), flush=True)
        if given.output:
            given.output.parent.mkdir(parents=True, exist_ok=True)
            table = pd.DataFrame([rows[key] for key in keys if key in rows])
            table.round(4).to_csv(given.output, index=False)


if __name__ == "__main__":
    main()
