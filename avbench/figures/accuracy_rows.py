"""Accuracy of many methods, a row each: lines along the size would hide one another."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.figures import method_rows, panels, style
from avbench.figures.names import score_axis


def draw(
    summary: pd.DataFrame,
    sizes: Mapping[str, float],
    guesses: Mapping[tuple[str, str], Mapping[str, float]] | None = None,
    roles: Mapping[str, str] | None = None,
) -> Figure:
    """Draw a panel per task: methods down, accuracy across, a mark per subset.

    Args:
        summary, guesses, roles: as in :func:`avbench.figures.accuracy_panels.draw`. Scores that depend on no subset,
            those of the subset "all", become vertical lines.
        sizes: clips a class of each subset that is to be shown.
    """
    everywhere = summary[summary["subset"] == "all"]
    shown = summary[summary["subset"].isin(list(sizes))].assign(hollow=False)
    looks = style.looks(summary["method"])

    def behind(axes: Axes, key: tuple[str, str, str]) -> None:
        for name, share in (guesses or {}).get(key[:2], {}).items():
            axes.axvline(100 * share, **style.GUESSES[name])
        for row in everywhere.itertuples():
            if (row.task, row.protocol, row.modality) != key:
                continue
            look = looks[row.method]
            axes.axvline(100 * row.mean, color=look.colour, linestyle=look.dash, linewidth=1.1)
            if row.ci_low == row.ci_low:
                axes.axvspan(100 * row.ci_low, 100 * row.ci_high, color=look.colour, alpha=0.08, linewidth=0)

    explained = [
        style.key(looks[method].name, color=looks[method].colour, linestyle=looks[method].dash)
        for method in everywhere["method"].unique()
    ]
    explained += style.guess_keys((guesses or {}).values())
    made = method_rows.draw(shown, sizes, score_axis(shown["protocol"]), behind, explained, roles, one_scale=False)
    panels.same_scale(
        made.axes, [key[1] for key, _ in shown.groupby(["task", "protocol", "modality"], sort=False)], "x"
    )
    return made
