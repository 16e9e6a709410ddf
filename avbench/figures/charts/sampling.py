"""What each method really pairs, by the true classes, beside what it gains."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from avbench.config.methods import BASELINE
from avbench.figures import captions, marks, names, panels, style
from avbench.figures.reading import Settings, longest, of_first_protocol, subset_sizes
from avbench.results import pair_counts, tables
from avbench.results.stopping import LEVEL


def draw_sampling(settings: Settings, stem: Path) -> None:
    """What each run really pairs beside its gain, on the subset that has most runs."""
    pairs, compared = (longest(tables.read(settings[name]), settings) for name in ("sampling", "comparisons"))
    sizes = subset_sizes(settings)
    runs = pairs.drop_duplicates(["method", "labels", "subset"])["subset"].value_counts()
    subset = max(names.subset_names(sizes), key=lambda name: runs.get(name, 0))
    where = {"task": settings["task"], "modality": settings["modality"], "baseline": BASELINE}
    for column, value in (where | {"subset": subset}).items():
        compared = compared[compared[column] == value]
    compared, protocol = of_first_protocol(compared)
    table = pair_counts.beside_gains(pairs[pairs["subset"] == subset], compared)
    table, variants = arranged(table, settings.get("own_labels")), settings["label_variants"]
    style.save(draw(table, variants), stem)
    what = (settings["task"], protocol, settings["modality"])
    captions.write(stem, caption(table, variants, sizes[subset], *what))


RUNS = 48  # lines that fit on a page; of more runs those with each method's own labels are shown
_POSITIVES = {
    "own": ("own video", "#BFBFBF", ""),
    "same": ("another clip of its class", style.GREEN, ""),
    "other": ("a clip of another class", style.VERMILION, ""),
}


def arranged(table: pd.DataFrame, own_labels: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Sort runs by method, in the order of figures.

    Args:
        table: of :func:`avbench.results.pair_counts.beside_gains`.
        own_labels: of each method; they alone are kept where there are more than ``RUNS`` runs.
    """
    if len(table) > RUNS and own_labels:
        table = table[[own_labels.get(row.method, row.labels) == row.labels for row in table.itertuples()]]
    places = {method: place for place, method in enumerate(style.looks(table["method"]))}
    return table.sort_values("method", key=lambda names: names.map(places), kind="stable", ignore_index=True)


def draw(table: pd.DataFrame, variants: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw a line per run: whose video the positive is, how many negatives are of the anchor's class, and the gain.

    Args:
        table: of :func:`arranged`.
        variants: the label variants of the configuration.
    """
    several = table["method"].duplicated(keep=False)
    looks = style.looks(table["method"])
    runs = []
    for row, more in zip(table.itertuples(), several, strict=True):
        labels = names.labels_name(row.labels, variants)
        runs.append(names.wrap(looks[row.method].name + (f", {labels}" if more and labels else ""), 48, 1))
    sure = table["p_holm"] < LEVEL
    with style.shared():
        made = style.figure(style.PAGE + 0.4, 0.19 * len(table) + 1.3)
        positives, negatives, gain = made.subplots(1, 3, sharey=True, width_ratios=[1.4, 1, 1])
        marks.stacked(positives, 100 * table[list(_POSITIVES)], _POSITIVES)
        positives.set(title="Positives", xlabel="Share (%)")
        shares = 100 * table["negatives"]
        notes = ["none" if share != share else f"{share:.1f}" for share in shares]
        marks.bars(negatives, shares.fillna(0), runs, notes, [style.SKY] * len(table), 1.25)
        negatives.set_xlim(right=max(negatives.get_xlim()[1], 1.25))
        negatives.set_xticks([tick for tick in negatives.get_xticks() if tick <= 100])
        negatives.set(title="Negatives of the\nanchor's class", xlabel="Share (%)")
        gain.axvline(0, color=style.GREY, linewidth=0.8)
        known = table["difference"].notna()
        estimates = marks.percent(table[known], "difference")
        marks.dots(gain, np.flatnonzero(known), estimates, style.BLACK, filled=sure[known])
        gain.set(title="Gain over random", xlabel="Percentage points")
        gain.locator_params(axis="x", nbins=5)
        gain.tick_params(axis="y", length=0)
        gain.grid(True, axis="x")
        panels.rows(positives, runs)
        handles = list(positives.containers)
        if not sure[known].all() or not known.any():
            handles.append(style.key("gain not significant", **style.HOLLOW))
        style.legend(made, handles)
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
    sure = known[known["p_holm"] < LEVEL]
    up, down = (sure["difference"] > 0).sum(), (sure["difference"] < 0).sum()
    sentences.append(
        f"Of {captions.count(len(known), 'run')} compared with random, {up} gain and {down} lose significantly; "
        f"{len(known) - up - down} leave it open. Runs differ in more than these shares, so that none of this tells "
        "what causes a gain."
    )
    return " ".join(sentences)


def _named(row: pd.Series, variants: Mapping[str, Mapping[str, Any]]) -> str:
    labels = names.labels_name(row["labels"], variants)
    return style.method_name(row["method"]) + (f" with {labels}" if labels else "")
