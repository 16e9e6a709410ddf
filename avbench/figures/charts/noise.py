"""How much label noise a method stands: accuracy against the noise rate, and the rate at which it stops paying."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from avbench.config.labels import NOISES
from avbench.config.methods import BASELINE
from avbench.figures import captions, marks, names, panels, style
from avbench.figures.names import measure_name, noise_name, score_axis, scores_name, sentence, task_name, words, wrap
from avbench.figures.reading import NEAR, Settings, along_noise, longest, say
from avbench.results import tables
from avbench.results.robustness import NEVER_PAYS, PAYS, PAYS_UP_TO
from avbench.results.verdicts import UNDECIDED


def draw_noise(settings: Settings, stem: Path) -> None:
    """Accuracy against the rate of label noise, on the most balanced subsets: the smallest and the largest of them."""
    draw_along(settings, stem, LABELS)


def draw_along(settings: Settings, stem: Path, told: "Told") -> None:
    """Draw accuracies against the rate of what is wrong, and write the caption."""
    table, protocol = along_noise(settings, told.kinds)
    if (table["method"] == BASELINE).all():
        but = "" if table.empty else f" but {style.method_name(BASELINE)}"
        say(f"No method{but} was run at several rates of {told.what} on one subset.", stem)
        return
    even = table[table["imbalance"] <= (1 + NEAR) * table["imbalance"].min()].sort_values("clips", kind="stable")
    ends = {even["subset"].iloc[0], even["subset"].iloc[-1]}
    rows, crossed, scored = (
        part[part["subset"].isin(ends) & part["protocol"].isin(set(table["protocol"]))]
        for part in (table, *(longest(tables.read(settings[name]), settings) for name in ("break_even", "summary")))
    )
    style.save(draw(rows, crossed, scored, told), stem)
    captions.write(stem, caption(rows, crossed, list(dict.fromkeys([protocol, *rows["protocol"]])), told))


@dataclass(frozen=True)
class Told:
    """What is wrong, in words.

    Attributes:
        kinds: of it.
        what: it is.
        axis: of its share.
        share: in a caption, with what classifiers saw.
        baseline: which random pairing is the grey band.
    """

    kinds: tuple[str, ...]
    what: str
    axis: str
    share: str
    baseline: str


LABELS = Told(
    tuple(NOISES),
    "label noise",
    "Wrong labels (% of each class; {draws})",
    "the share of wrong labels that pairing saw ({draws}); classifiers were trained and tested on the true ones",
    "random pairing, which uses no labels",
)
PANELS = 6  # columns at most
_GREY_BAND: Mapping[str, Any] = {"color": style.GREY, "linewidth": 0}
_PLACE = ["subset", "task", "modality"]
# How a verdict is said of one method, and of several.
_SAID = {
    PAYS: ("pays at every rate tried", "pay at every rate"),
    PAYS_UP_TO: ("pays up to", "pay up to a rate"),
    NEVER_PAYS: ("does not pay at any rate tried", "never pay"),
    UNDECIDED: ("is undecided", "undecided"),
}


def draw(robustness: pd.DataFrame, break_even: pd.DataFrame, summary: pd.DataFrame, told: Told = LABELS) -> Figure:
    """Draw a row of panels per kind of noise and subset, a column per task and modality.

    Lines are mean scores with their 95 % bands; the grey band is random pairing, which needs no labels, or which has
    rows of its own. Below each panel stand the rates at which the gain over random pairing becomes zero, with their
    intervals.

    Args:
        robustness: of one protocol: columns method, task, protocol, modality, subset, clips, imbalance, noise, rate,
            draws, mean, ci_low, ci_high, in shares.
        break_even: columns method, noise, task, modality, subset, highest_rate, rate, ci_low, ci_high, verdict.
        summary: of the same protocol: columns method, task, modality, subset, mean, ci_low, ci_high; of random pairing.
        told: what is wrong.
    """
    compared = robustness["method"] == BASELINE
    varied, robustness = robustness[compared], robustness[~compared]
    looks, columns, titles = style.looks(robustness["method"]), _columns(robustness), _subset_names(robustness)
    lines = list(robustness.groupby(["noise", "subset"], sort=False))
    strips = [0.09 * rows["method"].nunique() + 0.1 for _, rows in lines]
    baseline = summary[summary["method"] == BASELINE].drop_duplicates(_PLACE).set_index(_PLACE)
    measures = {task: rows["protocol"].iloc[0] for task, rows in robustness.groupby("task", sort=False)}
    with style.shared():
        made = style.figure(max(5.0, 1.65 * len(columns) + 0.5), 1.75 * len(lines) + sum(strips) + 0.9)
        # of three lines per row, the last is empty: the break-even rates belong to the panel above them
        heights = [height for strip in strips for height in (1.3, strip, 0.08)][:-1]
        grid = made.subplots(len(heights), len(columns), height_ratios=heights, sharex=True, squeeze=False)
        for axes in grid[2::3].flat:
            axes.remove()
        for (upper, lower), ((noise, subset), rows) in zip(zip(grid[::3], grid[1::3], strict=True), lines, strict=True):
            paying = break_even[(break_even["noise"] == noise) & (break_even["subset"] == subset)]
            shown = {method: look for method, look in looks.items() if method in set(rows["method"])}
            for panel, strip, (task, modality) in zip(upper, lower, columns, strict=True):
                place = (subset, task, modality)
                own = varied[(varied["noise"] == noise) & (varied["subset"] == subset)]
                band = _band(_of(own, task, modality), baseline.loc[[place]] if place in baseline.index else None)
                _panel(panel, _of(rows, task, modality), shown, band)
                _strip(strip, _of(paying, task, modality), shown)
            _not_cramped(upper)
            title = sentence(noise_name(noise)) + (f"\n{wrap(titles[subset], 26)}" if titles else "")
            upper[0].set_ylabel(f"{title}\n{score_axis(measures.values())}")
            lower[0].set_ylabel("Break-\neven", rotation=0, ha="right", va="center")
        for axes, (task, modality) in zip(grid[0], columns, strict=True):
            measure = f", {measure_name(measures[task])}" if len(set(measures.values())) > 1 else ""
            axes.set_title(f"{wrap(task_name(task), 22)}\n{words(modality)}{measure}")
        span = 100 * robustness["rate"].max()
        grid[0, 0].set_xlim(-0.04 * span - 0.5, 1.04 * span + 0.5)
        panels.title(made, told.axis.format(draws=captions.draws(robustness["draws"])))
        style.legend(made, _handles(looks))
    return made


def caption(robustness: pd.DataFrame, break_even: pd.DataFrame, protocols: Sequence[str], told: Told = LABELS) -> str:
    """Say what is seen: until which rate each method pays, first task and modality, and how often over all panels.

    Args:
        robustness, break_even: as for :func:`draw`.
        protocols: how scores were measured.
        told: what is wrong.
    """
    robustness = robustness[robustness["method"] != BASELINE]
    columns = _columns(robustness)
    shown = [_of(break_even, task, modality) for task, modality in columns]
    task, modality = columns[0]
    names = _subset_names(robustness)
    sentences = [
        f"{scores_name(protocols)} against {told.share.format(draws=captions.draws(robustness['draws']))}. Lines are "
        f"means over seeds with 95 % intervals over seeds and test clips, the grey band is {told.baseline}. Below each "
        "panel stands the rate at which the gain over random pairing becomes zero, with its interval."
    ]
    for (noise, subset), rows in shown[0].groupby(["noise", "subset"], sort=False):
        where = f", {names[subset]}" if names else ""
        parts = [_verdict(row) for row in rows.itertuples()]
        sentences.append(
            f"{sentence(noise_name(noise))} ({task_name(task)}, {words(modality)}{where}): {'; '.join(parts)}."
        )
    counted = pd.concat(shown)["verdict"].value_counts()
    if len(columns) > 1:
        total = [f"{counted[verdict]} {several}" for verdict, (_, several) in _SAID.items() if counted.get(verdict)]
        sentences.append(f"Over all panels, of {captions.count(int(counted.sum()), 'line')}: {', '.join(total)}.")
    if counted.get(UNDECIDED):
        sentences.append("Undecided means that the intervals allow both: more seeds or test clips would tell.")
    left = robustness[["task", "modality"]].drop_duplicates().shape[0] - len(columns)
    if left:
        sentences.append(
            f"{captions.count(left, 'further task and modality', 'further tasks and modalities')}: tables."
        )
    return " ".join(sentences)


def _columns(robustness: pd.DataFrame) -> list[tuple[str, str]]:
    return list(robustness[["task", "modality"]].drop_duplicates().itertuples(index=False, name=None))[:PANELS]


def _of(table: pd.DataFrame, task: str, modality: str) -> pd.DataFrame:
    return table[(table["task"] == task) & (table["modality"] == modality)]


def _subset_names(robustness: pd.DataFrame) -> dict[str, str]:
    """Name the subsets by what differs between them; empty if there is one only."""
    subsets = robustness.drop_duplicates("subset").set_index("subset")
    if len(subsets) == 1:
        return {}
    named = {
        subset: ", ".join(
            ([f"{row.clips:,.0f} clips"] if subsets["clips"].nunique() > 1 else [])
            + ([names.imbalance_name(row.imbalance)] if subsets["imbalance"].nunique() > 1 else [])
        )
        for subset, row in zip(subsets.index, subsets.itertuples(), strict=True)
    }
    return named if len(set(named.values())) == len(named) else {subset: names.words(subset) for subset in named}


def _band(varied: pd.DataFrame, constant: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the scores of random pairing by rate, or its only ones."""
    return varied.sort_values("rate") if len(varied) else constant


