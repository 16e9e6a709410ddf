"""How much of each dataset is there."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from avbench.figures import style

_STATES = {
    "stored": (style.BLUE, ""),
    "unavailable": ("#BBBBBB", "////"),
    "rejected": (style.ORANGE, "...."),
}


def draw(counts: pd.DataFrame) -> Figure:
    """Draw a bar a dataset and split: the shares of clips stored, unavailable and rejected.

    Args:
        counts: columns dataset, split, stored, unavailable, rejected (clips), in the order of the bars.
    """
    names = [f"{style.literal(style.task_name(row.dataset))}, {row.split}" for row in counts.itertuples()]
    listed = np.maximum(counts[list(_STATES)].sum(axis=1).to_numpy(), 1)
    with style.shared():
        made = style.figure(style.PAGE * 0.72, 0.26 * len(counts) + 0.9)
        axes = made.subplots()
        places, left = np.arange(len(counts)), np.zeros(len(counts))
        for state, (colour, hatch) in _STATES.items():
            share = 100 * counts[state].to_numpy() / listed
            axes.barh(
                places,
                share,
                left=left,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0,
                height=0.7,
                label=state,
            )
            left += share
        for place, row in zip(places, counts.itertuples(), strict=True):
            total = row.stored + row.unavailable + row.rejected
            axes.annotate(
                f"{row.stored:,} of {total:,}", (101, place), va="center", fontsize=6.5, annotation_clip=False
            )
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("Share of the listed clips (%)")
        axes.tick_params(axis="y", length=0)
        made.legend(loc="outside lower center", ncols=3)
    return made


def plot(counts: pd.DataFrame, stem: str | Path) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``."""
    style.save(draw(counts), stem)
