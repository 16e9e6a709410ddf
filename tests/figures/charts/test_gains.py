from typing import ClassVar

import pandas as pd

from avbench.figures import style
from avbench.figures.charts import gains
from tests.support.figures import SIZES, Layout, comparisons_table

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


def test_the_smallest_subset_stands_first():
    backwards = dict(sorted(SIZES.items(), key=lambda item: -item[1]))
    with style.shared():
        gained = gains.draw(comparisons_table().iloc[::-1], backwards)
    assert [text.get_text() for text in gained.legends[0].get_texts()][:2] == [
        "10 clips per class",
        "1,230 clips per class",
    ]


class TestLayout(Layout):
    drawn: ClassVar = {
        "gains of two balances": lambda: gains.draw(comparisons_table(), {"small": 10, "large": 10.3}),
        "gains on many tasks": lambda: gains.draw(comparisons_table(tasks=list("abcd")), SIZES),
        "gains": lambda: gains.draw(comparisons_table(), SIZES),
    }
