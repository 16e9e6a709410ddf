"""Which classes gain: a method's accuracy minus a baseline's, class by class."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from avbench.figures import marks, names, panels, style
from avbench.figures.names import subset_names
from avbench.figures.reading import Settings, of_one_task, subset_sizes
from avbench.results import by_class


def draw_class_gains(settings: Settings, stem: Path) -> None:
    """Gains of one method over another, class by class."""
    (method, ours), (baseline, theirs) = (settings[name] for name in ("method", "baseline"))
    where = (settings["task"], settings["modality"])
    drawn = {
        subset: by_class.gains(of_one_task(ours[subset], *where), of_one_task(theirs[subset], *where))
        for subset in ours
    }
    style.save(draw(drawn, subset_sizes(settings), method, baseline), stem)


NAMED = 40  # classes that all have room for their names
_ENDS = 10  # of more classes, those that gain most and least
_BAND = "#D5D5D5"


def draw(tables: Mapping[str, pd.DataFrame], sizes: Mapping[str, float], method: str, baseline: str) -> Figure:
    """Draw the gains of each class with a column of panels a subset, the smallest first.

    Args:
        tables: for each subset what :func:`avbench.results.by_class.gains` returns.
        sizes: clips a class of each subset.
        method, baseline: whose gains over whom.
    """
    names = subset_names({subset: sizes[subset] for subset in tables})
    look, other = (style.looks([name])[name] for name in (method, baseline))
    title = f"Gain of {look.name} over {other.name} (percentage points)"
    few = max(map(len, tables.values())) <= NAMED
    with style.shared():
        made = (_all_classes if few else _ends_of_many)({subset: tables[subset] for subset in names}, look, title)
        for axes, name in zip(made.axes, names.values(), strict=False):
            axes.set_title(name)
        handles = [
            style.key("all classes together", color=look.colour, linestyle="--", linewidth=0.9),
            style.key("interval without zero", color=look.colour, marker="o", linestyle=""),
            style.key("with zero", **style.HOLLOW | {"color": look.colour}),
        ]
        if not few:
            handles.append(Patch(color=_BAND, label="if class did not matter"))
        style.legend(made, handles)
    return made


def _all_classes(tables: Mapping[str, pd.DataFrame], look: style.Look, title: str) -> Figure:
    """A row per class, in the order of the smallest subset."""
    order = next(iter(tables.values()))["label"].tolist()
    made = style.figure(style.PAGE if len(tables) > 1 else style.NARROW, 0.155 * len(order) + 1.0)
    shown = panels.grid(made, len(tables), len(tables), sharex=True, sharey=True)
    for axes, table in zip(shown, tables.values(), strict=True):
        _dots(axes, table.set_index("label").reindex(order), look)
        _together(axes.axvline, table, look)
    panels.rows(shown[0], [names.wrap(label, 34, 1) for label in order])
    panels.title(made, title)
    return made


def _ends_of_many(tables: Mapping[str, pd.DataFrame], look: style.Look, title: str) -> Figure:
    """Above all classes in the order of their gains, below those at both ends by name; a column per subset."""
    made = style.figure(style.PAGE if len(tables) > 1 else style.NARROW, 6.0)
    grid = made.subplots(2, len(tables), squeeze=False, sharey="row", height_ratios=[2, 3.4])
    for (upper, lower), table in zip(grid.T, tables.values(), strict=True):
        gain = 100 * table["gain"].to_numpy()
        edges = np.arange(len(gain) + 1) + 0.5
        bounds = [np.append(100 * table[name], 100 * table[name].iloc[-1]) for name in ("dealt_low", "dealt_high")]
        upper.fill_between(edges, *bounds, step="post", color=_BAND, linewidth=0)
        upper.stairs(gain, edges, baseline=None, color=look.colour, linewidth=1.3)
        upper.axhline(0, color=style.GREY, linewidth=0.8)
        _together(upper.axhline, table, look)
        upper.set_xlim(0.5, len(gain) + 0.5)
        upper.set_xlabel(f"All {len(gain)} classes, sorted")
        upper.grid(True, axis="y")
        ends = pd.concat([table.head(_ENDS), table.tail(_ENDS)])
        places = [*range(_ENDS), *range(_ENDS + 1, 2 * _ENDS + 1)]
        _dots(lower, ends, look, places)
        # names within the panels, since the columns' classes differ
        lower.set_yticks(places, [names.wrap(label, 28, 1) for label in ends["label"]])
        lower.tick_params(labelleft=True, labelsize=6.5)
        lower.set_ylim(max(places) + 0.6, -0.6)
        lower.axhline(_ENDS, color=style.GREY, linewidth=0.6, dashes=(1, 2))
    grid[0, 0].set_ylabel("Gain (percentage points)")
    panels.title(made, title)
    return made


def _dots(axes: Axes, table: pd.DataFrame, look: style.Look, places: list[int] | None = None) -> None:
    """A dot a class with its interval, hollow where that holds zero."""
    at = np.arange(len(table)) if places is None else places
    axes.axvline(0, color=style.GREY, linewidth=0.8)
    sure = (table["ci_low"] > 0) | (table["ci_high"] < 0)
    marks.dots(axes, at, marks.percent(table, "gain"), look.colour, filled=sure)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")


def _together(line: Callable[..., Any], table: pd.DataFrame, look: style.Look) -> None:
    """Mark the gain over all classes."""
    line(100 * by_class.together(table), color=look.colour, linestyle="--", linewidth=0.9)
