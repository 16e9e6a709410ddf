"""What each method really pairs, by the true classes, beside what it gains."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from avbench.figures import captions, names, style
from avbench.figures.names import labels_name, wrap
from avbench.figures.reading import Settings, of_first_protocol, subset_sizes
from avbench.results import tables


def draw_sampling(settings: Settings, stem: Path) -> None:
    """What each run really pairs beside its gain, on the subset that has most runs."""
    pairs, compared = tables.read(settings["sampling"]), tables.read(settings["comparisons"])
    sizes = subset_sizes(settings)
    runs = pairs.drop_duplicates(["method", "labels", "subset"])["subset"].value_counts()
    subset = max(names.subset_names(sizes), key=lambda name: runs.get(name, 0))
    where = {"task": settings["task"], "modality": settings["modality"], "baseline": BASELINE}
    for column, value in (where | {"subset": subset}).items():
        compared = compared[compared[column] == value]
    compared, protocol = of_first_protocol(compared)
    table = counted(pairs[pairs["subset"] == subset], compared, settings.get("own_labels"))
    plot(table, settings["label_variants"], sizes[subset], settings["task"], protocol, settings["modality"], stem)


BASELINE = "random"
RUNS = 48  # lines that fit on a page; of more runs those with each method's own labels are shown
_LEVEL = 0.05
_POSITIVES = {"own": ("own video", "#BFBFBF"), "same": ("another clip of its class", style.GREEN)}
_POSITIVES["other"] = ("a clip of another class", style.VERMILION)


def counted(sampling: pd.DataFrame, comparisons: pd.DataFrame, order: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Set the pairs of each method and labels beside the gain; means over seeds.

    Args:
        sampling: of one subset: columns method, labels, seed, foreign_positives, positives_of_class and
            negatives_of_class (shares).
        comparisons: with random pairing, of the same subset and one task, protocol and modality: columns method,
            labels, difference, ci_low, ci_high, p_holm.
        order: the own labels of each method; they alone are kept where there are more than ``RUNS`` runs.

    Returns:
        Columns method, labels, own, same, other (shares of the positives, which add up to one), negatives (share of
        the negatives that are of the anchor's class), difference, ci_low, ci_high and p_holm (NaN where there is
        none).
    """
    shares = ["foreign_positives", "positives_of_class", "negatives_of_class"]
    table = sampling.groupby(["method", "labels"], sort=False)[shares].mean().reset_index()
    if len(table) > RUNS and order:
        table = table[[order.get(row.method, row.labels) == row.labels for row in table.itertuples()]]
    own = 1 - table["foreign_positives"]
    table = table.assign(
        own=own,
        # Rounded shares may add up to a little more than one.
        same=(table["positives_of_class"] - own).clip(lower=0),
        other=1 - table["positives_of_class"],
        negatives=table["negatives_of_class"],
    ).drop(columns=shares)
    gained = comparisons[["method", "labels", "difference", "ci_low", "ci_high", "p_holm"]]
    table = table.merge(gained, "left", ["method", "labels"])
    places = {method: place for place, method in enumerate(style.looks(table["method"]))}
    return table.sort_values("method", key=lambda names: names.map(places), kind="stable", ignore_index=True)


