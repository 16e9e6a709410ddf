"""What each method gains over a baseline, paired by seed and test clip."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avbench.figures import style

_ACROSS = 3
_LEVEL = 0.05
_COLOURS = (style.SKY, style.BLUE, style.BLACK, style.PURPLE, style.ORANGE, style.GREEN)
_MARKERS = "osD^vP"


def draw(comparisons: pd.DataFrame, sizes: Mapping[str, float], baseline: str = "random") -> Figure:
    """Draw a panel a task: methods down, gain in percentage points across, a mark a subset.

    Marks are hollow where the gain is not significant: where p, adjusted by Holm, is not below 0.05, or is unknown.

    Args:
        comparisons: of :func:`avbench.tables.comparisons`.
        sizes: clips a class of each subset.
        baseline: the method that stands at zero.
    """
    table = comparisons[(comparisons["baseline"] == baseline) & comparisons["subset"].isin(list(sizes))]
    looks = style.looks(table["method"])
    panels = list(table.groupby(["task", "protocol", "modality"], sort=False))
    with style.shared():
        across = 2 if len(panels) == 4 else min(_ACROSS, len(panels))
        down = math.ceil(len(panels) / across)
        made = style.figure(
            style.PAGE if across > 1 else 4.6, (max(0.2, 0.1 * len(sizes)) * len(looks) + 0.55) * down + 0.6
        )
        grid = made.subplots(down, across, squeeze=False, sharex=True, sharey=True)
        for axes, (key, rows) in zip(grid.flat, panels, strict=False):
            axes.set_title(style.panel_title(*key, width=24))
            _panel(axes, rows, list(looks), list(style.subset_names(sizes)))
        for axes in list(grid.flat)[len(panels) :]:
            axes.remove()
        for axes in list(grid.flat)[len(panels) - across : len(panels)]:
            axes.tick_params(labelbottom=True)
        grid[0, 0].set_yticks(range(len(looks)), [look.name for look in looks.values()])
        grid[0, 0].set_ylim(len(looks) - 0.4, -0.6)
        baseline_name = style.looks([baseline])[baseline].name
        made.supxlabel(f"Gain over {baseline_name} (percentage points)", fontsize=7.5)
        handles = [
            Line2D(
                [],
                [],
                color=_COLOURS[k % 6],
                marker=_MARKERS[k % 6],
                linestyle="",
                label=name,
            )
            for k, name in enumerate(style.subset_names(sizes).values())
        ]
        if (table["p_holm"] >= _LEVEL).any() or table["p_holm"].isna().any():
            look = {"color": style.BLACK, "marker": "o", "linestyle": "", "markerfacecolor": "white"}
            handles.append(Line2D([], [], label="not significant", **look))
        style.legend(made, handles, "outside upper center")
    return made


def plot(comparisons: pd.DataFrame, sizes: Mapping[str, float], stem: str | Path, baseline: str = "random") -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``."""
    style.save(draw(comparisons, sizes, baseline), stem)


def _panel(axes: Axes, rows: pd.DataFrame, methods: list[str], subsets: list[str]) -> None:
    axes.axvline(0, color=style.GREY, linewidth=0.8)
    for place, subset in enumerate(subsets):
        here = rows[rows["subset"] == subset]
        offset = 0.7 * (place - (len(subsets) - 1) / 2) / len(subsets)
        look = {"color": _COLOURS[place % 6], "marker": _MARKERS[place % 6]}
        for sure, face in ((True, look["color"]), (False, "white")):
            own = here[(here["p_holm"] < _LEVEL) == sure]
            gain, low, high = (100 * own[name].to_numpy() for name in ("difference", "ci_low", "ci_high"))
            axes.errorbar(
                gain,
                np.array([methods.index(method) for method in own["method"]]) + offset,
                xerr=np.nan_to_num(np.stack([gain - low, high - gain])),
                linestyle="",
                elinewidth=0.9,
                capsize=1.5,
                markerfacecolor=face,
                **look,
            )
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
