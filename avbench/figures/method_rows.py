"""Methods down, a share across, a mark per subset: what stays readable of twenty methods."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avbench.figures import marks, panels, style
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
    """Draw a panel per task, each with the same rows.

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
    drawn = list(table.groupby(["task", "protocol", "modality"], sort=False))
    with style.shared():
        down, across = panels.shape(len(drawn), _ACROSS)
        height = (max(0.2, 0.1 * len(sizes)) * len(looks) + 0.55) * down + 0.6
        made = style.figure(style.PAGE if across > 1 else style.NARROW, height)
        shown = panels.grid(made, len(drawn), across, sharex=one_scale, sharey=True)
        for axes, (key, rows) in zip(shown, drawn, strict=True):
            task, protocol, modality = key
            role = (roles or {}).get(task)
            axes.set_title(style.panel_title(task, protocol, modality, role, width=27 if roles else 24))
            behind(axes, key)
            _panel(axes, rows, list(looks), list(names))
        panels.rows(shown[0], [look.name for look in looks.values()])
        panels.title(made, label)
        handles = [
            style.key(name, color=_COLOURS[k % 6], marker=_MARKERS[k % 6], linestyle="")
            for k, name in enumerate(names.values())
        ]
        style.legend(made, [*handles, *explained])
    return made


def _panel(axes: Axes, rows: pd.DataFrame, methods: list[str], subsets: list[str]) -> None:
    for place, subset in enumerate(subsets):
        own = rows[rows["subset"] == subset]
        lines = own["method"].map(methods.index) + 0.7 * (place - (len(subsets) - 1) / 2) / len(subsets)
        marks.dots(axes, lines, marks.percent(own), _COLOURS[place % 6], _MARKERS[place % 6], ~own["hollow"])
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
