"""Accuracy against the balance of the pretraining set, a line per method."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from avbench.figures import accuracy_panels, style
from avbench.figures.reading import Settings, class_sizes, guesses, imbalances, roles, trained_scores


def draw_balance(settings: Settings, stem: Path) -> None:
    """Accuracy by the balance of the subset, a line per method."""
    subsets, scores, unequal = {}, trained_scores(settings), imbalances(settings)
    for name, path in settings["subsets"].items():
        clips = sum(class_sizes(path).values())
        subsets[name] = Subset(settings["balance"][name], clips, unequal[name])
    # Methods that were run on few of the subsets say nothing of balance.
    runs = scores[scores["subset"].isin(list(subsets))].groupby("method")["subset"].nunique()
    few = list(runs[runs < runs.max() / 2].index)
    style.save(draw(scores[~scores["method"].isin(few)], subsets, guesses(settings), roles(settings)), stem)


NEAR = 1.05  # subsets whose totals differ by less are of the same size


@dataclass(frozen=True)
class Subset:
    """What a subset is like.

    Attributes:
        balance: balanced, natural or long-tailed.
        clips: in all.
        imbalance: the largest class's clips over those of the smallest.
    """

    balance: str
    clips: int
    imbalance: float


def draw(
    summary: pd.DataFrame,
    subsets: Mapping[str, Subset],
    guesses: Mapping[tuple[str, str], Mapping[str, float]] | None = None,
    roles: Mapping[str, str] | None = None,
) -> Figure:
    """Draw what :func:`avbench.figures.accuracy_panels.draw` draws, along the imbalance of the subsets.

    Args:
        summary, guesses, roles: see there.
        subsets: those to show. Lines join subsets of about the same number of clips, whose balance alone differs.
    """
    groups: list[list[str]] = []
    for subset in sorted(subsets, key=lambda name: (subsets[name].clips, name)):
        if groups and subsets[subset].clips < NEAR * subsets[groups[-1][0]].clips:
            groups[-1].append(subset)
        else:
            groups.append([subset])
    ordered = [
        subset
        for group in groups
        for subset in sorted(group, key=lambda name: (subsets[name].imbalance, subsets[name].balance, name))
    ]
    places = {subset: float(place) for place, subset in enumerate(ordered)}
    ticks = [_tick(subsets[subset], several=len(groups) > 1) for subset in ordered]
    shown = summary[summary["subset"].isin([*ordered, "all"])]
    apart = 0.6 / max(shown["method"].nunique(), 1)
    axis = accuracy_panels.Axis(places, ticks, "Balance of the pretraining set", groups, apart, 0.5)
    return accuracy_panels.draw(shown, axis, guesses, roles)


def _tick(subset: Subset, several: bool) -> str:
    """Name a subset: its balance, how unequal its classes are, and where sizes differ its size."""
    lines = [subset.balance]
    if subset.balance != "balanced":
        lines.append(f"{subset.imbalance:,.3g} : 1")
    if several:
        lines.append(f"{subset.clips:,} clips")
    return "\n".join(lines)
