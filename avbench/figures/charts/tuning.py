"""What each trial reached on validation clips, by its learning rate and temperature, and what was chosen."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.config.tuning import KEYS
from avbench.figures import captions, panels, style
from avbench.figures.names import sentence, subset_names, wrap
from avbench.figures.reading import Settings, longest, of_ends, subset_sizes
from avbench.results import tables

_ACROSS = 4
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_NAMES = {"learning_rate": "Learning rate", "temperature": "Temperature"}


def draw_tuning(settings: Settings, stem: Path) -> None:
    """Trials of the longest budget on the smallest and the largest subset."""
    table = longest(tables.read(settings["tuning"]), settings)
    ends = of_ends(table, subset_sizes(settings))
    table = table[table["subset"].isin(list(ends))]
    style.save(draw(table, ends), stem)
    captions.write(stem, caption(table, ends))


def draw(tuning: pd.DataFrame, sizes: Mapping[str, float]) -> Figure:
    """Draw a panel per subset and method: validation accuracy by learning rate, a line per temperature.

    The two change places where a single learning rate was tried. A ring is around what was chosen; a trial that failed
    has no mark.

    Args:
        tuning: columns method, subset, learning_rate, temperature, validation_accuracy (a share), chosen.
        sizes: clips a class of each subset.
    """
    looks, titles = style.looks(tuning["method"]), subset_names(sizes)
    cells = [
        (subset, method, rows)
        for subset in titles
        for method in looks
        if len(rows := tuning[(tuning["subset"] == subset) & (tuning["method"] == method)])
    ]
    along, by = KEYS if tuning[KEYS[0]].nunique() > 1 else KEYS[::-1]
    values = sorted(set(tuning[by]))
    colours = dict(zip(values, sns.color_palette("viridis_r", len(values) + 1)[1:], strict=True))
    markers = {value: _MARKERS[place % len(_MARKERS)] for place, value in enumerate(values)}
    down, across = panels.shape(len(cells), _ACROSS)
    with style.shared():
        made = style.figure(max(style.NARROW, style.PAGE * across / _ACROSS), 1.9 * down + 0.8)
        shown = panels.grid(made, len(cells), across, sharex=True, sharey=True)
        for axes, (subset, method, rows) in zip(shown, cells, strict=True):
            for value in values:
                own = rows[rows[by] == value].sort_values(along)
                axes.plot(own[along], 100 * own["validation_accuracy"], color=colours[value], marker=markers[value])
            _ring(axes, rows[rows["chosen"] == "yes"], along)
            axes.set_title(looks[method].name + (f"\n{wrap(titles[subset], 26)}" if len(titles) > 1 else ""))
            axes.grid(True, axis="y")
        shown[0].set_xscale("log")
        ticks = sorted(set(tuning[along]))
        shown[0].set_xticks(ticks, [f"{tick:g}" for tick in ticks], rotation=45 if len(ticks) > 3 else 0)
        shown[0].minorticks_off()
        shown[0].margins(x=0.15)
        panels.title(made, _NAMES[along], "Validation accuracy (%)")
        explained = [
            style.key(f"{_NAMES[by].lower()} {value:g}", color=colours[value], marker=markers[value])
            for value in values
        ]
        ring = style.key("chosen", color=style.BLACK, marker="o", markersize=9, linestyle="", markerfacecolor="none")
        style.legend(made, [*explained, ring])
    return made


def _ring(axes: Axes, chosen: pd.DataFrame, along: str) -> None:
    accuracies = 100 * chosen["validation_accuracy"]
    axes.plot(chosen[along], accuracies, "o", color=style.BLACK, markersize=9, markerfacecolor="none", clip_on=False)


def caption(tuning: pd.DataFrame, sizes: Mapping[str, float]) -> str:
    """Say what was chosen for each method, and how often a choice lies at an edge of what was tried.

    Args:
        tuning: as for :func:`draw`, with the column at_edge.
        sizes: as for :func:`draw`.
    """
    names, count = subset_names(sizes), tuning.groupby(["subset", "method"]).size().max()
    sentences = [
        f"Accuracy on validation clips of linear probes, the mean over modalities, after each of {count} trials, "
        "the same for every method. Rings are around what was chosen; no test clip has a part in it."
    ]
    chosen = tuning[tuning["chosen"] == "yes"]
    for subset, name in names.items():
        parts = [
            f"{style.method_name(row.method)} learning rate {row.learning_rate:g}, temperature {row.temperature:g} "
            f"({100 * row.validation_accuracy:.1f} %)"
            for row in chosen[chosen["subset"] == subset].itertuples()
        ]
        if parts:
            sentences.append(f"{sentence(name)}: {'; '.join(parts)}.")
    edges = int((chosen["at_edge"] != "").sum())
    sentences.append(f"{edges} of {captions.count(len(chosen), 'choice')} at an edge of what was tried.")
    return " ".join(sentences)
