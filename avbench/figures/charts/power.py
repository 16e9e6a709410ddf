"""How many seeds it would take to decide each claim."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.figures import names, panels, style
from avbench.figures.reading import Settings
from avbench.results import tables
from avbench.results.power import MOST_SEEDS

_WIDTH = 58  # letters of a line of a claim's text
_TICKS = (2, 5, 10, 20, 50, 100, 200, 500)
_BEYOND = 1.5 * MOST_SEEDS  # where claims are shown that no such number of seeds decides
_SO_FAR = {"color": style.GREY, "linewidth": 0.8, "dashes": (1, 3)}
_MARKS = ("o", "s", "D", "^", "v", "P")  # of budgets


def draw_power(settings: Settings, stem: Path) -> None:
    """Seeds needed by claim."""
    style.save(draw(tables.read(settings["power"])), stem)


def draw(table: pd.DataFrame) -> Figure:
    """Draw a row per claim and a mark per budget: the seeds that decide it, or that no number of seeds would.

    Args:
        table: of :func:`avbench.results.claim_power.table`.
    """
    if table.empty:
        return style.notice("No claim was tested with two seeds or more.")
    claims = list(dict.fromkeys(table["claim"]))
    texts = table.drop_duplicates("claim").set_index("claim")["text"].to_dict()
    rows = [names.wrap(texts[claim], _WIDTH, 2) for claim in claims]
    budgets = dict(zip(dict.fromkeys(table["budget"]), _MARKS * len(table), strict=False))
    with style.shared():
        made = style.figure(style.PAGE, 0.27 * len(rows) + 1.0)
        axes = made.subplots()
        for budget, mark in budgets.items():
            _draw_budget(axes, table[table["budget"] == budget], claims, mark)
        for seeds in sorted(set(table["seeds"])):
            axes.axvline(seeds, **_SO_FAR)
        axes.set_xscale("log")
        axes.set_xlim(1.7, 1.4 * _BEYOND)
        axes.set_xticks([*_TICKS, _BEYOND], [*map(str, _TICKS), f">\u2009{MOST_SEEDS:,}"])
        axes.minorticks_off()
        panels.rows(axes, rows)
        axes.grid(axis="x")
        look = {"color": style.BLUE, "linestyle": ""}
        handles = [style.key(names.words(name), marker=mark, **look) for name, mark in budgets.items()]
        handles = handles if len(handles) > 1 else []
        if table["decided"].any():
            handles.append(style.key("decided already", **style.HOLLOW))
        style.legend(made, [*handles, style.key("seeds so far", **_SO_FAR)])
        panels.title(made, "Seeds that decide an effect of two points in 80 % of experiments")
    return made


def _draw_budget(axes: Axes, part: pd.DataFrame, claims: list[str], mark: str) -> None:
    """Mark the claims of a budget, hollow where they are decided already."""
    for row in part.itertuples():
        seeds = row.seeds_needed if row.seeds_needed == row.seeds_needed else _BEYOND
        face = "white" if row.decided else style.BLUE
        axes.plot(seeds, claims.index(row.claim), marker=mark, color=style.BLUE, markerfacecolor=face, linestyle="")
