"""Loss and batch accuracy during pretraining: what memorises, what has not converged."""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from avbench.figures import style
from avbench.figures.names import subset_names
from avbench.figures.reading import Run, Settings, read_runs, subset_sizes


def draw_losses(settings: Settings, stem: Path) -> None:
    """Training loss and batch accuracy of every run."""
    runs, batch_sizes, improving = read_runs(settings)
    plot(runs, subset_sizes(settings), batch_sizes, stem, improving)


_NEAR_NATS = 0.2  # losses whose names would overlap


def draw(
    runs: Sequence[Run],
    sizes: Mapping[str, float],
    batch_sizes: Mapping[tuple[str, str], int],
    improving: Collection[tuple[str, str, int]] = (),
) -> Figure:
    """Draw the mean over seeds with the range between the lowest and the highest seed.

    Args:
        runs: (method, subset, seed, metrics with columns epoch, loss, batch_accuracy) of every run.
        sizes: clips a class of each subset; a column of panels each, the smallest first.
        batch_sizes: by (method, subset): an encoder that tells nothing has the loss ln(batch size).
        improving: (method, subset, seed) of the runs that were still improving when they ended.
    """
    looks = style.looks(method for method, *_ in runs)
    names = subset_names(sizes)
    subsets = [subset for subset in names if any(run[1] == subset for run in runs)]
    with style.shared():
        made = style.figure(max(4.6, min(style.PAGE, 3.2 * len(subsets)), 1.9 * len(subsets)), 4.2)
        grid = made.subplots(2, len(subsets), squeeze=False, sharex="col", sharey="row")
        for (upper, lower), subset in zip(grid.T, subsets, strict=True):
            here = [run for run in runs if run[1] == subset]
            upper.set_title(names[subset].replace(": ", ":\n"))
            for method, look in looks.items():
                own = [(seed, metrics) for name, _, seed, metrics in here if name == method]
                if own:
                    marked = {seed for seed, _ in own if (method, subset, seed) in improving}
                    _curves(upper, own, "loss", 1, look, marked)
                    _curves(lower, own, "batch_accuracy", 100, look, marked)
            _chance(upper, sorted({n for (_, name), n in batch_sizes.items() if name == subset}))
            lower.set_xlabel("Epoch")
            lower.set_ylim(0, 102)
        grid[0, 0].set_ylabel("Loss (nats)")
        grid[1, 0].set_ylabel("Batch accuracy (%)")
        grid[0, 0].set_ylim(bottom=0)
        handles = [Line2D([], [], color=look.colour, linestyle=look.dash, label=look.name) for look in looks.values()]
        handles.append(
            Line2D(
                [],
                [],
                color=style.GREY,
                linewidth=0.8,
                dashes=(1, 2),
                label="loss of guessing, ln(batch size)",
            )
        )
        if improving:
            handles.append(
                Line2D(
                    [],
                    [],
                    color=style.BLACK,
                    marker="v",
                    markerfacecolor="white",
                    linestyle="",
                    label="still improving",
                )
            )
        style.legend(made, handles)
    return made


def plot(
    runs: Sequence[Run],
    sizes: Mapping[str, float],
    batch_sizes: Mapping[tuple[str, str], int],
    stem: str | Path,
    improving: Collection[tuple[str, str, int]] = (),
) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``."""
    style.save(draw(runs, sizes, batch_sizes, improving), stem)


def _curves(
    axes: Axes,
    own: list[tuple[int, pd.DataFrame]],
    column: str,
    scale: float,
    look: style.Look,
    marked: set[int],
) -> None:
    together = pd.concat([metrics.set_index("epoch")[column] for _, metrics in own], axis=1) * scale
    epochs = together.index + 1
    alone = "o" if len(epochs) == 1 else ""
    axes.plot(epochs, together.mean(axis=1), color=look.colour, linestyle=look.dash, marker=alone)
    if len(own) > 1:
        low, high = together.min(axis=1), together.max(axis=1)
        axes.fill_between(epochs, low, high, color=look.colour, alpha=0.18, linewidth=0)
    for seed, metrics in own:
        if seed in marked:
            last = metrics.iloc[-1]
            axes.plot(
                last["epoch"] + 1,
                last[column] * scale,
                marker="v",
                color=look.colour,
                markerfacecolor="white",
                clip_on=False,
                zorder=5,
            )
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.grid(True, axis="y")


def _chance(axes: Axes, batches: list[int]) -> None:
    named: list[list[int]] = []  # sizes that share a name, as their lines are too near for one each
    for size in sorted(batches):
        axes.axhline(math.log(size), color=style.GREY, linewidth=0.8, dashes=(1, 2))
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
