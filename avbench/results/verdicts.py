"""What is decided about claims: at each budget, and over all of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from avbench.config.budgets import DEFAULT
from avbench.results.claims import Claim, contrast_of
from avbench.results.crossed import Components, components
from avbench.results.multiplicity import holm
from avbench.results.outcomes import Cell, Outcomes
from avbench.results.stopping import LEVEL, Course, Looks, at_once, follow
from avbench.results.tables import OwnLabels

_EFFECT = ("effect", "ci_low", "ci_high", "p", "p_holm", "seeds", "clips")
COLUMNS: tuple[str, ...] = ("claim", "text", "verdict", *_EFFECT, "budgets")
COLUMNS += ("change", "change_low", "change_high", "change_p", "change_p_holm")
BUDGET_COLUMNS = ("claim", "budget", "verdict", *_EFFECT, "stopped")
HOLDS, FAILS, DEPENDS = "holds", "does not hold", "depends on the budget"
UNDECIDED, NOT_TESTED = "undecided", "not tested"


@dataclass(frozen=True)
class Judged:
    """The courses of an experiment's claims; those that are not in it have none.

    Attributes:
        claims: in their order.
        budgets: for each claim, those that it is tested at, shortest first.
        courses: by claim and budget. Those of a budget are a family.
        changes: by claim, of the effect at its longest budget minus that at its shortest: a family of their own.
    """

    claims: tuple[Claim, ...]
    budgets: Mapping[str, tuple[str, ...]]
    courses: Mapping[tuple[str, str], Course]
    changes: Mapping[str, Course]


def judge(
    outcomes: Mapping[Cell, Outcomes],
    claims: Sequence[Claim],
    tasks: Mapping[str, str],
    subset_order: Sequence[str],
    own_labels: OwnLabels | None = None,
    budgets: Sequence[str] = (DEFAULT,),
    looks: Looks | None = None,
) -> Judged:
    """Test claims against what an experiment's models got right, at each budget.

    The contrast is taken for every seed and test clip that its terms have (:func:`avbench.results.claims.contrast_of`).
    The claims of a budget are a family: variances of seeds are shrunk over it
    (:func:`avbench.results.estimates.moderated`), and p values are adjusted for their number (Holm).

    Args:
        outcomes: of :func:`avbench.results.outcomes.collect`. A cell whose subset or budget is ``all`` counts for
            every one.
        claims: what to test; one that names a budget, at that alone.
        tasks: each task's role, ``in-domain`` or ``out-of-domain``.
        subset_order: the subsets' names, smallest first.
        own_labels: the labels of a method where a term names none; by default the only ones.
        budgets: their names, shortest first.
        looks: of a sequential experiment; without them, all seeds are given.

    Raises:
        UserError: a term has two cells, which differ in labels only, and nothing says which is meant.
    """
    find = partial(contrast_of, outcomes, tasks=tasks, subset_order=subset_order, own_labels=own_labels or {})
    tested = {claim.id: (claim.budget,) if claim.budget else tuple(budgets) for claim in claims}
    courses: dict[tuple[str, str], Course] = {}
    for budget in dict.fromkeys(budget for names in tested.values() for budget in names):
        there = [claim for claim in claims if budget in tested[claim.id]]
        found = _family({claim: find(claim, {budget: 1.0}) for claim in there}, 1, looks)
        courses |= {(name, budget): course for name, course in found.items()}
    several = [claim for claim in claims if len(tested[claim.id]) > 1]
    ends = {claim: {tested[claim.id][-1]: 1.0, tested[claim.id][0]: -1.0} for claim in several}
    changes = _family({claim: find(claim, ends[claim]) for claim in several}, 2, looks)
    return Judged(tuple(claims), tested, courses, changes)


def _family(
    found: Mapping[Claim, Mapping[str, np.ndarray] | None], runs: int, looks: Looks | None
) -> dict[str, Course]:
    """Return the courses of contrasts that are one family, each of so many runs for every term."""

    def contrast(claim: Claim, parts: Mapping[str, np.ndarray]) -> Callable[[int | None], Components]:
        weight = runs * sum(term.weight**2 for term in claim.terms)
        return lambda seeds: components({name: values[:seeds] for name, values in parts.items()}, weight)

    contrasts = {claim.id: contrast(claim, parts) for claim, parts in found.items() if parts is not None}
    if looks is None:
        return at_once({name: first(None) for name, first in contrasts.items()})
    return follow(contrasts, looks)


def by_budget(judged: Judged) -> pd.DataFrame:
    """Return one row per claim and budget, ``BUDGET_COLUMNS``.

    A claim ``holds`` at a budget if its effect is above zero and the adjusted p is below 0.05; it ``does not hold`` if
    the effect is below zero with such a p; else it is ``undecided``, as it always is with a single seed, which has no
    p. It is ``not tested``, and its effect NaN, if the experiment lacks what it names. ``stopped`` says why a claim got
    no further seeds.
    """
    rows = []
    for claim in judged.claims:
        for budget in judged.budgets[claim.id]:
            course = judged.courses.get((claim.id, budget))
            rows.append((claim.id, budget, "", *_told(course), course.state if course else ""))
    table = pd.DataFrame(rows, columns=[*BUDGET_COLUMNS])
    return table.assign(verdict=_verdicts(table))


def overall(judged: Judged) -> pd.DataFrame:
    """Return one row per claim, ``COLUMNS``, of the longest budget but for the verdict and the p values.

    Over all budgets a claim ``holds`` or ``does not hold`` only if that is so at each: its p value is the largest over
    the budgets, and 1 where signs differ (intersection–union test: Berger 1982, "Multiparameter hypothesis testing and
    acceptance sampling"), adjusted over the claims. Else it ``depends on the budget`` if the change, the effect at the
    longest minus that at the shortest, has a p below 0.05, adjusted over the changes. Effect, change and bounds are in
    the unit of accuracy; seeds, clips and budgets are numbers.
    """
    rows = []
    at_each = by_budget(judged)
    for claim in judged.claims:
        own = at_each[at_each["claim"] == claim.id]
        one_sign = (own["effect"] > 0).all() or (own["effect"] < 0).all()
        largest = own["p"].max(skipna=False) if one_sign or own["p"].isna().any() else 1.0
        effect, low, high, _, _, seeds, clips = _told(judged.courses.get((claim.id, judged.budgets[claim.id][-1])))
        change, *change_ends, change_p, _, _, _ = _told(judged.changes.get(claim.id))
        told = (claim.id, claim.text, "", effect, low, high, largest, math.nan, seeds, clips, len(own))
        rows.append((*told, change, *change_ends, change_p, math.nan))
    table = pd.DataFrame(rows, columns=[*COLUMNS])
    for name in ("p", "change_p"):
        table[f"{name}_holm"] = holm(table[name])
    table["verdict"] = _verdicts(table)
    depends = (table["verdict"] == UNDECIDED) & (table["change_p_holm"] < LEVEL)
    table.loc[depends, "verdict"] = DEPENDS
    return table


def _told(course: Course | None) -> tuple[float, ...]:
    """Return effect, bounds, p, adjusted p, seeds and clips of a course; of none, that it is none."""
    if course is None:
        return (*[math.nan] * 5, 0, 0)
    found = course.estimate
    return (found.mean, found.low, found.high, course.p, course.p_holm, found.seeds, found.clips)


def _verdicts(table: pd.DataFrame) -> pd.Series:
    """Return what the adjusted p values decide."""
    certain = table["p_holm"] < LEVEL
    verdicts = pd.Series(UNDECIDED, table.index)
    verdicts[table["effect"].isna()] = NOT_TESTED
    verdicts[certain & (table["effect"] > 0)] = HOLDS
    verdicts[certain & (table["effect"] < 0)] = FAILS
    return verdicts
