"""An experiment's answer in plain words: which claims hold, which do not, and which are open."""

from typing import Any

import pandas as pd

from avbench.results.verdicts import DEPENDS, FAILS, HOLDS, UNDECIDED

_LEADS = {HOLDS: "Yes", FAILS: "No", DEPENDS: "It depends on the budget", UNDECIDED: "Undecided"}


def sentences(claims: pd.DataFrame) -> list[str]:
    """Return the answer, a sentence or two per claim: what is sure first, what is open last.

    Args:
        claims: columns of :func:`avbench.results.verdicts.overall`.

    Returns:
        First what the answer rests on; nothing else but that nothing was tested, if nothing was.
    """
    tested = claims[claims["effect"].notna()]
    if tested.empty:
        return ["No claim was tested: the experiment lacks what they name."]
    found = [f"{_grounds(tested)}:"]
    for verdict, lead in _LEADS.items():
        found += [f"{lead}: {_told(claim)}" for claim in tested[tested["verdict"] == verdict].itertuples()]
    return found


def _grounds(tested: pd.DataFrame) -> str:
    """Say on how many seeds, test clips and budgets the verdicts rest."""
    budgets = tested["budgets"].max()
    length = "at one budget" if budgets == 1 else f"at each of {budgets} budgets, effects at the longest"
    return f"In plain words ({_range(tested['seeds'])} seeds, {_range(tested['clips'])} test clips, {length})"


def _range(numbers: pd.Series) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _told(claim: Any) -> str:
    """Return a claim and its effect."""
    if claim.verdict == HOLDS:
        return f"{claim.text} By {_size(claim.effect, claim.ci_low, claim.ci_high)}."
    if claim.verdict == FAILS:
        return f"{claim.text} It is the other way round, by {_size(-claim.effect, -claim.ci_high, -claim.ci_low)}."
    if claim.verdict == UNDECIDED:
        if claim.ci_low != claim.ci_low:  # of a single seed and a clip there is none
            return f"{claim.text} Measured: {100 * claim.effect:+.1f} points."
        low, high = (f"{100 * bound:+.1f}" for bound in (claim.ci_low, claim.ci_high))
        return f"{claim.text} Measured: {100 * claim.effect:+.1f} points ({low} to {high})."
    change = f"{100 * claim.change:+.1f} points ({100 * claim.change_low:.1f} to {100 * claim.change_high:.1f})"
    return f"{claim.text} From the shortest budget to the longest the effect changes by {change}."


def _size(effect: float, low: float, high: float) -> str:
    """Write an effect, given as a share, in points, with its interval."""
    return f"{100 * effect:.1f} points ({100 * low:.1f} to {100 * high:.1f})"
