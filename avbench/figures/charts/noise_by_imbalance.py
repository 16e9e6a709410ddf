"""Whether a method pays, by the label noise and the imbalance of its pretraining set."""

import math
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from avbench.config.labels import NOISES
from avbench.figures import captions, names, panels, style
from avbench.figures.names import imbalance_name, words
from avbench.figures.reading import Settings, along_noise, say


def draw_noise_by_imbalance(settings: Settings, stem: Path) -> None:
    """Gain over random pairing by the rate of label noise and the imbalance, of one task and modality."""
    table, protocol = along_noise(settings, NOISES)
    task, modality = settings["task"], settings["modality"]
    table = table[(table["task"] == task) & (table["modality"] == modality)]
    table = table[table.groupby(["method", "noise"])["imbalance"].transform("nunique") > 1]
    if table.empty:
        say("No method was run with label noise on subsets of several imbalances.", stem)
        return
    style.save(draw(table), stem)
    captions.write(stem, caption(table, task, protocol, modality))


_ACROSS = 3
_MAP = LinearSegmentedColormap.from_list("gain", [style.VERMILION, "#FFFFFF", style.BLUE])
_ABSENT = "#E4E4E4"
NEAR = 1.05  # subsets whose totals differ by less are of the same size
_LEAST = 1.0  # points at the ends of the colours, at least: less is no difference to see


def draw(robustness: pd.DataFrame) -> Figure:
    """Draw a panel per method and kind of noise: subsets down, the most balanced first, noise rates across.

    A cell holds the gain over random pairing on the same subset, with half its 95 % interval. Cells whose interval
    holds zero have no colour; grey ones were not run.

    Args:
        robustness: of one task, protocol and modality: columns method, subset, clips, imbalance, noise, rate, draws,
            gain, gain_low, gain_high (shares).
    """
    looks, noises = style.looks(robustness["method"]), robustness["noise"].nunique()
    drawn = [
        (f"{names.wrap(looks[method].name, 28)}\n{names.noise_name(noise)}", rows)
        for method in looks
        for noise, rows in robustness[robustness["method"] == method].groupby("noise", sort=False)
    ]
    subsets, rates = _subsets(robustness), sorted(set(robustness["rate"]))
    across = min(noises, _ACROSS) if noises > 1 else panels.shape(len(drawn), _ACROSS)[1]
    down = math.ceil(len(drawn) / across)
    end = max(100 * robustness["gain"].abs().max(), _LEAST)
    with style.shared():
        width = max(style.NARROW, across * (0.45 * len(rates) + 0.25) + 1.5)
        made = style.figure(width, max(2.6, down * (0.34 * len(subsets) + 0.5) + 1.05))
        shown = panels.grid(made, len(drawn), across, sharex=True, sharey=True)
        for axes, (title, rows) in zip(shown, drawn, strict=True):
            _panel(axes, rows.pivot(index="subset", columns="rate"), subsets, rates, end)
            axes.set_title(title)
        panels.title(made, f"Wrong labels (% of each class; {captions.draws(robustness['draws'])})")
        bar = made.colorbar(ScalarMappable(Normalize(-end, end), _MAP), ax=shown, shrink=0.9, aspect=30, pad=0.02)
        bar.set_label("Gain over random\n(percentage points)")
        bar.outline.set_visible(False)
        handles = [Patch(facecolor="white", edgecolor=style.GREY, label="interval with zero")]
        if len(robustness) < len(drawn) * len(subsets) * len(rates):
            handles.append(Patch(facecolor=_ABSENT, hatch="////", edgecolor="white", label="not run"))
        if robustness["gain_low"].isna().any():
            handles.append(style.key("without ±: no interval", linestyle=""))
        style.legend(made, handles)
    return made


def caption(robustness: pd.DataFrame, task: str, protocol: str, modality: str) -> str:
    """Say where each method pays, where it harms, and in how many cells neither is sure.

    Args:
        robustness: as for :func:`draw`.
        task, protocol, modality: what was scored.
    """
    subsets = _subsets(robustness)
    sentences = [
        f"Gain over random pairing on the same subset, in percentage points, by the share of wrong labels "
        f"({captions.draws(robustness['draws'])}) and the imbalance of the pretraining set (clips of the largest class "
        "for one of the smallest); "
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


def _panel(axes: Axes, rows: pd.DataFrame, subsets: dict[str, str], rates: list[float], end: float) -> None:
    """Draw the cells of a method and a kind of noise.

    Args:
        axes: where.
        rows: columns gain, gain_low and gain_high by rate, rows by subset.
        subsets: names of all subsets, as they stand.
        rates: all of them.
        end: gain in points that has the darkest colour.
    """
    gain, low, high = (rows[name].reindex(list(subsets), columns=rates) for name in ("gain", "gain_low", "gain_high"))
    half = (50 * (high - low)).map(lambda points: "" if points != points else f"\n±{points:.1f}")
    text = gain.map(lambda share: "" if share != share else captions.points(share)) + half
    axes.set_facecolor(_ABSENT)
    axes.patch.set(hatch="////", edgecolor="white", linewidth=0)
    sure = (low > 0) | (high < 0)
    for hidden, colours, ink in ((~sure, _MAP, style.BLACK), (sure | gain.isna(), ["white"], style.GREY)):
        sns.heatmap(
            100 * gain,
            vmin=-end,
            vmax=end,
            cmap=colours,
            mask=hidden,
            annot=text,
            fmt="",
            annot_kws={"fontsize": 6, "linespacing": 1.1, "color": ink},
            linewidths=0.8,
            linecolor="#BBBBBB",
            cbar=False,
            ax=axes,
            xticklabels=[f"{100 * rate:.3g}" for rate in rates],
            yticklabels=list(subsets.values()),
        )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, rotation=0)


def _cell(row: pd.Series, subsets: dict[str, str]) -> str:
    gain = captions.gain(row["gain"], row["gain_low"], row["gain_high"])
    return f"{gain} at {100 * row['rate']:.3g} % and {subsets[row['subset']]}"
