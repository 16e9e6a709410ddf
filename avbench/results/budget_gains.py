"""What longer training brings: each method at one budget against itself at a shorter one."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pandas as pd

from avbench.evaluation.scores import CELL
from avbench.results.crossed import components
from avbench.results.estimates import moderated_by_family
from avbench.results.multiplicity import holm
from avbench.results.outcomes import Cell, Outcomes, contrast
from avbench.results.stopping import LEVEL
from avbench.results.verdicts import UNDECIDED

PLACE = CELL[:6]  # a cell without its budget
COLUMNS = [*PLACE, "shorter", "longer", "seeds", "clips", "gain", "ci_low", "ci_high", "p", "p_holm", "verdict"]
GAINS, LOSES = "gains", "loses"


def pairs(budgets: Sequence[str]) -> list[tuple[str, str]]:
    """Return the budgets that are compared, shorter and longer: each with the next, then the shortest with the longest.

    Args:
        budgets: their names, shortest first.
    """
    return list(dict.fromkeys([*pairwise(budgets), *([(budgets[0], budgets[-1])] if len(budgets) > 1 else [])]))


def table(outcomes: Mapping[Cell, Outcomes], budgets: Sequence[str]) -> pd.DataFrame:
    """Compare every method at a budget with itself at a shorter one, seed by seed and clip by clip.

    Variances of seeds are shrunk over all gains of a protocol, modality and pair of budgets
    (:func:`avbench.results.estimates.moderated`). p values are two-sided; ``p_holm`` is adjusted for the methods and
    labels of the same task, protocol, modality, subset and pair of budgets (Holm). A method ``gains`` if the 95 %
    interval lies above zero and the adjusted p is below 0.05, ``loses`` if it lies below zero likewise; all else is
    ``undecided``, as it always is with a single seed.

    Args:
        outcomes: of :func:`avbench.results.outcomes.collect`.
        budgets: their names, shortest first.

    Returns:
        ``COLUMNS``, gains as shares, in the order of ``outcomes`` and then of :func:`pairs`; no row with one budget.
    """
    places, found = [], []
    for place in dict.fromkeys(cell[:6] for cell in outcomes):
        for shorter, longer in pairs(budgets):
            before, after = outcomes.get((*place, shorter)), outcomes.get((*place, longer))
            if before is None or after is None or set(before.seeds).isdisjoint(after.seeds):
                continue
            places.append((*place, shorter, longer))
            gain = components({place[1]: contrast([(after, 1), (before, -1)])}, weight=2)
            found.append(((place[2], place[3], shorter, longer), gain))
    rows = []
    for key, one in zip(places, moderated_by_family(found), strict=True):
        bounds = (max(one.low, -1.0), min(one.high, 1.0))
        rows.append((*key, one.seeds, one.clips, one.mean, *bounds, one.p, math.nan, ""))
    made = pd.DataFrame(rows, columns=COLUMNS)
    made["p_holm"] = made.groupby([*PLACE[1:5], "shorter", "longer"], sort=False)["p"].transform(holm)
    certain = made["p_holm"] < LEVEL
    made["verdict"] = UNDECIDED
    made.loc[certain & (made["ci_low"] > 0), "verdict"] = GAINS
    made.loc[certain & (made["ci_high"] < 0), "verdict"] = LOSES
    return made
