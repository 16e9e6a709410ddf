"""Which classes of a long-tailed set gain: each class's gain against its number of pretraining clips."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from avbench.figures import captions, panels, style
from avbench.figures.names import imbalance_name, sentence, task_name, words, wrap
from avbench.figures.reading import Settings, class_sizes, imbalances, of_one_task
from avbench.results import by_class
from avbench.results.by_class import Sizes


def draw_class_size(settings: Settings, stem: Path) -> None:
    """Gain of each class over a baseline against its number of pretraining clips."""
    baseline, theirs = settings["baseline"]
    where, found = (settings["task"], settings["modality"]), {}
    for method, files in settings["methods"].items():
        for subset, paths in files.items():
            ours, other = (of_one_task(of, *where) for of in (paths, theirs[subset]))
            found[method, subset] = by_class.by_size(ours, other, class_sizes(settings["subsets"][subset]))
    unequal = imbalances(settings)
    style.save(draw(found, unequal, baseline), stem)
    captions.write(stem, caption(found, unequal, baseline, *where))


_ACROSS = 3


def draw(found: Mapping[tuple[str, str], Sizes], imbalances: Mapping[str, float], baseline: str) -> Figure:
    """Draw a panel per method and subset: a point a class, and the means of thirds of the classes with their intervals.

    Args:
        found: what :func:`avbench.results.by_class.by_size` returns, by (method, subset).
        imbalances: of each subset, for the titles.
        baseline: the method that stands at zero.
    """
    looks = style.looks(method for method, _ in found)
    keys = [(method, subset) for method in looks for subset in _ordered(found, imbalances) if (method, subset) in found]
    names = _names(_ordered(found, imbalances), imbalances)
    across = len(names) if 1 < len(names) <= _ACROSS else panels.shape(len(keys), _ACROSS)[1]
    down = math.ceil(len(keys) / across)
    with style.shared():
        made = style.figure(max(style.NARROW, style.PAGE * across / _ACROSS), 2.15 * down + 0.7)
        for axes, (method, subset) in zip(panels.grid(made, len(keys), across, sharey=True), keys, strict=True):
            _panel(axes, found[method, subset], looks[method])
            axes.set_title(f"{wrap(looks[method].name, 30)}\n{names[subset]}")
        gain = f"Gain over {style.method_name(baseline)} (percentage points)"
        panels.title(made, "Pretraining clips of the class", gain)
        handles = [
            style.key("a class", marker="o", markersize=3, alpha=0.6, color=style.GREY, linestyle=""),
            style.key("mean of a third of the classes, 95 % interval", color=style.BLACK, linewidth=2),
        ]
        style.legend(made, handles)
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
        f"Gain of each class over {style.method_name(baseline)} pairing (linear probe, {task_name(task)}, "
        f"{words(modality)}), against the number of clips it has in the pretraining set. Horizontal lines are "
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
            sentences.append(f"{sentence(style.method_name(method))}, {names[subset]}: {_verdict(one)}.{told}")
    return " ".join(sentences)


def _ordered(found: Mapping[tuple[str, str], Sizes], imbalances: Mapping[str, float]) -> list[str]:
    return sorted(dict.fromkeys(subset for _, subset in found), key=lambda subset: (imbalances[subset], subset))


def _names(subsets: Sequence[str], imbalances: Mapping[str, float]) -> dict[str, str]:
    names = {subset: imbalance_name(imbalances[subset]) for subset in subsets}
    if len(set(names.values())) == len(names):
        return names
    return {subset: f"{wrap(words(subset), 20, 1)}, {name}" for subset, name in names.items()}


def _panel(axes: Axes, one: Sizes, look: style.Look) -> None:
    axes.axhline(0, color=style.GREY, linewidth=0.8)
    clips, gain = one.classes["clips"], 100 * one.classes["gain"]
    sns.scatterplot(x=clips, y=gain, color=look.colour, s=9, alpha=0.55, linewidth=0, ax=axes)
    axes.set(xlabel="", ylabel="")
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
