"""How the embeddings of test clips lie: close pairs, even spread, dimensions used."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from avbench.figures import captions, names, panels, style
from avbench.figures.names import subset_names
from avbench.figures.reading import Settings, of_ends, own, subset_sizes
from avbench.results import tables


def draw_geometry(settings: Settings, stem: Path) -> None:
    """How the embeddings of a task's test clips lie, on the smallest and the largest subset."""
    table, sizes = own(tables.read(settings["geometry"]), settings), subset_sizes(settings)
    table = table[table["task"] == settings["task"]]
    ends = of_ends(table, sizes)
    table = table[table["subset"].isin(list(ends))]
    style.save(draw(table, ends), stem)
    captions.write(stem, caption(table, ends, settings["task"]))


_PANELS = {
    "alignment": "Alignment,\nown pair",
    "class_alignment": "Alignment,\nsame class",
    "uniformity_audio": "Uniformity,\naudio",
    "uniformity_video": "Uniformity,\nvideo",
    "effective_rank_audio": "Effective\nrank, audio",
    "effective_rank_video": "Effective\nrank, video",
}
_COLOURS, _MARKERS = (style.BLUE, style.ORANGE), "oD"


def draw(geometry: pd.DataFrame, sizes: Mapping[str, float]) -> Figure:
    """Draw a panel a metric: methods down, the mean over seeds as a mark, lowest to highest seed as a line.

    Args:
        geometry: of one task: columns method, subset, seed and the metrics of
            :func:`avbench.evaluation.geometry.describe`; one labels per method.
        sizes: clips a class of each subset, two at most.
    """
    looks, sized = style.looks(geometry["method"]), subset_names(sizes)
    table = geometry[geometry["subset"].isin(list(sized))]
    with style.shared():
        made = style.figure(style.PAGE + 0.8, 0.22 * len(looks) + 1.1)
        shown = panels.grid(made, len(_PANELS), len(_PANELS), sharey=True)
        for axes, (metric, title) in zip(shown, _PANELS.items(), strict=True):
            sns.pointplot(
                table,
                x=metric,
                y="method",
                hue="subset",
                order=list(looks),
                hue_order=list(sized),
                palette=_COLOURS[: len(sized)],
                markers=list(_MARKERS[: len(sized)]),
                dodge=0.3 * (len(sized) - 1),
                errorbar=("pi", 100),
                linestyle="none",
                markersize=3.8,
                err_kws={"linewidth": 1.0},
                legend=False,
                ax=axes,
            )
            axes.set(title=title, xlabel="", ylabel="")
            axes.locator_params(axis="x", nbins=4)
            axes.margins(x=0.1)
            axes.tick_params(axis="y", length=0)
            axes.grid(True, axis="x")
        panels.rows(shown[0], [look.name for look in looks.values()])
        handles = [
            style.key(name, color=colour, marker=marker, linestyle="")
            for name, colour, marker in zip(sized.values(), _COLOURS, _MARKERS, strict=False)
        ]
        style.legend(made, handles)
    return made


def caption(geometry: pd.DataFrame, sizes: Mapping[str, float], task: str) -> str:
    """Say which methods bring pairs and classes closest, and which use most dimensions.

    Args:
        geometry, sizes: as for :func:`draw`.
        task: whose test clips were embedded.
    """
    seeds = geometry["seed"].nunique()
    sentences = [
        f"How the test clips of {names.task_name(task)} lie after pretraining: mean over "
        f"{captions.count(seeds, 'seed')}"
        + (", lines from the lowest to the highest. " if seeds > 1 else ". ")
        + "Alignment is the mean squared distance on the unit sphere between sound and picture, of the same clip or of "
        "any two clips of a class: less is closer. Uniformity is lower where clips spread more evenly. Both are of the "
        "common space; effective rank, how many dimensions are used, is of the features that probes see. Nothing here "
        "is better by itself: a collapsed space is perfectly aligned."
    ]
    for subset, name in names.subset_names(sizes).items():
        here = geometry[geometry["subset"] == subset]
        told = []
        for metric, text, best in (
            ("alignment", "own pairs are closest with", "min"),
            ("class_alignment", "classes are closest with", "min"),
            ("effective_rank_audio", "sounds use most dimensions with", "max"),
        ):
            means = here.groupby("method")[metric].mean().dropna()
            if len(means):
                method = means.idxmin() if best == "min" else means.idxmax()
                told.append(f"{text} {style.method_name(method)} ({means[method]:.3g}){_apart(here, metric, method)}")
        if told:
            sentences.append(f"{names.sentence(name)}: {'; '.join(told)}.")
    return " ".join(sentences)


def _apart(rows: pd.DataFrame, metric: str, method: str) -> str:
    """Say if other methods' seeds reach into the range of a method's seeds."""
    own, others = (rows.loc[mask, metric] for mask in (rows["method"] == method, rows["method"] != method))
    if len(own) < 2 or others.empty or others.max() < own.min() or others.min() > own.max():
        return ""
    return ", but seeds of others overlap"
