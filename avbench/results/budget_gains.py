"""What longer training brings: each method at one budget against itself at a shorter one."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pandas as pd

from avbench.evaluation.scores import CELL
from avbench.results import bootstrap
from avbench.results.outcomes import Cell, Outcomes, contrast

PLACE = CELL[:6]  # a cell without its budget
COLUMNS = [*PLACE, "shorter", "longer", "seeds", "clips", "gain", "ci_low", "ci_high", "p", "p_holm", "verdict"]
GAINS, LOSES, UNDECIDED = "gains", "loses", "undecided"
LEVEL = 0.05


def pairs(budgets: Sequence[str]) -> list[tuple[str, str]]:
    """Return the budgets that are compared, shorter and longer: each with the next, then the shortest with the longest.

    Args:
        budgets: their names, shortest first.
    """
    return list(dict.fromkeys([*pairwise(budgets), *([(budgets[0], budgets[-1])] if len(budgets) > 1 else [])]))


def table(outcomes: Mapping[Cell, Outcomes], budgets: Sequence[str]) -> pd.DataFrame:
    """Compare every method at a budget with itself at a shorter one, seed by seed and clip by clip.

    p values are two-sided; ``p_holm`` is adjusted for the methods and labels of the same task, protocol, modality,
    subset and pair of budgets (Holm). A method ``gains`` if the 95 % interval lies above zero and the adjusted p is
    below 0.05, ``loses`` if it lies below zero likewise; all else is ``undecided``, as it always is with a single seed.

    Args:
        outcomes: of :func:`avbench.results.outcomes.collect`.
        budgets: their names, shortest first.

    Returns:
        ``COLUMNS``, gains as shares, in the order of ``outcomes`` and then of :func:`pairs`; no row with one budget.
    """
    rows = []
    for place in dict.fromkeys(cell[:6] for cell in outcomes):
        for shorter, longer in pairs(budgets):
            before, after = outcomes.get((*place, shorter)), outcomes.get((*place, longer))
            if before is None or after is None or set(before.seeds).isdisjoint(after.seeds):
                continue
            found = bootstrap.bootstrap({place[1]: contrast([(after, 1), (before, -1)])})
            bounds = (max(found.low, -1.0), min(found.high, 1.0))
            rows.append((*place, shorter, longer, found.seeds, found.clips, found.mean, *bounds, found.p, math.nan, ""))
    made = pd.DataFrame(rows, columns=COLUMNS)
    made["p_holm"] = made.groupby([*PLACE[1:5], "shorter", "longer"], sort=False)["p"].transform(bootstrap.holm)
    certain = made["p_holm"] < LEVEL
    made["verdict"] = UNDECIDED
    made.loc[certain & (made["ci_low"] > 0), "verdict"] = GAINS
    made.loc[certain & (made["ci_high"] < 0), "verdict"] = LOSES
    return made
