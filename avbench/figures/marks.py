"""Marks that several figures share: dots with intervals, bars with notes, lines with ranges."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from avbench.figures import panels, style


def percent(table: pd.DataFrame, mean: str = "mean", low: str = "ci_low", high: str = "ci_high") -> np.ndarray:
    """Return the shares in three columns in percent: (3, rows)."""
    return 100 * table[[mean, low, high]].to_numpy(dtype=float).T


def dots(
    axes: Axes,
    lines: ArrayLike,
    estimates: np.ndarray,
    colour: str,
    marker: str = "o",
    filled: ArrayLike = True,
) -> None:
    """Draw dots with horizontal intervals as they are given.

    Args:
        axes: where.
        lines: vertical place of each.
        estimates: (3, dots): mean, lower and upper bound, which may be NaN.
        colour, marker: of the dots.
        filled: whether they are, one for all or each; hollow ones are not sure.
    """
    places, (mean, low, high) = np.asarray(lines), estimates
    sure = np.broadcast_to(np.asarray(filled, dtype=bool), mean.shape)
    axes.hlines(places, low, high, colour, linewidth=1.0)
    for here, face in ((sure, colour), (~sure, "white")):
        if here.any():
            axes.plot(mean[here], places[here], marker, color=colour, markerfacecolor=face)


def bars(
    axes: Axes,
    lengths: Sequence[float],
    names: Sequence[str],
    notes: Sequence[str],
    colours: Sequence[str],
    room: float,
) -> None:
    """Draw horizontal bars, the first on top, with notes behind their ends.

    Args:
        axes: where.
        lengths: of the bars, in units of the axis.
        names, notes, colours: of each bar.
        room: length of the axis in longest bars.
    """
    places = list(range(len(lengths)))
    sns.barplot(
        x=lengths,
        y=places,
        hue=places,
        palette=list(colours),
        orient="h",
        width=0.7,
        saturation=1,
        legend=False,
        ax=axes,
    )
    for place, length, note in zip(places, lengths, notes, strict=True):
        axes.annotate(note, (length, place), (3, 0), textcoords="offset points", va="center", fontsize=6.5)
    panels.rows(axes, names)
    axes.set(xlim=(0, room * max(*lengths, 1e-9)), xlabel="", ylabel="")


def stacked(axes: Axes, shares: pd.DataFrame, looks: Mapping[str, tuple[str, str, str]]) -> None:
    """Draw a horizontal bar per row, made of its shares in percent, the first row on top.

    Args:
        axes: where.
        shares: a column per part.
        looks: name in the legend, colour and hatch of each part, in the order in which they stand.
    """
    left = np.zeros(len(shares))
    for part, (name, colour, hatch) in looks.items():
        look = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
        axes.barh(range(len(shares)), shares[part], left=left, height=0.7, label=name, **look)
        left += shares[part].to_numpy()
    axes.set_xlim(0, 100)


def ranges(
    axes: Axes, along: ArrayLike, values: ArrayLike, look: style.Look, band: bool = True, size: float = 0
) -> None:
    """Draw the mean at each place along the axis as a line, and a band from the lowest to the highest value.

    seaborn.lineplot draws the same, but takes the quantiles of every place one by one: ten times as long.

    Args:
        axes: where.
        along, values: of each measurement.
        look: of the line.
        band: whether it has a band.
        size: of its markers; a single point has one in any case.
    """
    spread = pd.Series(np.asarray(values)).groupby(np.asarray(along)).agg(["mean", "min", "max"])
    marker = {"marker": look.marker, "markersize": size} if size else {"marker": "o" if len(spread) == 1 else ""}
    axes.plot(spread["mean"], color=look.colour, linestyle=look.dash, **marker)
    if band:
        axes.fill_between(spread.index, spread["min"], spread["max"], color=look.colour, alpha=0.18, linewidth=0)
    axes.grid(True, axis="y")
