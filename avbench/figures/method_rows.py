"""Methods down, a share across, a mark a subset: what stays readable of twenty methods."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avbench.figures import style
from avbench.figures.names import subset_names

_ACROSS = 3
_COLOURS = (style.SKY, style.BLUE, style.BLACK, style.PURPLE, style.ORANGE, style.GREEN)
_MARKERS = "osD^vP"


def draw(
    table: pd.DataFrame,
    sizes: Mapping[str, float],
    label: str,
    behind: Callable[[Axes, tuple[str, str, str]], None],
    explained: Sequence[Line2D] = (),
    roles: Mapping[str, str] | None = None,
    *,
    one_scale: bool = True,
) -> Figure:
    """Draw a panel a task, each with the same rows.

    Args:
        table: columns method, task, protocol, modality, subset, mean, ci_low, ci_high (shares; bounds may be NaN)
            and hollow, whether a mark is.
        sizes: clips a class of each subset that is to be shown.
        label: of the axis, which is in percent.
        behind: draws what stands behind the marks of a panel, given its task, protocol and modality.
        explained: further entries of the legend.
        roles: "in-domain" or "out-of-domain" by task, for the titles.
        one_scale: whether all panels share their horizontal axis.
    """
    looks = style.looks(table["method"])
    names = subset_names(sizes)
    panels = list(table.groupby(["task", "protocol", "modality"], sort=False))
    with style.shared():
        across = 2 if len(panels) == 4 else min(_ACROSS, len(panels))
        down = math.ceil(len(panels) / across)
        made = style.figure(
            style.PAGE if across > 1 else 4.6, (max(0.2, 0.1 * len(sizes)) * len(looks) + 0.55) * down + 0.6
        )
        grid = made.subplots(down, across, squeeze=False, sharex=one_scale, sharey=True)
        for axes, (key, rows) in zip(grid.flat, panels, strict=False):
            axes.set_title(style.panel_title(*key, (roles or {}).get(key[0]), width=27 if roles else 24))
            behind(axes, key)
            _panel(axes, rows, list(looks), list(names))
        for axes in list(grid.flat)[len(panels) :]:
            axes.remove()
        for axes in list(grid.flat)[len(panels) - across : len(panels)]:
            axes.tick_params(labelbottom=True)
        grid[0, 0].set_yticks(range(len(looks)), [look.name for look in looks.values()])
        grid[0, 0].set_ylim(len(looks) - 0.4, -0.6)
        made.supxlabel(label, fontsize=7.5)
        marks = [
            Line2D([], [], color=_COLOURS[k % 6], marker=_MARKERS[k % 6], linestyle="", label=name)
            for k, name in enumerate(names.values())
        ]
        style.legend(made, [*marks, *explained], "outside upper center")
    return made


def _panel(axes: Axes, rows: pd.DataFrame, methods: list[str], subsets: list[str]) -> None:
    for place, subset in enumerate(subsets):
        here = rows[rows["subset"] == subset]
        offset = 0.7 * (place - (len(subsets) - 1) / 2) / len(subsets)
        look = {"color": _COLOURS[place % 6], "marker": _MARKERS[place % 6]}
        for hollow, face in ((False, look["color"]), (True, "white")):
            own = here[here["hollow"] == hollow]
            mean, low, high = (100 * own[name].to_numpy() for name in ("mean", "ci_low", "ci_high"))
            axes.errorbar(
                mean,
                np.array([methods.index(method) for method in own["method"]]) + offset,
                xerr=np.nan_to_num(np.stack([mean - low, high - mean])),
                linestyle="",
                elinewidth=0.9,
                capsize=1.5,
                markerfacecolor=face,
                **look,
            )
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
