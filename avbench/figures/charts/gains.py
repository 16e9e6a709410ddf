"""What each method gains over a baseline, paired by seed and test clip."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from avbench.config.methods import BASELINE
from avbench.figures import method_rows, style
from avbench.figures.reading import TRAINING, Settings, own, subset_sizes
from avbench.results import tables
from avbench.results.stopping import LEVEL


def draw_gains(settings: Settings, stem: Path) -> None:
    """Paired gains over the random method."""
    comparisons = own(tables.read(settings["comparisons"]), settings)
    style.save(draw(comparisons[comparisons["protocol"].isin(TRAINING)], subset_sizes(settings)), stem)


def draw(comparisons: pd.DataFrame, sizes: Mapping[str, float], baseline: str = BASELINE) -> Figure:
    """Draw a panel per task: methods down, gain in percentage points across, a mark per subset.

    Marks are hollow where the gain is not significant: where p, adjusted by Holm, is not below 0.05, or is unknown.

    Args:
        comparisons: of :func:`avbench.results.tables.comparisons`.
        sizes: clips a class of each subset.
        baseline: the method that stands at zero.
    """
    table = comparisons[(comparisons["baseline"] == baseline) & comparisons["subset"].isin(list(sizes))]
    table = table.assign(mean=table["difference"], hollow=~(table["p_holm"] < LEVEL))
    return method_rows.draw(
        table,
        sizes,
        f"Gain over {style.method_name(baseline)} (percentage points)",
        lambda axes, _: axes.axvline(0, color=style.GREY, linewidth=0.8),
        [style.key("not significant", **style.HOLLOW)] if table["hollow"].any() else [],
    )
