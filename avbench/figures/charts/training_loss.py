"""Loss and batch accuracy during pretraining: what memorises, what learns slowly."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from avbench.figures import marks, style
from avbench.figures.names import subset_names
from avbench.figures.reading import Run, Settings, read_runs, subset_sizes


def draw_losses(settings: Settings, stem: Path) -> None:
    """Training loss and batch accuracy of every run."""
    runs, batch_sizes = read_runs(settings)
    style.save(draw(runs, subset_sizes(settings), batch_sizes), stem)


_NEAR_NATS = 0.2  # losses whose names would overlap


def draw(
    runs: Sequence[Run],
    sizes: Mapping[str, float],
    batch_sizes: Mapping[tuple[str, str], int],
) -> Figure:
    """Draw the mean over seeds with the range between the lowest and the highest seed.

    Args:
        runs: (method, subset, seed, metrics with columns epoch, loss, batch_accuracy) of every run.
        sizes: clips a class of each subset; a column of panels each, the smallest first.
        batch_sizes: by (method, subset): an encoder that tells nothing has the loss ln(batch size).
    """
    looks, titles = style.looks(run[0] for run in runs), subset_names(sizes)
    subsets = [subset for subset in titles if any(run[1] == subset for run in runs)]
    with style.shared():
        width = max(style.NARROW, min(style.PAGE, 3.2 * len(subsets)), 1.9 * len(subsets))
        made = style.figure(width, 4.2)
        grid = made.subplots(2, len(subsets), squeeze=False, sharex="col", sharey="row")
        for (upper, lower), subset in zip(grid.T, subsets, strict=True):
            for method, look in looks.items():
                seeds = {seed: table for name, where, seed, table in runs if (name, where) == (method, subset)}
                if seeds:
                    _curves(upper, seeds, "loss", 1, look)
                    _curves(lower, seeds, "batch_accuracy", 100, look)
            _chance(upper, sorted({n for (_, name), n in batch_sizes.items() if name == subset}))
            upper.set_title(titles[subset].replace(": ", ":\n"))
            lower.set_xlabel("Epoch")
            lower.set_ylim(0, 102)
        grid[0, 0].set_ylabel("Loss (nats)")
        grid[1, 0].set_ylabel("Batch accuracy (%)")
        grid[0, 0].set_ylim(bottom=0)
        handles = [style.key(look.name, color=look.colour, linestyle=look.dash) for look in looks.values()]
        handles.append(style.key("loss of guessing, ln(batch size)", **style.GUESSING))
        style.legend(made, handles, "outside lower center")
    return made


def _curves(axes: Axes, seeds: Mapping[int, pd.DataFrame], column: str, scale: float, look: style.Look) -> None:
    together = pd.concat(seeds.values(), ignore_index=True)
    marks.ranges(axes, together["epoch"] + 1, scale * together[column], look)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def _chance(axes: Axes, batches: list[int]) -> None:
    named: list[list[int]] = []  # sizes that share a name, as their lines are too near for one each
    for size in sorted(batches):
        axes.axhline(math.log(size), **style.GUESSING)
        if named and math.log(size / named[-1][0]) < _NEAR_NATS:
            named[-1].append(size)
        else:
            named.append([size])
    for sizes in named:
        axes.annotate(
            ", ".join(f"ln {size}" for size in reversed(sizes)),
            (1.01, sum(map(math.log, sizes)) / len(sizes)),
            xycoords=("axes fraction", "data"),
            ha="left",
            va="center",
            fontsize=6,
            color=style.GREY,
            annotation_clip=False,
        )
