"""Accuracy of every method along an axis of pretraining subsets, a panel per task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.figures import marks, panels, style
from avbench.figures.names import score_axis

_PANEL = ["task", "protocol", "modality"]
_ACROSS = 3
_TICKS = 12  # for which a page has room


@dataclass(frozen=True)
class Axis:
    """Where subsets stand.

    Attributes:
        places: of each subset that is shown.
        ticks: a label per subset, in the order of ``places``.
        title: what the axis is.
        joined: groups of subsets; a line joins a method's scores within each.
        apart: between two methods at the same place, so that their intervals do not hide one another; unit of places.
        margin: before the first and behind the last place.
    """

    places: Mapping[str, float]
    ticks: Sequence[str]
    title: str
    joined: Sequence[Sequence[str]]
    apart: float
    margin: float


def draw(
    summary: pd.DataFrame,
    axis: Axis,
    guesses: Mapping[tuple[str, str], Mapping[str, float]] | None = None,
    roles: Mapping[str, str] | None = None,
) -> Figure:
    """Draw mean accuracies with their intervals.

    Args:
        summary: columns method, task, protocol, modality, subset, mean, ci_low, ci_high (shares; bounds may
            be NaN). Scores that depend on no subset have the subset "all" and become horizontal lines.
        axis: where subsets stand.
        guesses: shares of correct guesses by task and protocol, each by its name in ``style.GUESSES``.
        roles: "in-domain" or "out-of-domain" by task, for the titles.
    """
    looks = style.looks(summary["method"])
    drawn = list(summary.groupby(_PANEL, sort=False))
    # Ticks may have three short lines of text each.
    down, across = panels.shape(len(drawn), min(_ACROSS, max(1, _TICKS // len(axis.ticks))))
    with style.shared():
        width = style.PAGE if down > 1 else max(style.PAGE * across / _ACROSS, style.NARROW)
        made = style.figure(width, 2.3 * down + 0.55)
        shown = panels.grid(made, len(drawn), across)
        for axes, (key, rows) in zip(shown, drawn, strict=True):
            _panel(axes, rows, axis, looks)
            task, protocol, modality = key
            axes.set_title(style.panel_title(task, protocol, modality, (roles or {}).get(task)))
            for name, share in (guesses or {}).get((task, protocol), {}).items():
                axes.axhline(100 * share, **style.GUESSES[name])
        for place, (axes, (key, _)) in enumerate(zip(shown, drawn, strict=True)):
            if place % across == 0 or score_axis([key[1]]) != score_axis([drawn[place - 1][0][1]]):
                axes.set_ylabel(score_axis([key[1]]))
        if panels.same_scale(shown, [key[1] for key, _ in drawn], "y"):
            for place, axes in enumerate(shown):
                axes.tick_params(labelleft=place % across == 0)
        for axes in shown[-across:]:
            axes.set_xlabel(axis.title)
        handles = [*style.keys(looks), *style.guess_keys((guesses or {}).values())]
        style.legend(made, handles, "outside lower center")
    return made


def _panel(axes: Axes, rows: pd.DataFrame, axis: Axis, looks: Mapping[str, style.Look]) -> None:
    methods = [method for method in looks if method in set(rows["method"])]
    for number, method in enumerate(methods):
        dodge = axis.apart * (number - (len(methods) - 1) / 2)
        look = looks[method]
        own = rows[rows["method"] == method]
        alone = [[subset] for subset in axis.places if not any(subset in group for group in axis.joined)]
        for group in [*axis.joined, *alone]:
            series = own[own["subset"].isin(list(group))]
            if series.empty:
                continue
            series = series.assign(place=series["subset"].map(axis.places)).sort_values("place")
            mean, low, high = marks.percent(series)
            axes.errorbar(
                series["place"] + dodge,
                mean,
                yerr=np.nan_to_num(np.stack([mean - low, high - mean])),
                elinewidth=0.9,
                capsize=1.5,
                **look.line,
            )
        for row in own[own["subset"] == "all"].itertuples():
            axes.axhline(100 * row.mean, color=look.colour, linestyle=look.dash, linewidth=1.1)
            if row.ci_low == row.ci_low:
                axes.axhspan(100 * row.ci_low, 100 * row.ci_high, color=look.colour, alpha=0.08, linewidth=0)
    axes.set_xticks(list(axis.places.values()), axis.ticks)
    axes.set_xlim(min(axis.places.values()) - axis.margin, max(axis.places.values()) + axis.margin)
    axes.grid(True, axis="y")
