"""What is taken for what: predictions of a method's linear probe against the true classes."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from avbench.figures import marks, names, panels, style
from avbench.figures.names import sentence, subset_names
from avbench.figures.reading import Settings, of_one_task, subset_sizes
from avbench.results.confusion import mean_right, pairs, shares


def draw_confusion(settings: Settings, stem: Path) -> None:
    """What one method's linear probe takes for what."""
    method, files = settings["method"]
    where = (settings["task"], settings["modality"])
    drawn = {subset: shares(of_one_task(paths, *where)) for subset, paths in files.items()}
    style.save(draw(drawn, subset_sizes(settings), method), stem)


MAPPED = 40  # classes that a map has room for
_BESIDE = 26  # classes up to which two maps stand side by side
_PAIRS = 15
_COLOURS = LinearSegmentedColormap.from_list("confusion", ["white", style.SKY, style.BLUE, "#001A2E"])


def draw(tables: Mapping[str, pd.DataFrame], sizes: Mapping[str, float], method: str) -> Figure:
    """Draw a map of true and predicted classes a subset, or of many classes the most frequent confusions.

    Args:
        tables: for each subset what :func:`avbench.results.confusion.shares` returns.
        sizes: clips a class of each subset.
        method: whose predictions.
    """
    name = sentence(style.looks([method])[method].name)
    titles = subset_names({subset: sizes[subset] for subset in tables})
    titled = {f"{name}, {title}": tables[subset] for subset, title in titles.items()}
    with style.shared():
        few = max(len(table.columns) for table in tables.values()) <= MAPPED
        return _maps(titled) if few else _lists(titled)


def _maps(tables: Mapping[str, pd.DataFrame]) -> Figure:
    classes = max(len(table.columns) for table in tables.values())
    beside = len(tables) > 1 and classes <= _BESIDE
    across = len(tables) if beside else 1
    made = style.figure(
        style.PAGE if beside or classes > _BESIDE else style.NARROW, 4.2 if beside else 4.9 * len(tables)
    )
    shown = panels.grid(made, len(tables), across, sharex=True, sharey=True)
    for axes, (title, table) in zip(shown, tables.items(), strict=True):
        named = table.rename(index=_short, columns=_short)
        sns.heatmap(100 * named, cmap=_COLOURS, vmin=0, vmax=100, cbar=False, ax=axes, xticklabels=1, yticklabels=1)
        axes.set(title=f"{title}\n{100 * mean_right(table):.0f} % right, mean of classes", xlabel="", ylabel="")
        axes.tick_params(length=0, labelsize=5.5 if classes > 20 else 6.5)
        axes.tick_params(axis="x", rotation=90)
        axes.tick_params(axis="y", rotation=0)
        axes.spines[:].set_visible(True)
    for axes in shown[::across]:
        axes.set_ylabel("True class")
    for axes in shown[-across:]:
        axes.set_xlabel("Predicted class")
    bar = made.colorbar(shown[0].collections[0], ax=shown, shrink=0.5, aspect=25, pad=0.02)
    bar.set_label("Share of the class's test clips (%)")
    return made


def _lists(tables: Mapping[str, pd.DataFrame]) -> Figure:
    most = {title: pairs(table).head(_PAIRS) for title, table in tables.items()}
    height = 0.27 * max(map(len, most.values())) + 0.8
    made = style.figure(style.PAGE if len(tables) > 1 else style.NARROW, height)
    shown = panels.grid(made, len(tables), len(tables), sharex=True)
    for axes, (title, found) in zip(shown, most.items(), strict=True):
        ticks = [f"{_short(row.label)}\ntaken for {names.wrap(row.prediction, 24, 1)}" for row in found.itertuples()]
        share = 100 * found["share"]
        marks.bars(axes, share, ticks, [f"{value:.0f}" for value in share], [style.BLUE] * len(found), 1.12)
        panels.rows(axes, ticks, _PAIRS)
        axes.tick_params(axis="y", labelsize=6)
        axes.set_title(title)
        axes.grid(True, axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    shown[0].set_xlim(0, 112 * max(found["share"].max() for found in most.values()))
    panels.title(made, "Share of the true class's test clips (%)")
    return made


def _short(label: str) -> str:
    return names.wrap(label, 34, 1)
