"""Which classes of a long-tailed set gain: each class's gain against its number of pretraining clips."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from avbench import stats
from avbench.figures import captions, style
from avbench.figures.class_gains import differences
from avbench.metrics import thirds

_ACROSS = 3
_NORMAL = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Sizes:
    """Gains by the size of the classes.

    Attributes:
        classes: a row a class: label, clips (of pretraining) and gain (share).
        parts: a row for each third of the classes by size (``head``, ``middle``, ``tail``): part, smallest, largest
            (clips a class), gain, ci_low and ci_high (shares; :func:`avbench.stats.bootstrap`).
        correlation, low, high: Spearman's rank correlation of gain with size, and its 95 % interval.
    """

    classes: pd.DataFrame
    parts: pd.DataFrame
    correlation: float
    low: float
    high: float


def by_size(method: pd.DataFrame, baseline: pd.DataFrame, clips: Mapping[str, int]) -> Sizes:
    """Compare the gains of classes with their sizes.

    The interval of the rank correlation is that of Bonett and Wright 2000, "Sample size requirements for estimating
    Pearson, Kendall and Spearman correlations": normal in Fisher's z with variance (1 + r²/2)/(n − 3); classes are the
    sample. NaN with fewer than five classes, or where all gains are equal.

    Args:
        method, baseline: predictions of the same test clips: columns seed, clip_id, label and correct (1.0 or 0.0).
        clips: how many pretraining clips each class has; test clips of classes without any are left out.
    """
    difference, labels = differences(method, baseline)
    labels = labels[labels.isin(list(clips))]
    difference = difference.loc[labels.index]
    values = difference.to_numpy().T
    gains = difference.mean(axis=1).groupby(labels).mean()
    classes = pd.DataFrame(
        {"label": gains.index, "clips": [clips[name] for name in gains.index], "gain": gains.to_numpy()}
    )
    rows = []
    for part, members in thirds({name: clips[name] for name in gains.index}).items():
        sizes = [clips[name] for name in members]
        found = stats.bootstrap({part: values[:, labels.isin(members).to_numpy()]})
        rows.append((part, min(sizes), max(sizes), found.mean, max(found.low, -1.0), min(found.high, 1.0)))
    parts = pd.DataFrame(rows, columns=["part", "smallest", "largest", "gain", "ci_low", "ci_high"])
    return Sizes(classes.sort_values(["clips", "label"], ignore_index=True), parts, *_spearman(classes))


def draw(found: Mapping[tuple[str, str], Sizes], imbalances: Mapping[str, float], baseline: str) -> Figure:
    """Draw a panel a method and subset: a point a class, and the means of thirds of the classes with their intervals.

    Args:
        found: what :func:`by_size` returns, by (method, subset).
        imbalances: of each subset, for the titles.
        baseline: the method that stands at zero.
    """
    looks = style.looks(method for method, _ in found)
    keys = [(method, subset) for method in looks for subset in _ordered(found, imbalances) if (method, subset) in found]
    names = _names(_ordered(found, imbalances), imbalances)
    across = len(names) if 1 < len(names) <= _ACROSS else min(_ACROSS, len(keys))
    down = math.ceil(len(keys) / across)
    with style.shared():
        made = style.figure(max(4.6, style.PAGE * across / _ACROSS), 2.15 * down + 0.7)
        grid = made.subplots(down, across, squeeze=False, sharey=True)
        for axes, (method, subset) in zip(grid.flat, keys, strict=False):
            _panel(axes, found[method, subset], looks[method])
            axes.set_title(f"{style.wrap(looks[method].name, 30)}\n{names[subset]}")
        for axes in list(grid.flat)[len(keys) :]:
            axes.remove()
        over = style.method_name(baseline)
        made.supxlabel("Pretraining clips of the class", fontsize=7.5)
        made.supylabel(f"Gain over {over} (percentage points)", fontsize=7.5)
        plain = {"color": style.GREY, "linestyle": ""}
        handles = [
            Line2D([], [], marker="o", markersize=3, alpha=0.6, label="a class", **plain),
            Line2D([], [], color=style.BLACK, linewidth=2, label="mean of a third of the classes, 95 % interval"),
        ]
        style.legend(made, handles, "outside upper center")
    return made


def caption(
    found: Mapping[tuple[str, str], Sizes], imbalances: Mapping[str, float], baseline: str, task: str, modality: str
) -> str:
    """Say whether gains depend on the size of the class, and what the largest and the smallest classes gain.

    Args:
        found, imbalances, baseline: as for :func:`draw`.
        task, modality: what the linear probe classified.
    """
    ordered = _ordered(found, imbalances)
    names = _names(ordered, imbalances)
    sentences = [
        f"Gain of each class over {style.method_name(baseline)} pairing (linear probe, {style.task_name(task)}, "
        f"{style.words(modality)}), against the number of clips it has in the pretraining set. Horizontal lines are "
        "the means of the largest, the middle and the smallest third of the classes, over their test clips, with 95 % "
        "intervals over seeds and test clips. ρ is Spearman's rank correlation of gain and size with its 95 % "
        "interval, classes being the sample."
    ]
    for method in style.looks(method for method, _ in found):
        for subset in ordered:
            if (method, subset) not in found:
                continue
            one = found[method, subset]
            parts = one.parts.set_index("part")
            ends = [
                f"the {word} third {captions.gain(*parts.loc[part, ['gain', 'ci_low', 'ci_high']])}"
                for part, word in (("head", "largest"), ("tail", "smallest"))
                if part in parts.index
            ]
            told = f" Gains: {captions.joined(ends)}." if ends else ""
            sentences.append(f"{style.sentence(style.method_name(method))}, {names[subset]}: {_verdict(one)}.{told}")
    return " ".join(sentences)


def plot(
    found: Mapping[tuple[str, str], Sizes],
    imbalances: Mapping[str, float],
    baseline: str,
    task: str,
    modality: str,
    stem: str | Path,
) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``, and :func:`caption` to ``{stem}.rst``."""
    style.save(draw(found, imbalances, baseline), stem)
    captions.write(stem, caption(found, imbalances, baseline, task, modality))


