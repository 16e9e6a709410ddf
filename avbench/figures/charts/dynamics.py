"""How embeddings change along training: neighbours, alignment, uniformity and rank of the dynamics clips."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.config.methods import BASELINE
from avbench.figures import captions, marks, style
from avbench.figures.names import sentence, subset_names, wrap
from avbench.figures.reading import Settings, of_ends, own, subset_sizes
from avbench.results import tables


def draw_dynamics(settings: Settings, stem: Path) -> None:
    """Embeddings of the dynamics clips along training, on the smallest and the largest subset."""
    table, sizes = own(tables.read(settings["dynamics"]), settings), subset_sizes(settings)
    ends = of_ends(table, sizes)
    table = table[table["subset"].isin(list(ends))]
    style.save(draw(table, ends), stem)
    captions.write(stem, caption(table, ends))


MODALITIES = ("audio", "video")
BANDS = 10  # methods at most whose ranges are drawn; more would hide one another
_METRICS = {"knn": "Nearest neighbours (%)", "effective_rank": "Effective rank", "uniformity": "Uniformity"}
_ALIGNMENT = "alignment"


def draw(dynamics: pd.DataFrame, sizes: Mapping[str, float]) -> Figure:
    """Draw metrics against the epoch, the mean over seeds with the range between the lowest and the highest.

    A subset has two lines of panels, audio and video; alignment, which is of both, stands beside them.

    Args:
        dynamics: columns method, subset, seed, epoch, alignment, and knn, uniformity and effective_rank of audio and
            video (``knn_audio``, …); one labels per method.
        sizes: clips a class of each subset.
    """
    looks = style.looks(dynamics["method"])
    titles = {key: name for key, name in subset_names(sizes).items() if key in set(dynamics["subset"])}
    table = dynamics.assign(**{f"knn_{modality}": 100 * dynamics[f"knn_{modality}"] for modality in MODALITIES})
    lines = [
        [f"{subset}/{metric}_{modality}" for metric in _METRICS] + [f"{subset}/{_ALIGNMENT}"]
        for subset in titles
        for modality in MODALITIES
    ]
    with style.shared():
        made = style.figure(style.PAGE + 0.6, 2.9 * len(titles) + 0.75)
        grid = made.subplot_mosaic(lines)
        for place, axes in grid.items():
            subset, metric = place.rsplit("/", 1)
            _panel(axes, table[table["subset"] == subset], metric, looks)
            axes.tick_params(labelbottom=not metric.endswith(f"_{MODALITIES[0]}"))
        for place, title in zip(lines[0], [*_METRICS.values(), "Alignment"], strict=True):
            grid[place].set_title(title)
        for place in lines[-1]:
            grid[place].set_xlabel("Epoch")
        for line, (name, modality) in zip(lines, product(titles.values(), MODALITIES), strict=True):
            grid[line[0]].set_ylabel(f"{wrap(name, 24)}\n{modality}")
        style.legend(made, style.keys(looks))
    return made


def caption(dynamics: pd.DataFrame, sizes: Mapping[str, float]) -> str:
    """Say where nearest neighbours and alignment ended, and how many methods lie apart from random pairing.

    Args:
        dynamics, sizes: as for :func:`draw`.
    """
    names = {key: name for key, name in subset_names(sizes).items() if key in set(dynamics["subset"])}
    seeds = dynamics["seed"].nunique()
    ranges = seeds > 1 and dynamics["method"].nunique() <= BANDS
    sentences = [
        "A fixed set of clips that training never sees, embedded along training, by epoch (0 is before the first "
        f"step): mean over {captions.count(seeds, 'seed')}"
        + (" and the range from the lowest to the highest. " if ranges else ". ")
        + "Nearest neighbours: share of clips whose class follows from the other clips nearest to them. Alignment: "
        "mean squared distance of a clip's sound from its picture on the unit sphere, where less is closer. "
        "Uniformity: how evenly clips spread, where less is more even. Effective rank: how many dimensions "
        "the features use."
    ]
    for subset, name in names.items():
        here = dynamics[dynamics["subset"] == subset]
        end = here[here["epoch"] == here.groupby("method")["epoch"].transform("max")]
        for metric, what, scale, digits in (
            ("knn_audio", "nearest neighbours by sound, in %", 100, 1),
            ("alignment", "alignment", 1, 2),
        ):
            if told := _ended(end[["method", metric]].dropna(), metric, scale, digits):
                sentences.append(f"{sentence(name)}, last epoch, {what}: {told}.")
    if seeds > 1 and BASELINE in set(dynamics["method"]):
        sentences.append("Apart means that no seed reaches into the range of random's seeds; that is no test.")
    return " ".join(sentences)


def _panel(axes: Axes, rows: pd.DataFrame, metric: str, looks: Mapping[str, style.Look]) -> None:
    """Draw a line per method: the mean over seeds of a metric, by the epoch."""
    for method, look in looks.items():
        own = rows[rows["method"] == method]
        if len(own):
            marks.ranges(axes, _along(own["epoch"]), own[metric], look, len(looks) <= BANDS, size=2.5)
    ticks = _ticks(rows["epoch"])
    axes.set_xticks(_along(ticks), [f"{tick:,}" for tick in ticks])


def _along(epochs: Sequence[int]) -> np.ndarray:
    """Place epochs along a logarithmic axis on which 0 stands where one half would."""
    return np.log2(np.maximum(np.asarray(epochs, dtype=np.float64), 0.5))


def _ticks(epochs: Sequence[int]) -> list[int]:
    """Choose at most six epochs that were recorded, always with the first and the last."""
    every = sorted(set(epochs))
    powers = [epoch for epoch in every[:-1] if epoch == 0 or math.log2(epoch).is_integer()]
    if len(powers) > 1 and every[-1] < 1.5 * powers[-1]:
        powers.pop()  # too near the last to be named
    step = math.ceil(len(powers) / 5)
    return [*powers[:: max(step, 1)], every[-1]]


def _ended(rows: pd.DataFrame, metric: str, scale: float, digits: int) -> str:
    """Tell where random pairing ended, which methods are at both ends, and how many lie apart from random."""
    spans = rows.groupby("method")[metric].agg(["mean", "min", "max"])

    def told(method: str) -> str:
        mean, low, high = (f"{scale * value:.{digits}f}" for value in spans.loc[method])
        bounds = f" ({low} to {high})" if low != high else ""
        return f"{style.method_name(method)} {mean}{bounds}"

    parts = [told(BASELINE)] if BASELINE in spans.index else []
    others = spans.drop(index=BASELINE, errors="ignore")
    if len(others):
        parts.append(f"highest {told(others['mean'].idxmax())}")
    if len(others) > 1:
        parts.append(f"lowest {told(others['mean'].idxmin())}")
    if len(others) and BASELINE in spans.index and rows.groupby("method").size().min() > 1:
        random = spans.loc[BASELINE]
        above, below = (others["min"] > random["max"]).sum(), (others["max"] < random["min"]).sum()
        parts.append(
            f"of {captions.count(len(others), 'method')} {above} apart above random, {below} apart below, "
            f"{len(others) - above - below} not apart"
        )
    return "; ".join(parts)