def draw(table: pd.DataFrame, variants: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw a line a run: whose video the positive is, how many negatives are of the anchor's class, and the gain.

    Args:
        table: of :func:`counted`.
        variants: the label variants of the configuration.
    """
    several = table["method"].duplicated(keep=False)
    looks = style.looks(table["method"])
    names = []
    for row, more in zip(table.itertuples(), several, strict=True):
        labels = labels_name(row.labels, variants)
        names.append(f"{looks[row.method].name}, {labels}" if more and labels else looks[row.method].name)
    lines = np.arange(len(table))
    with style.shared():
        made = style.figure(style.PAGE + 0.4, 0.19 * len(table) + 1.3)
        shape = {"sharey": True, "width_ratios": [1.4, 1, 1]}
        positives, negatives, gain = made.subplots(1, 3, **shape)
        start = np.zeros(len(table))
        for part, (_, colour) in _POSITIVES.items():
            positives.barh(lines, 100 * table[part], left=start, color=colour, height=0.7)
            start += 100 * table[part].to_numpy()
        positives.set_xlim(0, 100)
        positives.set_yticks(lines, [wrap(name, 48, 1) for name in names])
        positives.set_ylim(len(table) - 0.4, -0.6)
        positives.tick_params(axis="y", length=0)
        positives.set_title("Positives")
        positives.set_xlabel("Share (%)")
        _negatives(negatives, table, lines)
        _gains(gain, table, lines)
        handles = [Patch(color=colour, label=name) for name, colour in _POSITIVES.values()]
        if not (table["p_holm"].dropna() < _LEVEL).all() or table["p_holm"].isna().all():
            plain = {
                "color": style.BLACK,
                "markerfacecolor": "white",
                "marker": "o",
                "linestyle": "",
                "markersize": 3.8,
            }
            handles.append(Line2D([], [], label="gain not significant", **plain))
        style.legend(made, handles, "outside upper center")
    return made


def caption(
    table: pd.DataFrame,
    variants: Mapping[str, Mapping[str, Any]],
    clips_a_class: float,
    task: str,
    protocol: str,
    modality: str,
) -> str:
    """Say what the methods pair, and whether more negatives of the anchor's class go with less gain.

    Args:
        table, variants: as for :func:`draw`.
        clips_a_class: of the subset.
        task, protocol, modality: what the gains are of.
    """
    sentences = [
        f"What each run really pairs, counted over its own batches with the true classes, which it may not have seen "
        f"({names.size_name(clips_a_class)}). Left: whose video an anchor's positives are. Middle: the share of its "
        "negatives that are of its own class. Right: gain over random pairing "
        f"({names.task_name(task)}, {names.protocol_name(protocol)}, {names.words(modality)}), mean and 95 % interval "
        "over seeds and test clips; filled where p is below 0.05 after Holm's correction."
    ]
    wrong = table.loc[table["other"].idxmax()]
    if wrong["other"] > 0.0005:
        sentences.append(f"Most positives of another class: {_named(wrong, variants)}, {100 * wrong['other']:.1f} %.")
    if table["negatives"].notna().any():
        most, least = (table.loc[place] for place in (table["negatives"].idxmax(), table["negatives"].idxmin()))
        sentences.append(
            f"Negatives of the anchor's class: from {100 * least['negatives']:.1f} % ({_named(least, variants)}) to "
            f"{100 * most['negatives']:.1f} % ({_named(most, variants)})."
        )
    known = table.dropna(subset=["difference"])
    sure = known[known["p_holm"] < _LEVEL]
    up, down = (sure["difference"] > 0).sum(), (sure["difference"] < 0).sum()
    sentences.append(
        f"Of {captions.count(len(known), 'run')} compared with random, {up} gain and {down} lose significantly; "
        f"{len(known) - up - down} leave it open. Runs differ in more than these shares, so that none of this tells "
        "what causes a gain."
    )
    return " ".join(sentences)


def plot(
    table: pd.DataFrame,
    variants: Mapping[str, Mapping[str, Any]],
    clips_a_class: float,
    task: str,
    protocol: str,
    modality: str,
    stem: str | Path,
) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``, and :func:`caption` to ``{stem}.rst``."""
    style.save(draw(table, variants), stem)
    captions.write(stem, caption(table, variants, clips_a_class, task, protocol, modality))


def _negatives(axes: Axes, table: pd.DataFrame, lines: np.ndarray) -> None:
    shares = 100 * table["negatives"].to_numpy()
    bars = axes.barh(lines, np.nan_to_num(shares), color=style.SKY, height=0.7)
    axes.bar_label(bars, ["none" if share != share else f"{share:.1f}" for share in shares], padding=2, fontsize=6)
    axes.set_xlim(0, 1.25 * max(np.nan_to_num(shares).max(), 1))  # room for the numbers
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 100])
    axes.set_title("Negatives of the\nanchor's class")
    axes.set_xlabel("Share (%)")
    axes.tick_params(axis="y", length=0)


def _gains(axes: Axes, table: pd.DataFrame, lines: np.ndarray) -> None:
    axes.axvline(0, color=style.GREY, linewidth=0.8)
    for line, row in zip(lines, table.itertuples(), strict=True):
        if row.difference != row.difference:
            continue
        axes.hlines(line, 100 * row.ci_low, 100 * row.ci_high, style.BLACK, linewidth=0.9)
        face = style.BLACK if row.p_holm < _LEVEL else "white"
        axes.plot([100 * row.difference], [line], "o", color=style.BLACK, markerfacecolor=face, markersize=3.8)
    axes.set_title("Gain over random")
    axes.set_xlabel("Percentage points")
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")


def _named(row: pd.Series, variants: Mapping[str, Mapping[str, Any]]) -> str:
    labels = names.labels_name(row["labels"], variants)
    return style.method_name(row["method"]) + (f" with {labels}" if labels else "")