def _spearman(classes: pd.DataFrame) -> tuple[float, float, float]:
    # Rounded, since equal gains may differ in their last digits.
    r = float(classes["clips"].rank().corr(classes["gain"].round(9).rank()))
    if len(classes) < 5 or math.isnan(r):
        return r, math.nan, math.nan
    if abs(r) > 1 - 1e-12:
        return round(r), round(r), round(r)
    half = _NORMAL * math.sqrt((1 + r**2 / 2) / (len(classes) - 3))
    return r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def _ordered(found: Mapping[tuple[str, str], Sizes], imbalances: Mapping[str, float]) -> list[str]:
    return sorted(dict.fromkeys(subset for _, subset in found), key=lambda subset: (imbalances[subset], subset))


def _names(subsets: Sequence[str], imbalances: Mapping[str, float]) -> dict[str, str]:
    names = {subset: style.imbalance_name(imbalances[subset]) for subset in subsets}
    if len(set(names.values())) == len(names):
        return names
    return {subset: f"{style.wrap(style.words(subset), 20, 1)}, {name}" for subset, name in names.items()}


def _panel(axes: Axes, one: Sizes, look: style.Look) -> None:
    axes.axhline(0, color=style.GREY, linewidth=0.8)
    axes.plot(
        one.classes["clips"],
        100 * one.classes["gain"],
        "o",
        color=look.colour,
        markersize=3,
        alpha=0.55,
        markeredgewidth=0,
    )
    for row in one.parts.itertuples():
        # A third of equal sizes would have no width.
        ends = (row.smallest, row.largest) if row.largest > row.smallest else (row.smallest / 1.1, row.smallest * 1.1)
        axes.hlines(100 * row.gain, *ends, style.BLACK, linewidth=2)
        if row.ci_low == row.ci_low:
            axes.vlines(math.sqrt(ends[0] * ends[1]), 100 * row.ci_low, 100 * row.ci_high, style.BLACK, linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.3g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.06)
    axes.grid(True, axis="y")
    if one.correlation == one.correlation:
        text = f"ρ = {_number(one.correlation)}"
        if one.low == one.low:
            text += f" ({_number(one.low)} to {_number(one.high)})"
        axes.set_xlabel(text, fontsize=7)


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _verdict(one: Sizes) -> str:
    if one.low != one.low:
        return "too few classes to tell whether gains depend on size"
    bounds = f"ρ {_number(one.correlation)}, {_number(one.low)} to {_number(one.high)}"
    if one.low > 0:
        return f"larger classes gain more ({bounds})"
    if one.high < 0:
        return f"smaller classes gain more ({bounds})"
    return f"undecided whether gains depend on size ({bounds})"
