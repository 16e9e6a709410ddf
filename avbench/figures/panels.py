"""Panels of a figure: how they are set out, and their axes."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.figures.names import measure_name


def shape(count: int, most: int) -> tuple[int, int]:
    """Return how many panels stand one above the other and beside one another, ``most`` at most, the lines even."""
    down = math.ceil(count / most)
    return down, math.ceil(count / down)


def grid(made: Figure, count: int, across: int, **shared: Any) -> list[Axes]:
    """Make ``count`` panels, ``across`` in a line; the lowest of each column has its ticks named."""
    cells = list(made.subplots(math.ceil(count / across), across, squeeze=False, **shared).flat)
    for axes in cells[count:]:
        axes.remove()
    for axes in cells[max(0, count - across) : count]:
        axes.tick_params(labelbottom=True)
    return cells[:count]


def rows(axes: Axes, names: Sequence[str], least: int = 0) -> None:
    """Name the rows of a panel, the first on top; fewer than ``least`` do not fill it."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), least, 1) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def title(made: Figure, across: str, up: str = "") -> None:
    """Name the axes that all panels have in common."""
    made.supxlabel(across, fontsize="medium")
    if up:
        made.supylabel(up, fontsize="medium")


def same_scale(panels: Sequence[Axes], protocols: Sequence[str], axis: str) -> bool:
    """Give scores of one measure one scale, from zero; retrieval, which is harder by far, has one of its own.

    Args:
        panels: where they are drawn.
        protocols: of each panel.
        axis: "x" or "y".

    Returns:
        Whether all panels have the same.
    """
    kinds = ["retrieval" if name.startswith("retrieval") else measure_name(name) for name in protocols]
    for kind in dict.fromkeys(kinds):
        own = [axes for axes, other in zip(panels, kinds, strict=True) if other == kind]
        top = max(getattr(axes, f"get_{axis}lim")()[1] for axes in own)
        for axes in own:
            axes.set(**{f"{axis}lim": (0, min(100, top))})
    return len(set(kinds)) == 1


def bare(axes: Axes, colour: str | None = None, width: float = 1.5, dash: str = "-") -> None:
    """Take ticks away; draw the frame in a colour, or not at all."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(colour is not None)
        if colour is not None:
            spine.set_edgecolor(colour)
            spine.set_linewidth(width)
            spine.set_linestyle(dash)
