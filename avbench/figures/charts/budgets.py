"""Accuracy against the training budget: who learns fast, who gets further, and whether anyone has arrived."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from avbench.config.budgets import ALL_BUDGETS
from avbench.figures import captions, marks, panels, style
from avbench.figures.names import score_axis, scores_name, sentence, subset_names, task_name, words, wrap
from avbench.figures.reading import Settings, methods_scores, of_ends, of_first_protocol, subset_sizes
from avbench.results import tables
from avbench.results.budget_gains import GAINS, LOSES
from avbench.results.tables import ALL_SUBSETS


def draw_budgets(settings: Settings, stem: Path) -> None:
    """Accuracy against the steps that runs took, of one protocol, on at most four subsets."""
    scored, protocol = of_first_protocol(methods_scores(settings))
    runs, sizes = tables.own(tables.read(settings["runs"]), settings["own_labels"]), subset_sizes(settings)
    run = ["method", "subset", "labels", "budget"]
    scored = scored.merge(runs.groupby(run, as_index=False)["steps"].mean(), how="left", on=run)
    if scored["subset"].nunique() > ACROSS:
        sizes = of_ends(scored, sizes)
    gains = tables.own(tables.read(settings["budgets_table"]), settings["own_labels"])
    style.save(draw(scored, sizes), stem)
    shown = list(dict.fromkeys([protocol, *scored["protocol"]]))
    captions.write(stem, caption(gains[gains["protocol"].isin(shown)], sizes, settings["budgets"], shown), True)


ACROSS = 4
BANDS = 10  # methods at most whose intervals are drawn; more would hide one another
_APART = 0.16  # of the axis: ticks nearer than this would overlap
_ROOM = 0.06  # of the axis, before the first and behind the last mark


def draw(scored: pd.DataFrame, sizes: Mapping[str, float]) -> Figure:
    """Draw a row of panels per task and modality, a column per subset: mean accuracies with their 95 % bands.

    Args:
        scored: of one protocol: columns method, task, protocol, modality, subset, budget, steps, mean, ci_low, ci_high
            (shares; bounds may be NaN). What depends on no budget or no subset has ``all`` there, and becomes a
            horizontal line.
        sizes: clips a class of each subset that is to be shown.
    """
    looks = style.looks(scored["method"])
    lines = list(scored.groupby(["task", "modality"], sort=False))
    shown = scored["subset"].isin([*sizes, ALL_SUBSETS])
    columns = {name: title for name, title in subset_names(sizes).items() if name in set(scored["subset"][shown])}
    with style.shared():
        width = max(style.NARROW, min(style.PAGE + 1, 2.1 * len(columns) + 0.6))
        made = style.figure(width, 1.75 * len(lines) + 0.9)
        grid = made.subplots(len(lines), len(columns), squeeze=False, sharex="col", sharey="row")
        for row, ((task, modality), cells) in zip(grid, lines, strict=True):
            for axes, subset in zip(row, columns, strict=True):
                _panel(axes, cells[cells["subset"].isin([subset, ALL_SUBSETS])], looks)
            row[0].set_ylabel(f"{wrap(task_name(task), 22)}\n{words(modality)}\n{score_axis(cells['protocol'][:1])}")
        for axes, (subset, title) in zip(grid[0], columns.items(), strict=True):
            axes.set_title(wrap(title, 26))
            _steps_axis(axes, scored.loc[scored["subset"] == subset, "steps"].dropna())
        panels.title(made, "Steps of pretraining")
        style.legend(made, style.keys(looks))
    return made


def caption(gains: pd.DataFrame, sizes: Mapping[str, float], budgets: Sequence[str], protocols: Sequence[str]) -> str:
    """Say what is seen, and how many methods gain and lose from the shortest budget to the longest.

    Args:
        gains: of :func:`avbench.results.budget_gains.table`, of one protocol; one labels per method.
        sizes: clips a class of each subset that is shown.
        budgets: their names, shortest first.
        protocols: how scores were measured.
    """
    sentences = [
        f"{scores_name(protocols)} against the steps of pretraining, each point a run with its own "
        "schedule: mean and 95 % interval over seeds and test clips. What depends on no budget is a horizontal line. "
        f"From the shortest budget ({budgets[0]}) to the longest ({budgets[-1]}), with p below 0.05 after Holm's "
        "correction for the methods of a task, modality and subset:"
    ]
    ends = gains[(gains["shorter"] == budgets[0]) & (gains["longer"] == budgets[-1])]
    names, told = subset_names(sizes), []
    for (task, modality, subset), rows in ends.groupby(["task", "modality", "subset"], sort=False):
        if subset not in names:
            continue
        up, down = (rows["verdict"] == GAINS).sum(), (rows["verdict"] == LOSES).sum()
        most = rows.loc[rows["gain"].idxmax()]
        told.append(
            f"{task_name(task)}, {words(modality)}, {names[subset]}: of {captions.count(len(rows), 'method')} {up} "
            f"gain, {down} lose, {len(rows) - up - down} undecided; most {style.method_name(most['method'])} "
            f"{captions.gain(most['gain'], most['ci_low'], most['ci_high'])}"
        )
    return " ".join([*sentences, *(f"{sentence(part)}." for part in told)])


def _panel(axes: Axes, rows: pd.DataFrame, looks: Mapping[str, style.Look]) -> None:
    bands = len(looks) <= BANDS
    for method, look in looks.items():
        own = rows[rows["method"] == method].sort_values("steps")
        mean, low, high = marks.percent(own)
        if set(own["budget"]) == {ALL_BUDGETS}:
            axes.axhline(mean[0], color=look.colour, linestyle=look.dash, linewidth=1.1)
            if bands and low[0] == low[0]:
                axes.axhspan(low[0], high[0], color=look.colour, alpha=0.08, linewidth=0)
        elif len(own):
            axes.plot(own["steps"], mean, markersize=3.5, **look.line)
            if bands:
                axes.fill_between(own["steps"], low, high, color=look.colour, alpha=0.13, linewidth=0)
    axes.grid(True, axis="y")


def _steps_axis(axes: Axes, steps: pd.Series) -> None:
    """Make the axis logarithmic, and name the steps that most runs took, as many as there is room for."""
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    values, counts = np.unique(steps, return_counts=True)
    places = np.log(values)
    span = (places[-1] - places[0]) or 1.0
    axes.set_xlim(np.exp(places[0] - _ROOM * span), np.exp(places[-1] + _ROOM * span))
    named: list[float] = []
    within = (values > values[0]) & (values < values[-1])
    for index in np.lexsort((-values, within, -counts)):
        if all(abs(places[index] - place) >= _APART * span for place in named):
            named.append(places[index])
    ticks = np.exp(sorted(named))
    axes.set_xticks(ticks, [f"{step:,.0f}" for step in ticks])
