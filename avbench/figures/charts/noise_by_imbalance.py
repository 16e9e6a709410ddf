"""Whether a method pays, by the label noise and the imbalance of its pretraining set."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from avbench.figures import captions, names, style
from avbench.figures.names import imbalance_name, words
from avbench.figures.reading import Settings, along_noise, say


def draw_noise_by_imbalance(settings: Settings, stem: Path) -> None:
    """Gain over random pairing by the rate of label noise and the imbalance, of one task and modality."""
    table, protocol = along_noise(settings)
    task, modality = settings["task"], settings["modality"]
    table = table[(table["task"] == task) & (table["modality"] == modality)]
    table = table[table.groupby(["method", "noise"])["imbalance"].transform("nunique") > 1]
    if table.empty:
        say("No method was run with label noise on subsets of several imbalances.", stem)
        return
    plot(table, task, protocol, modality, stem)


_ACROSS = 3
_MAP = LinearSegmentedColormap.from_list("gain", [style.VERMILION, "#FFFFFF", style.BLUE])
_ABSENT = "#E4E4E4"
NEAR = 1.05  # subsets whose totals differ by less are of the same size
_LEAST = 1.0  # points at the ends of the colours, at least: less is no difference to see


def draw(robustness: pd.DataFrame) -> Figure:
    """Draw a panel a method and kind of noise: subsets down, the most balanced first, noise rates across.

    A cell holds the gain over random pairing on the same subset, with half its 95 % interval. Cells whose interval
    holds zero have no colour; grey ones were not run.

    Args:
        robustness: of one task, protocol and modality: columns method, subset, clips, imbalance, noise, rate, gain,
            gain_low, gain_high (shares).
    """
    looks = style.looks(robustness["method"])
    panels = [
        (method, noise, rows)
        for method in looks
        for noise, rows in robustness[robustness["method"] == method].groupby("noise", sort=False)
    ]
    subsets, rates = _subsets(robustness), sorted(set(robustness["rate"]))
    noises = robustness["noise"].nunique()
    across = min(noises if noises > 1 else _ACROSS, len(panels), _ACROSS)
    down = math.ceil(len(panels) / across)
    end = max(100 * robustness["gain"].abs().max(), _LEAST)
    with style.shared():
        width = max(4.6, across * (0.45 * len(rates) + 0.25) + 1.5)
        made = style.figure(width, max(2.6, down * (0.34 * len(subsets) + 0.5) + 1.05))
        grid = made.subplots(down, across, squeeze=False, sharex=True, sharey=True)
        for axes, (method, noise, rows) in zip(grid.flat, panels, strict=False):
            _panel(axes, rows, list(subsets), rates, Normalize(-end, end))
            axes.set_title(f"{names.wrap(looks[method].name, 28)}\n{names.noise_name(noise)}")
        for axes in list(grid.flat)[len(panels) :]:
            axes.remove()
        for axes in list(grid.flat)[len(panels) - across : len(panels)]:
            axes.tick_params(labelbottom=True)
        grid[0, 0].set_xticks(range(len(rates)), [f"{100 * rate:.3g}" for rate in rates])
        grid[0, 0].set_yticks(range(len(subsets)), list(subsets.values()))
        made.supxlabel("Wrong labels (% of each class)", fontsize=7.5)
        shown = [axes for axes in grid.flat if axes.figure is not None]
        bar = made.colorbar(ScalarMappable(Normalize(-end, end), _MAP), ax=shown, shrink=0.9, aspect=30, pad=0.02)
        bar.set_label("Gain over random\n(percentage points)")
        bar.outline.set_visible(False)
        handles = [Patch(facecolor="white", edgecolor=style.GREY, label="interval with zero")]
        if len(robustness) < len(panels) * len(subsets) * len(rates):
            handles.append(Patch(facecolor=_ABSENT, hatch="////", edgecolor="white", label="not run"))
        if robustness["gain_low"].isna().any():
            handles.append(Line2D([], [], linestyle="", label="without ±: no interval"))
        style.legend(made, handles, "outside upper center")
    return made


def caption(robustness: pd.DataFrame, task: str, protocol: str, modality: str) -> str:
    """Say where each method pays, where it harms, and in how many cells neither is sure.

    Args:
        robustness: as for :func:`draw`.
        task, protocol, modality: what was scored.
    """
    subsets = _subsets(robustness)
    sentences = [
        f"Gain over random pairing on the same subset, in percentage points, by the share of wrong labels and the "
        f"imbalance of the pretraining set (clips of the largest class for one of the smallest); "
        f"{names.task_name(task)}, {names.protocol_name(protocol)}, {names.words(modality)}. Below each gain stands "
        "half its 95 % interval over seeds and test clips; intervals are not adjusted for their number. Cells without "
        "colour have an interval that holds zero: they leave the sign open."
    ]
    for method in style.looks(robustness["method"]):
        for noise, rows in robustness[robustness["method"] == method].groupby("noise", sort=False):
            above, below = (rows["gain_low"] > 0).sum(), (rows["gain_high"] < 0).sum()
            best, worst = rows.loc[rows["gain"].idxmax()], rows.loc[rows["gain"].idxmin()]
            sentences.append(
                f"{names.sentence(style.method_name(method))}, {names.noise_name(noise)}: of "
                f"{captions.count(len(rows), 'cell')} {above} above zero, {below} below, {len(rows) - above - below} "
                f"open; from {_cell(worst, subsets)} to {_cell(best, subsets)}."
            )
    return " ".join(sentences)


def plot(robustness: pd.DataFrame, task: str, protocol: str, modality: str, stem: str | Path) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``, and :func:`caption` to ``{stem}.rst``."""
    style.save(draw(robustness), stem)
    captions.write(stem, caption(robustness, task, protocol, modality))


