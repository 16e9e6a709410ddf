"""Training losses beside the published ones, each as a share of the loss of guessing."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avbench.figures import style
from avbench.figures.names import subset_names, wrap
from avbench.figures.reading import Run, Settings, read_runs, subset_sizes
from avbench.results import published


def draw_published_losses(settings: Settings, stem: Path) -> None:
    """Training loss of every run beside the published one of its method."""
    runs, batch_sizes, _ = read_runs(settings)
    theirs = published.read_losses(settings["losses"])
    plot(runs, subset_sizes(settings), batch_sizes, theirs, settings["same_dataset"], stem)


PUBLISHED_BATCH = 309  # one clip of every class of VGGSound
PUBLISHED_SINGLE_CLASS = {"hard-negative": 123}  # all clips of a class
_ACROSS = 4
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
    names = subset_names(sizes)
    colours = {subset: _COLOURS[place % len(_COLOURS)] for place, subset in enumerate(names)}
    across = min(_ACROSS, len(looks))
    down = math.ceil(len(looks) / across)
    with style.shared():
        made = style.figure(max(style.PAGE * across / _ACROSS, 4.6), 1.65 * down + 0.75)
        grid = made.subplots(down, across, squeeze=False, sharex=True, sharey=True)
        for axes, (method, look) in zip(grid.flat, looks.items(), strict=False):
            axes.axhline(1, color=style.GREY, linewidth=0.8, dashes=(1, 2))
            theirs = published[method].to_numpy() / math.log(PUBLISHED_SINGLE_CLASS.get(method, PUBLISHED_BATCH))
            axes.plot(_progress(len(theirs)), theirs, color=style.GREY, linewidth=1.0, dashes=(4, 1.5))
            for subset, colour in colours.items():
                own = [metrics for name, where, _, metrics in runs if (name, where) == (method, subset)]
                if not own:
                    continue
                together = pd.concat([metrics.set_index("epoch")["loss"] for metrics in own], axis=1)
                together /= math.log(batch_sizes[method, subset])
                along = _progress(len(together))
                axes.plot(along, together.mean(axis=1), color=colour, marker="o" if len(along) == 1 else "")
                if len(own) > 1:
                    bounds = together.min(axis=1), together.max(axis=1)
                    axes.fill_between(along, *bounds, color=colour, alpha=0.18, linewidth=0)
            axes.set_title(wrap(look.name, 24))
            axes.set_xlim(0, 100)
            axes.grid(True, axis="y")
        for axes in list(grid.flat)[len(looks) :]:
            axes.remove()
        for axes in list(grid.flat)[len(looks) - across : len(looks)]:
            axes.tick_params(labelbottom=True)
        grid[0, 0].set_ylim(bottom=0)
        made.supxlabel("Share of the training that is done (%)", fontsize=7.5)
        made.supylabel("Loss ÷ ln(batch size)", fontsize=7.5)
        handles = [Line2D([], [], color=colour, label=names[subset]) for subset, colour in colours.items()]
        where = "published (VGGSound)" if same_dataset else "published, on another dataset (VGGSound)"
        handles.append(Line2D([], [], color=style.GREY, linewidth=1.0, dashes=(4, 1.5), label=where))
        handles.append(Line2D([], [], color=style.GREY, linewidth=0.8, dashes=(1, 2), label="guessing"))
        style.legend(made, handles, "outside upper center")
    return made


def plot(
    runs: Sequence[Run],
    sizes: Mapping[str, float],
    batch_sizes: Mapping[tuple[str, str], int],
    published: pd.DataFrame,
    same_dataset: bool,
    stem: str | Path,
) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``."""
    style.save(draw(runs, sizes, batch_sizes, published, same_dataset), stem)


def _progress(epochs: int) -> np.ndarray:
    """Return how much of the training each epoch's mean loss stands for: the middle of the epoch, in per cent."""
    return 100 * (np.arange(epochs) + 0.5) / epochs