def _panel(axes: Axes, rows: pd.DataFrame, looks: Mapping[str, style.Look], band: pd.DataFrame | None) -> None:
    if band is not None and len(band) == 1:
        axes.axhspan(100 * band["ci_low"].iloc[0], 100 * band["ci_high"].iloc[0], **_GREY_BAND, alpha=0.22)
        axes.axhline(100 * band["mean"].iloc[0], color=style.GREY, linewidth=1.0)
    elif band is not None:
        mean, low, high = marks.percent(band)
        axes.fill_between(100 * band["rate"], low, high, **_GREY_BAND, alpha=0.22)
        axes.plot(100 * band["rate"], mean, color=style.GREY, linewidth=1.0)
    for method, look in looks.items():
        own = rows[rows["method"] == method].sort_values("rate")
        rate, (mean, low, high) = 100 * own["rate"], marks.percent(own)
        axes.plot(rate, mean, markersize=3.5, **look.line)
        axes.fill_between(rate, low, high, color=look.colour, alpha=0.13, linewidth=0)
    axes.tick_params(labelbottom=False, bottom=False)
    axes.grid(True, axis="y")


def _strip(axes: Axes, rows: pd.DataFrame, looks: Mapping[str, style.Look]) -> None:
    """Draw the break-even rates, a line per method; filled where the verdict is sure."""
    axes.set_label("break-even")
    axes.set_ylim(len(looks) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    for line, (method, look) in enumerate(looks.items()):
        for row in rows[rows["method"] == method].itertuples():
            sure = row.verdict != UNDECIDED
            mark = {"color": look.colour, "markersize": 4.0, "markerfacecolor": look.colour if sure else "white"}
            most = 100 * row.highest_rate
            if row.verdict == PAYS:
                axes.plot([most], [line], marker=">", **mark)
            elif row.verdict == NEVER_PAYS:
                axes.plot([0], [line], marker="<", **mark)
            else:
                low, high = (
                    bound if bound == bound else end for bound, end in zip(_bounds(row), (0, most), strict=True)
                )
                axes.hlines(line, low, high, look.colour, linewidth=0.9, linestyles="-" if sure else ":")
                if row.rate == row.rate:
                    axes.plot([100 * row.rate], [line], marker=look.marker, **mark)


def _bounds(row: Any) -> tuple[float, float]:
    return 100 * row.ci_low, 100 * row.ci_high


def _not_cramped(panels: np.ndarray) -> None:
    """Keep panels that show little change, each on a scale of its own, from blowing it up."""
    for axes in panels:
        low, high = axes.get_ylim()
        if high - low < 4:
            axes.set_ylim((low + high) / 2 - 2, (low + high) / 2 + 2)


def _handles(looks: Mapping[str, style.Look]) -> list[Line2D | Patch]:
    plain = {"color": style.BLACK, "linestyle": "", "markersize": 4.0}
    return [
        *style.keys(looks),
        Patch(color=style.GREY, alpha=0.35, label="random"),
        style.key("pays at every rate", marker=">", **plain),
        style.key("never pays", marker="<", **plain),
        style.key("undecided", **style.HOLLOW | {"linestyle": ":", "markersize": 4.0}),
    ]


def _verdict(row: Any) -> str:
    name = style.method_name(row.method)
    if row.verdict == PAYS_UP_TO:
        low, high = _bounds(row)
        return f"{name} pays up to {100 * row.rate:.0f} % ({low:.0f} to {high:.0f} %)"
    if row.verdict == UNDECIDED and row.rate == row.rate:
        return f"{name} crosses zero at {100 * row.rate:.0f} %, undecided"
    return f"{name} {_SAID[row.verdict][0]} (up to {100 * row.highest_rate:.0f} %)"
