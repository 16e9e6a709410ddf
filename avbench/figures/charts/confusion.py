"""What is taken for what: predictions of a method's linear probe against the true classes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from avbench.figures import names, style
from avbench.figures.names import sentence, subset_names
from avbench.figures.reading import Settings, of_one_task, subset_sizes


def draw_confusion(settings: Settings, stem: Path) -> None:
    """What one method's linear probe takes for what."""
    method, files = settings["method"]
    where = (settings["task"], settings["modality"])
    drawn = {subset: shares(of_one_task(paths, *where)) for subset, paths in files.items()}
    plot(drawn, subset_sizes(settings), method, stem)


MAPPED = 40  # classes that a map has room for
_BESIDE = 26  # classes up to which two maps stand side by side
_PAIRS = 15
_COLOURS = LinearSegmentedColormap.from_list("confusion", ["white", style.SKY, style.BLUE, "#001A2E"])


def shares(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return how often clips of each class (rows) are taken for each class (columns): shares that sum to 1 a row.

    Args:
        predictions: columns label and prediction; of several seeds, all count alike.
    """
    table = pd.crosstab(predictions["label"], predictions["prediction"], normalize="index")
    return table.reindex(columns=table.index.union(table.columns), fill_value=0.0)


def pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Return true class, predicted class and share of every confusion that occurs, the most frequent first.

    Args:
        table: what :func:`shares` returns.
    """
    found = table.rename_axis(index="label", columns="prediction").stack().rename("share").reset_index()
    found = found[(found["label"] != found["prediction"]) & (found["share"] > 0)]
    return found.sort_values(["share", "label", "prediction"], ascending=[False, True, True], ignore_index=True)


def draw(tables: Mapping[str, pd.DataFrame], sizes: Mapping[str, float], method: str) -> Figure:
    """Draw a map of true and predicted classes a subset, or of many classes the most frequent confusions.

    Args:
        tables: for each subset what :func:`shares` returns.
        sizes: clips a class of each subset.
        method: whose predictions.
    """
    name = sentence(style.looks([method])[method].name)
    names = subset_names({subset: sizes[subset] for subset in tables})
    titled = {f"{name}, {title}": tables[subset] for subset, title in names.items()}
    with style.shared():
        few = max(len(table.columns) for table in tables.values()) <= MAPPED
        return _maps(titled) if few else _lists(titled)


def plot(tables: Mapping[str, pd.DataFrame], sizes: Mapping[str, float], method: str, stem: str | Path) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``."""
    style.save(draw(tables, sizes, method), stem)


def _maps(tables: Mapping[str, pd.DataFrame]) -> Figure:
    classes = max(len(table.columns) for table in tables.values())
    beside = len(tables) > 1 and classes <= _BESIDE
    down, across = (1, len(tables)) if beside else (len(tables), 1)
    made = style.figure(style.PAGE if beside or classes > _BESIDE else 4.6, 4.2 if beside else 4.9 * down)
    grid = made.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    size = 5.5 if classes > 20 else 6.5
    for axes, (title, table) in zip(grid.flat, tables.items(), strict=True):
        image = axes.imshow(
            100 * table.to_numpy(), cmap=_COLOURS, vmin=0, vmax=100, interpolation="nearest", aspect="auto"
        )
        axes.set_title(f"{title}\n{100 * np.mean([table.loc[c, c] for c in table.index]):.0f} % right, mean of classes")
        axes.set_xticks(range(len(table.columns)), [names.wrap(name, 30, 1) for name in table.columns], rotation=90)
        axes.set_yticks(range(len(table)), [names.wrap(name, 30, 1) for name in table.index])
        axes.tick_params(length=0, labelsize=size)
        for spine in axes.spines.values():
            spine.set_visible(True)
    for axes in grid[:, 0]:
        axes.set_ylabel("True class")
    for axes in grid[-1]:
        axes.set_xlabel("Predicted class")
    bar = made.colorbar(image, ax=grid, shrink=0.5, aspect=25, pad=0.02)
    bar.set_label("Share of the class's test clips (%)")
    bar.outline.set_linewidth(0.6)
    return made


def _lists(tables: Mapping[str, pd.DataFrame]) -> Figure:
    most = {title: pairs(table).head(_PAIRS) for title, table in tables.items()}
    made = style.figure(style.PAGE if len(tables) > 1 else 4.6, 0.27 * max(map(len, most.values())) + 0.8)
    panels = made.subplots(1, len(tables), squeeze=False, sharex=True)[0]
    for axes, (title, found) in zip(panels, most.items(), strict=True):
        share = 100 * found["share"]
        axes.barh(range(len(found)), share, height=0.62, color=style.BLUE)
        for place, value in enumerate(share):
            axes.annotate(f"{value:.0f}", (value, place), (3, 0), textcoords="offset points", va="center", fontsize=6.5)
        ticks = [
            f"{names.wrap(row.label, 30, 1)}\ntaken for {names.wrap(row.prediction, 24, 1)}"
            for row in found.itertuples()
        ]
        axes.set_yticks(range(len(found)), ticks)
        axes.set_ylim(_PAIRS - 0.5, -0.5)
        axes.tick_params(axis="y", length=0, labelsize=6)
        axes.set_title(title)
        axes.grid(True, axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    panels[0].set_xlim(0, 1.12 * max(100 * found["share"].max() for found in most.values()))
    made.supxlabel("Share of the true class's test clips (%)", fontsize=7.5)
    return made
