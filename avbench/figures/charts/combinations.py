"""What every combination of positives, batches and loss gains over random pairing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avbench.config.methods import BASELINE
from avbench.figures import captions, marks, names, panels, style
from avbench.figures.names import protocol_name, sentence, subset_names, task_name, words, wrap
from avbench.figures.reading import Settings, of_ends, of_first_protocol, own, subset_sizes
from avbench.results import tables
from avbench.results.stopping import LEVEL


def draw_combinations(settings: Settings, stem: Path) -> None:
    """Gain of every combination of positives, batches and loss over random pairing, on one task and two sizes."""
    table = own(tables.read(settings["comparisons"]), settings)
    table = table[(table["baseline"] == BASELINE) & (table["task"] == settings["task"])]
    table, protocol = of_first_protocol(table[table["method"].isin(list(settings["methods"]))])
    ends = of_ends(table, subset_sizes(settings))
    table = table[table["subset"].isin(list(ends))]
    style.save(draw(table, settings["methods"], ends, settings["label_variants"]), stem)
    captions.write(stem, caption(table, settings["methods"], ends, settings["task"], protocol))


_ORDER = {
    "positive": ("self", "neighbour", "same-class"),
    "batch": ("shuffled", "one-per-class", "mixed", "single-class"),
    "loss": ("info-nce", "debiased", "hard", "masked", "supcon"),
}
_COLUMNS = ("Method", "Positives", "Batches", "Loss", "Labels")
_CHARACTER = 0.048  # inches that a character of the text at the left takes, about
_GAP = 0.13
_COLOURS = {"self": style.BLUE, "same-class": style.GREEN, "neighbour": style.PURPLE}


def draw(
    comparisons: pd.DataFrame,
    methods: Mapping[str, Mapping[str, Any]],
    sizes: Mapping[str, float],
    variants: Mapping[str, Mapping[str, Any]],
) -> Figure:
    """Draw a line per method, by positives, batches, loss, and then gain; a panel per subset and modality.

    Marks are hollow where the gain is not significant: where p, adjusted by Holm, is not below 0.05, or is unknown.

    Args:
        comparisons: with random pairing, of one task and protocol: columns method, modality, subset, difference,
            ci_low, ci_high, p_holm; one labels per method.
        methods: the fields of each method that is to be shown, as :class:`avbench.config.methods.Method` has them.
        sizes: clips a class of each subset.
        variants: the label variants of the configuration.
    """
    order, shown = _ordered(comparisons, methods), _panels(comparisons, sizes)
    fields = [methods[method] for method in order]
    text = [_words(method, methods[method], variants) for method in order]
    widths = [_CHARACTER * max(len(line[place]) for line in [_COLUMNS, *text]) + _GAP for place in range(len(_COLUMNS))]
    titles = subset_names(sizes)
    with style.shared():
        each = max(1.25, (style.PAGE - sum(widths)) / len(shown))
        made = style.figure(sum(widths) + each * len(shown) + 0.2, max(1.6, 0.17 * len(order) + 1.25))
        ratios = [sum(widths), *[each] * len(shown)]
        table, *drawn = panels.grid(made, len(ratios), len(ratios), sharey=True, width_ratios=ratios)
        _table(table, text, widths)
        for axes, (subset, modality) in zip(drawn, shown, strict=True):
            here = comparisons[(comparisons["subset"] == subset) & (comparisons["modality"] == modality)]
            _panel(axes, here.set_index("method"), order, fields)
            axes.set_title(f"{wrap(titles[subset], 18)}\n{words(modality)}")
            axes.set_xlabel("Gain over\nrandom (points)")
            axes.sharex(drawn[0])
        for axes in (table, *drawn):
            for place in _breaks(fields):
                axes.axhline(place, color="#BBBBBB", linewidth=0.5)
        table.set_ylim(len(order) - 0.4, -0.6)
        style.legend(made, _handles(comparisons, fields))
    return made


def caption(
    comparisons: pd.DataFrame,
    methods: Mapping[str, Mapping[str, Any]],
    sizes: Mapping[str, float],
    task: str,
    protocol: str,
) -> str:
    """Say how many methods gain and lose for sure, and which lie at both ends.

    Args:
        comparisons, methods, sizes: as for :func:`draw`.
        task, protocol: what was scored.
    """
    names = subset_names(sizes)
    sentences = [
        "What each combination of positives, batches and loss gains over random pairing, in percentage points "
        f"({task_name(task)}, {protocol_name(protocol)}): mean and 95 % interval over seeds and test "
        "clips. Filled marks are significant: p below 0.05 after Holm's correction for all methods and labels that are "
        "compared with random under the same protocol, modality and subset. Within the same positives, batches and "
        "loss, the method that gains most stands first."
    ]
    for subset, modality in _panels(comparisons, sizes):
        here = comparisons[(comparisons["subset"] == subset) & (comparisons["modality"] == modality)]
        here = here[here["method"].isin(list(methods))]
        sure = here["p_holm"] < LEVEL
        up, down = (sure & (here["difference"] > 0)).sum(), (sure & (here["difference"] < 0)).sum()
        best, worst = here.loc[here["difference"].idxmax()], here.loc[here["difference"].idxmin()]
        ends = [best] if len(here) == 1 else [best, worst]
        sentences.append(
            f"{sentence(names[subset])}, {words(modality)}: of {captions.count(len(here), 'method')} "
            f"{up} significantly above random, {down} below, {len(here) - up - down} undecided; "
            f"{' to '.join(_told(row) for row in ends)}."
        )
    sentences.append("Other subsets and tasks are in the table of differences.")
    return " ".join(sentences)


def _place(key: str, value: str) -> int:
    known = _ORDER[key]
    return known.index(value) if value in known else len(known)


def _ordered(comparisons: pd.DataFrame, methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sort methods by positives, batches and loss, and equal ones by their mean gain, the largest first."""
    gain = comparisons.groupby("method")["difference"].mean()

    def key(method: str) -> tuple:
        fields = methods[method]
        return (
            _place("positive", fields["positive"]),
            _place("batch", fields["batch"]),
            _place("loss", fields.get("loss", "info-nce")),
            -gain[method],
            method,
        )

    return sorted((method for method in methods if method in gain), key=key)


