"""Training losses beside the published ones, each as a share of the loss of guessing."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from avbench.figures import marks, panels, style
from avbench.figures.names import subset_names, wrap
from avbench.figures.reading import Run, Settings, read_runs, subset_sizes
from avbench.results import published


def draw_published_losses(settings: Settings, stem: Path) -> None:
    """Training loss of every run beside the published one of its method."""
    runs, batch_sizes = read_runs(settings)
    theirs = published.read_losses(settings["losses"])
    style.save(draw(runs, subset_sizes(settings), batch_sizes, theirs, settings["same_dataset"]), stem)


PUBLISHED_BATCH = 309  # one clip of every class of VGGSound
PUBLISHED_SINGLE_CLASS = {"hard-negative": 123}  # all clips of a class
_ACROSS = 4
_PUBLISHED = {"color": style.GREY, "linewidth": 1.0, "dashes": (4, 1.5)}
_COLOURS = (style.SKY, style.BLUE, style.BLACK, style.PURPLE, style.ORANGE, style.GREEN)


def draw(
    runs: Sequence[Run],
    sizes: Mapping[str, float],
    batch_sizes: Mapping[tuple[str, str], int],
    published: pd.DataFrame,
    same_dataset: bool,
) -> Figure:
    """Draw a panel a method that was published: mean over seeds and their range, and the published run in grey.

    Losses are divided by the logarithm of the batch size, the loss of an encoder that tells nothing, and epochs by
    their number: what is left to compare on other data, with other batches, is the shape.

    Args:
        runs: (method, subset, seed, metrics with columns epoch and loss) of every run.
        sizes: clips a class of each subset.
        batch_sizes: by (method, subset).
        published: of :func:`avbench.results.published.read_losses`.
        same_dataset: whether the runs were trained on the published data.
    """
    looks = {method: look for method, look in style.looks(run[0] for run in runs).items() if method in published}
    titles = subset_names(sizes)
    own = {subset: style.Look(titles[subset], _COLOURS[k % len(_COLOURS)], "o") for k, subset in enumerate(titles)}
    down, across = panels.shape(len(looks), _ACROSS)
    with style.shared():
        made = style.figure(style.PAGE if across > 2 else style.NARROW, 1.65 * down + 0.75)
        shown = panels.grid(made, len(looks), across, sharex=True, sharey=True)
        for axes, (method, look) in zip(shown, looks.items(), strict=True):
            axes.axhline(1, **style.GUESSING)
            theirs = published[method].to_numpy() / math.log(PUBLISHED_SINGLE_CLASS.get(method, PUBLISHED_BATCH))
            axes.plot(_progress(np.arange(len(theirs)), len(theirs)), theirs, **_PUBLISHED)
            for subset, of in own.items():
                seeds = [metrics for name, where, _, metrics in runs if (name, where) == (method, subset)]
                if seeds:
                    table = pd.concat(seeds, ignore_index=True)
                    along = _progress(table["epoch"], table["epoch"].max() + 1)
                    marks.ranges(axes, along, table["loss"] / math.log(batch_sizes[method, subset]), of)
            axes.set_title(wrap(look.name, 24))
            axes.set_xlim(0, 100)
        shown[0].set_ylim(bottom=0)
        panels.title(made, "Share of the training that is done (%)", "Loss ÷ ln(batch size)")
        where = "published (VGGSound)" if same_dataset else "published, on another dataset (VGGSound)"
        handles = [style.key(of.name, color=of.colour) for of in own.values()]
        handles += [style.key(where, **_PUBLISHED), style.key("guessing", **style.GUESSING)]
        style.legend(made, handles)
    return made


def _progress(epoch: pd.Series | np.ndarray, epochs: int) -> pd.Series | np.ndarray:
    """Return how much of the training each epoch's mean loss stands for: the middle of the epoch, in per cent."""
    return 100 * (epoch + 0.5) / epochs
