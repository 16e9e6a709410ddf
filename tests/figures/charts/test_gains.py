import pandas as pd

from avbench.figures import style
from avbench.figures.charts import gains

COLUMNS = ["method", "baseline", "task", "protocol", "modality", "subset", "difference", "ci_low", "ci_high", "p_holm"]


def test_only_significant_gains_over_the_baseline_are_filled():
    rows = [
        ("soft-positive", "random", "tau", "linear", "audio", "small", 0.1, 0.05, 0.15, 0.01),
        ("sp70", "random", "tau", "linear", "audio", "small", 0.02, -0.01, 0.05, 0.2),
        ("soft-positive", "supervised", "tau", "linear", "audio", "small", 0.9, 0.8, 1.0, 0.001),
    ]
    with style.shared():
        (axes,) = gains.draw(pd.DataFrame(rows, columns=COLUMNS), {"small": 10}).axes
    marks = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    filled = {line.get_xdata()[0]: line.get_markerfacecolor() != "white" for line in marks}
    assert filled == {10.0: True, 2.0: False}
