"""The claims that were tested: the paper's with its own numbers, and ours."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.figures import marks, names, panels, style
from avbench.figures.reading import Settings
from avbench.results import tables
from avbench.results.verdicts import DEPENDS, FAILS, HOLDS, UNDECIDED


def draw_claims(settings: Settings, stem: Path) -> None:
    """Effects of the claims that were tested, by who claims them."""
    table = tables.read(settings["claims"])
    tested = table[table["effect"].notna()]
    if tested.empty:
        style.save(style.notice("No claim was tested: the experiment lacks a method, subset, task or protocol."), stem)
        return
    style.save(draw(tested), stem)


_TITLES = {"paper": "Claims of the paper", "ours": "Our claims"}
_PUBLISHED = {"linestyle": "", "marker": "D", "markerfacecolor": "none", "markersize": 5, "color": style.BLACK}
_COLOURS: Mapping[str, str] = {
    HOLDS: style.BLUE,
    FAILS: style.VERMILION,
    DEPENDS: style.ORANGE,
    UNDECIDED: style.GREY,
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw a panel per source: claims down, effect in percentage points across.

    Args:
        table: of :func:`avbench.results.published_claims.beside`, claims that were tested alone. Bounds and published
            effects may be NaN.
    """
    parts = list(table.groupby("source", sort=False))
    heights = [0.3 * len(part) + 0.1 for _, part in parts]
    with style.shared():
        made = style.figure(style.PAGE, sum(heights) + 0.35 * len(parts) + 0.75)
        shown = made.subplots(len(parts), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (source, part) in zip(shown, parts, strict=True):
            _panel(axes, part)
            axes.set_title(_TITLES[source])
        panels.title(made, "Effect (percentage points)")
        handles = [
            style.key(
                verdict,
                color=colour,
                marker="o",
                linewidth=1.0,
                markerfacecolor="white" if verdict == UNDECIDED else colour,
            )
            for verdict, colour in _COLOURS.items()
            if verdict in set(table["verdict"])
        ]
        if table["published"].notna().any():
            handles.append(style.key("published", **_PUBLISHED))
        style.legend(made, handles)
    return made


def _panel(axes: Axes, part: pd.DataFrame) -> None:
    axes.axvline(0, color=style.GREY, linewidth=0.8)
    estimates = marks.percent(part, "effect")
    for line, (verdict, published) in enumerate(zip(part["verdict"], part["published"], strict=True)):
        colour = _COLOURS[verdict]
        marks.dots(axes, [line], estimates[:, [line]], colour, filled=verdict != UNDECIDED)
        axes.plot(100 * published, line, **_PUBLISHED)
    panels.rows(axes, [names.wrap(text, 62, 2) for text in part["text"]])
    axes.grid(True, axis="x")
