"""Accuracy against the size of the pretraining set, a line a method."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avbench.figures import style

_PANEL = ["task", "protocol", "modality"]
_ACROSS = 3


def draw(
    summary: pd.DataFrame,
    sizes: Mapping[str, float],
    chance: Mapping[str, float] | None = None,
    roles: Mapping[str, str] | None = None,
) -> Figure:
    """Draw mean accuracies with their intervals.

    Args:
        summary: columns method, task, protocol, modality, subset, mean, ci_low, ci_high (shares; bounds may
            be NaN). Scores that depend on no subset have the subset "all" and become horizontal lines.
        sizes: clips a class of each subset that is to be shown. Where they all differ, lines join a method's
            scores; where some coincide (other balances), subsets stand side by side.
        chance: share of correct guesses by task.
        roles: "in-domain" or "out-of-domain" by task, for the titles.
    """
    looks = style.looks(summary["method"])
    panels = list(summary.groupby(_PANEL, sort=False))
    across = 2 if len(panels) == 4 else min(_ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    with style.shared():
        made = style.figure(max(style.PAGE * across / _ACROSS, 4.6), 2.3 * down + 0.55)
        grid = made.subplots(down, across, squeeze=False, sharey=True)
        for axes, (key, rows) in zip(grid.flat, panels, strict=False):
            _panel(axes, rows, sizes, looks)
            axes.set_title(style.panel_title(*key, (roles or {}).get(key[0])))
            if chance and key[0] in chance:
                axes.axhline(100 * chance[key[0]], color=style.GREY, linewidth=0.8, dashes=(1, 3))
        for axes in list(grid.flat)[len(panels) :]:
            axes.remove()
        for axes in grid[:, 0]:
            axes.set_ylabel("Accuracy (%)")
        grid[0, 0].set_ylim(bottom=0, top=min(100, grid[0, 0].get_ylim()[1]))
        for axes in list(grid.flat)[: len(panels) - across]:
            axes.set_xlabel("")
        handles = [
            Line2D([], [], color=look.colour, marker=look.marker, linestyle=look.dash, label=look.name)
            for look in looks.values()
        ]
        if chance:
            handles.append(Line2D([], [], color=style.GREY, linewidth=0.8, dashes=(1, 3), label="chance"))
        style.legend(made, handles)
    return made


def plot(
    summary: pd.DataFrame,
    sizes: Mapping[str, float],
    stem: str | Path,
    chance: Mapping[str, float] | None = None,
    roles: Mapping[str, str] | None = None,
) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``."""
    style.save(draw(summary, sizes, chance, roles), stem)


def _axis(sizes: Mapping[str, float]) -> tuple[dict[str, float], list[str], bool]:
    """Place subsets along the axis: by the logarithm of their size, or side by side where sizes coincide.

    Returns:
        Each subset's place, the ticks' labels, and whether the axis shows sizes.
    """
    ordered = sorted(sizes, key=lambda subset: sizes[subset])
    numbers = [f"{sizes[subset]:,.0f}" for subset in ordered]
    if len(set(numbers)) == len(numbers):
        return {subset: math.log(sizes[subset]) for subset in ordered}, numbers, True
    names = [style.wrap(style.words(subset), 12) for subset in ordered]
    return {subset: float(place) for place, subset in enumerate(ordered)}, names, False


def _panel(axes: Axes, rows: pd.DataFrame, sizes: Mapping[str, float], looks: Mapping[str, style.Look]) -> None:
    methods = [method for method in looks if method in set(rows["method"])]
    places, labels, by_size = _axis(sizes)
    first, last = min(places.values()), max(places.values())
    span = last - first or 1.0
    apart, margin = (0.022 * span, 0.15 * span) if by_size else (0.7 / len(methods), 0.5)
    for number, method in enumerate(methods):
        dodge = apart * (number - (len(methods) - 1) / 2)  # so that intervals do not hide one another
        look = looks[method]
        own = rows[rows["method"] == method]
        series = own[own["subset"].isin(list(sizes))]
        if len(series):
            series = series.assign(place=series["subset"].map(places)).sort_values("place")
            mean, low, high = (100 * series[name].to_numpy() for name in ("mean", "ci_low", "ci_high"))
            axes.errorbar(
                series["place"] + dodge,
                mean,
                yerr=np.nan_to_num(np.stack([mean - low, high - mean])),
                color=look.colour,
                marker=look.marker,
                linestyle=look.dash if by_size else "",
                elinewidth=0.9,
                capsize=1.5,
            )
        for row in own[own["subset"] == "all"].itertuples():
            axes.axhline(100 * row.mean, color=look.colour, linestyle=look.dash, linewidth=1.1)
            if row.ci_low == row.ci_low:
                axes.axhspan(100 * row.ci_low, 100 * row.ci_high, color=look.colour, alpha=0.08, linewidth=0)
    axes.set_xticks(list(places.values()), labels)
    axes.set_xlim(first - margin, last + margin)
    axes.set_xlabel("Pretraining clips a class" if by_size else "Pretraining subset")
    axes.grid(True, axis="y")
