"""The published results beside the measured ones, method by method."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.figures import marks, names, panels, style
from avbench.figures.reading import Settings
from avbench.results import tables


def draw_paper(settings: Settings, stem: Path) -> None:
    """Published and measured accuracies."""
    style.save(draw(tables.read(settings["paper"])), stem)


_TOGETHER = "finetune"  # where the supervised baseline is shown, if there is this protocol


def draw(table: pd.DataFrame) -> Figure:
    """Draw a row of panels per protocol and a column per task: methods down, accuracy across.

    Args:
        table: of :func:`avbench.results.published.beside`.
    """
    if _TOGETHER in set(table["protocol"]):
        table = table.assign(protocol=table["protocol"].replace("supervised", _TOGETHER))
    looks = style.looks(table["method"])
    tasks, protocols = (list(dict.fromkeys(table[name])) for name in ("task", "protocol"))
    rows = {
        protocol: [m for m in looks if m in set(table["method"][table["protocol"] == protocol])]
        for protocol in protocols
    }
    heights = [0.21 * len(methods) + 0.1 for methods in rows.values()]
    with style.shared():
        made = style.figure(style.PAGE, sum(heights) + 0.28 * len(protocols) + 1.15)
        grid = made.subplots(
            len(protocols), len(tasks), squeeze=False, sharex="col", sharey="row", height_ratios=heights
        )
        for line, (protocol, methods) in zip(grid, rows.items(), strict=True):
            for axes, task in zip(line, tasks, strict=True):
                here = table[(table["protocol"] == protocol) & (table["task"] == task)]
                _panel(axes, here, methods, looks)
            panels.rows(line[0], [names.wrap(looks[method].name, 30, 1) for method in methods])
            if len(methods) > 1:  # the supervised baseline alone is its own name
                line[0].set_ylabel(names.sentence(names.wrap(names.protocol_name(protocol), 16)))
        made.align_ylabels(grid[:, 0])
        for axes, task in zip(grid[0], tasks, strict=True):
            axes.set_title(_title(table[table["task"] == task].iloc[0], 28 if len(tasks) > 2 else 44))
        panels.title(made, "Accuracy (%)")
        handles = [style.key("measured, with its 95 % interval", color=style.BLACK, marker="o", linewidth=1.0)]
        same = table["same_dataset"]
        if same.any():
            handles.append(style.key("published", **_published_look(True)))
        if not same.all():
            label = "published on another dataset: compare the order only"
            handles.append(style.key(label, **_published_look(False)))
        style.legend(made, handles)
    return made


def _title(row: pd.Series, width: int) -> str:
    theirs = names.task_name(row["published_task"])
    name = names.wrap(names.task_name(row["task"]), width, 1)
    return name if row["same_dataset"] else f"{name}\npublished: {names.wrap(theirs, width - 8, 1)}"


def _published_look(same: bool) -> dict[str, Any]:
    colour = style.BLACK if same else "#8A8A8A"
    return {"linestyle": "", "marker": "D", "markerfacecolor": "none", "markersize": 5, "color": colour}


def _panel(axes: Axes, rows: pd.DataFrame, methods: list[str], looks: Mapping[str, style.Look]) -> None:
    for row in rows.itertuples():
        place = methods.index(row.method)
        axes.plot(100 * row.published, place, **_published_look(row.same_dataset))
        marks.dots(
            axes, [place], 100 * np.array([[row.measured], [row.ci_low], [row.ci_high]]), looks[row.method].colour
        )
    axes.margins(x=0.08)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