def _panels(comparisons: pd.DataFrame, sizes: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return modalities and subsets, the smallest subset first."""
    subsets = [subset for subset in names.subset_names(sizes) if subset in set(comparisons["subset"])]
    return [(subset, modality) for modality in dict.fromkeys(comparisons["modality"]) for subset in subsets]


def _words(method: str, fields: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return (
        names.wrap(style.method_name(method), 28, 1),
        names.positive_name(fields),
        names.batch_name(fields),
        names.loss_name(fields),
        names.wrap(names.labels_name(fields["labels"], variants).removesuffix(" labels"), 26, 1),
    )


def _breaks(fields: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return where a line parts methods with other positives from those above."""
    return [
        place - 0.5 for place in range(1, len(fields)) if fields[place]["positive"] != fields[place - 1]["positive"]
    ]


def _table(axes: Axes, text: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
    """Write what methods are made of, a column per part."""
    starts = np.cumsum([0, *widths[:-1]]) / sum(widths)
    for column, (start, title) in enumerate(zip(starts, _COLUMNS, strict=True)):
        axes.text(start, -0.75, title, va="bottom", weight="bold", fontsize=7, clip_on=False)
        for line, row in enumerate(text):
            axes.text(start, line, row[column], va="center", fontsize=6.5)
    axes.set_xlim(0, 1)
    axes.axis("off")


def _panel(axes: Axes, rows: pd.DataFrame, order: Sequence[str], fields: Sequence[Mapping[str, Any]]) -> None:
    axes.axvline(0, color=style.GREY, linewidth=0.8)
    for line, (method, of) in enumerate(zip(order, fields, strict=True)):
        own = rows.loc[rows.index == method]
        colour = _COLOURS.get(of["positive"], style.BLACK)
        estimates = marks.percent(own, "difference")
        marks.dots(axes, [line] * len(own), estimates, colour, filled=own["p_holm"] < LEVEL)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="x", labelsize=6.5)
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")


def _handles(comparisons: pd.DataFrame, fields: Sequence[Mapping[str, Any]]) -> list[Line2D]:
    kinds = dict.fromkeys(of["positive"] for of in fields)
    handles = [
        style.key(
            names.positive_name({"positive": kind}), color=_COLOURS.get(kind, style.BLACK), marker="o", linestyle=""
        )
        for kind in kinds
    ]
    if not (comparisons["p_holm"] < LEVEL).all():
        handles.append(style.key("not significant", **style.HOLLOW))
    return handles


def _told(row: pd.Series) -> str:
    return f"{style.method_name(row['method'])} {captions.gain(row['difference'], row['ci_low'], row['ci_high'])}"