def _subsets(robustness: pd.DataFrame) -> dict[str, str]:
    """Name the subsets, the most balanced first, and the smaller of two as unequal."""
    rows = robustness.drop_duplicates("subset").sort_values(["imbalance", "clips", "subset"])
    sizes = rows["clips"].max() > NEAR * rows["clips"].min()
    names = {
        row.subset: imbalance_name(row.imbalance) + (f", {row.clips:,.0f} clips" if sizes else "")
        for row in rows.itertuples()
    }
    if len(set(names.values())) == len(names):
        return names
    return {subset: f"{words(subset)}: {name}" for subset, name in names.items()}


def _panel(axes: Axes, rows: pd.DataFrame, subsets: list[str], rates: list[float], norm: Normalize) -> None:
    cells = {(row.subset, row.rate): row for row in rows.itertuples()}
    for down, subset in enumerate(subsets):
        for across, rate in enumerate(rates):
            corner = (across - 0.47, down - 0.46)
            row = cells.get((subset, rate))
            if row is None:
                axes.add_patch(Rectangle(corner, 0.94, 0.92, facecolor=_ABSENT, hatch="////", edgecolor="white", lw=0))
                continue
            colour = _MAP(norm(100 * row.gain))
            sure = row.gain_low > 0 or row.gain_high < 0
            face = colour if sure else "white"
            axes.add_patch(Rectangle(corner, 0.94, 0.92, facecolor=face, edgecolor="#BBBBBB", linewidth=0.5))
            text = captions.points(row.gain)
            if row.gain_low == row.gain_low:
                text += f"\n±{50 * (row.gain_high - row.gain_low):.1f}"
            ink = (style.BLACK if np.dot(colour[:3], (0.299, 0.587, 0.114)) > 0.5 else "white") if sure else style.GREY
            axes.text(across, down, text, ha="center", va="center", fontsize=6, color=ink, linespacing=1.1)
    axes.set_xlim(-0.5, len(rates) - 0.5)
    axes.set_ylim(len(subsets) - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _cell(row: pd.Series, subsets: dict[str, str]) -> str:
    gain = captions.gain(row["gain"], row["gain_low"], row["gain_high"])
    return f"{gain} at {100 * row['rate']:.3g} % and {subsets[row['subset']]}"
