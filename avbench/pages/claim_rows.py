"""The claims as the page lists them: each with its verdict, its effect at every budget, and the runs behind it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from avbench.evaluation.scores import CELL
from avbench.figures import names, style
from avbench.pages.page_plan import PagePlan
from avbench.results.claims import Claim, cells_of, read_claims
from avbench.results.verdicts import DEPENDS, FAILS, HOLDS, NOT_TESTED, UNDECIDED

MARKS: Mapping[str, str] = {HOLDS: "✓", FAILS: "✗", DEPENDS: "◐", UNDECIDED: "?", NOT_TESTED: "–"}
"""Beside each verdict, so that it is told by more than its colour; in the order that the page counts them."""
CERTAINTY: Mapping[str, str] = {
    HOLDS: "Certain, at the level of 5 % for all claims together.",
    FAILS: "Certain, at the level of 5 % for all claims together: it is the other way round.",
    DEPENDS: "Certain is that the effect changes with the length of training.",
    UNDECIDED: "Not certain: the data decide neither for it nor against it.",
}


@dataclass(frozen=True)
class ClaimRow:
    """A claim on the page.

    Attributes:
        claim, text, verdict, source: as in ``claims.csv``.
        effect, low, high, p, published: shares and the adjusted p value; NaN where there are none.
        seeds, clips: that it rests on.
        runs: what its effect is the weighted sum of; empty if it was not tested.
        chart: what its plot shows, in points: effect by budget, and the published one.
    """

    claim: str
    text: str
    verdict: str
    source: str
    effect: float
    low: float
    high: float
    p: float
    published: float
    seeds: int
    clips: int
    runs: tuple[Mapping[str, Any], ...]
    chart: Mapping[str, Any]

    @property
    def tested(self) -> bool:
        """Whether the experiment has all that it names."""
        return self.effect == self.effect

    @property
    def mark(self) -> str:
        """The sign of its verdict."""
        return MARKS[self.verdict]

    @property
    def word(self) -> str:
        """Its verdict as part of a class's name."""
        return self.verdict.replace(" ", "-")

    @property
    def certainty(self) -> str:
        """How sure the verdict is, in a sentence."""
        return CERTAINTY[self.verdict]


def rows(read: Mapping[str, pd.DataFrame], plan: PagePlan) -> list[ClaimRow]:
    """Return the claims in the order of their table.

    Args:
        read: the tables ``claims``, ``claims_by_budget``, ``summary`` and ``accuracy``.
        plan: names the claims' file, tasks, subsets, budgets and own labels.

    Raises:
        UserError: the claims' file is missing or breaks its schema, or a term is ambiguous.
    """
    stated = {claim.id: claim for claim in read_claims(plan.claims)}
    by_budget = dict(list(read["claims_by_budget"].groupby("claim", sort=False)))
    seeds = dict(list(read["accuracy"].groupby(CELL, sort=False)))
    made = []
    for row in read["claims"].itertuples():
        tested = row.effect == row.effect
        known = stated.get(row.claim) if tested else None
        runs = _runs(known, int(row.seeds), read["summary"], seeds, plan) if known else ()
        chart = {
            "published": _number(100 * row.published),
            "budgets": [
                {
                    "budget": names.words(each.budget),
                    "effect": _number(100 * each.effect),
                    "low": _number(100 * each.ci_low),
                    "high": _number(100 * each.ci_high),
                    "verdict": each.verdict,
                }
                for each in by_budget[row.claim].itertuples()
            ],
        }
        numbers = (row.effect, row.ci_low, row.ci_high, row.p_holm, row.published, int(row.seeds), int(row.clips))
        made.append(ClaimRow(row.claim, row.text, row.verdict, row.source, *numbers, runs, chart))
    return made


def _runs(
    claim: Claim, count: int, summary: pd.DataFrame, seeds: Mapping[tuple[str, ...], pd.DataFrame], plan: PagePlan
) -> tuple[Mapping[str, Any], ...]:
    """Return the accuracies whose weighted sum a claim's effect is, at its longest budget, with those of each seed.

    They are of the seeds that it rests on: the first ``count`` that all of its runs have. Runs may have others.
    """
    cells: Any = {tuple(cell): None for cell in summary[CELL].itertuples(index=False)}
    longest = claim.budget or plan.budgets[-1]
    found = cells_of(cells, claim, {longest: 1.0}, plan.tasks, plan.subsets, plan.own_labels) or {}
    listed = [term for terms in found.values() for term in terms]
    common = sorted(set.intersection(*(set(seeds[cell]["seed"]) for cell, _ in listed)))[:count] if listed else []
    runs = []
    for cell, weight in listed:
        told = dict(zip(CELL, cell, strict=True))
        parts = [f"{style.method_name(told['method'])}, {names.task_name(told['task'])}, {names.words(told['subset'])}"]
        parts.append(f"{names.protocol_name(told['protocol'])}, {names.words(told['modality'])}")
        if labels := names.labels_name(told["labels"], plan.label_variants):
            parts.append(labels)
        part = seeds[cell][seeds[cell]["seed"].isin(common)]
        scores = dict(zip(part["seed"].astype(int), part["accuracy"], strict=True))
        runs.append({"weight": weight, "text": "; ".join(parts), "mean": part["accuracy"].mean(), "seeds": scores})
    return tuple(runs)


def counts(rows: Sequence[ClaimRow]) -> dict[str, int]:
    """Count the verdicts that there are, in the order of ``MARKS``."""
    found = {verdict: sum(row.verdict == verdict for row in rows) for verdict in MARKS}
    return {verdict: number for verdict, number in found.items() if number}


def limit(rows: Sequence[ClaimRow]) -> float:
    """Return how far from zero the effects, their bounds and the published effects reach: a share, at least 0.01."""
    numbers = [value for row in rows if row.tested for value in (row.effect, row.low, row.high, row.published)]
    return max([0.01, *(abs(value) for value in numbers if value == value)])


def points(share: float) -> str:
    """Write a difference, given as a share, in points with its sign; a dash for none."""
    return "–" if share != share else f"{100 * share:+.1f}".replace("-", "−")


def interval(low: float, high: float) -> str:
    """Write the bounds of a difference, given as shares, in points; a dash for none."""
    return "–" if low != low else f"{100 * low:.1f} to {100 * high:.1f}".replace("-", "−")


def p_value(value: float) -> str:
    """Write a p value; a dash for none."""
    return "–" if value != value else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _number(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return None if math.isnan(value) else float(value)
