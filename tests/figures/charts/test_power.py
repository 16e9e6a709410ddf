"""The figure of what deciding each claim would take."""

import math

import pandas as pd
import pytest

from avbench.figures.charts.power import draw, draw_power
from avbench.results import tables
from avbench.results.claim_power import COLUMNS


def needed(budgets=("default",)):
    known = (0.02, 0.3, 0.5, 4, 0.02, 0.3)
    rows = [
        (
            f"c{n}",
            f"Claim {n} is a sentence that has to be wrapped somewhere.",
            budget,
            n == 0,
            3,
            200,
            *known,
            seeds,
            5e3,
        )
        for budget in budgets
        for n, seeds in enumerate((4.0, 90.0, math.nan))
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS])


@pytest.mark.parametrize("budgets", [("default",), ("steps-5", "steps-20")])
def test_each_claim_has_a_mark_per_budget(budgets):
    made = draw(needed(budgets))
    (axes,) = made.axes
    marks = [line for line in axes.lines if line.get_linestyle() == "None"]
    places = [(float(line.get_xdata()[0]), int(line.get_ydata()[0])) for line in marks]
    assert places == [(4, 0), (90, 1), (1500, 2)] * len(budgets)
    assert [line.get_markerfacecolor() == "white" for line in marks] == [True, False, False] * len(budgets)
    assert axes.get_xlim()[1] > 1500
    assert [text.get_text().replace("\n", " ") for text in axes.get_yticklabels()] == list(needed()["text"])
    named = [text.get_text() for legend in made.legends for text in legend.get_texts()]
    assert ("steps 5" in named) == (len(budgets) > 1)
    assert "decided already" in named


def test_without_claims_the_figure_says_so(tmp_path):
    tables.write(tmp_path / "power.csv", needed().iloc[:0])
    draw_power({"power": tmp_path / "power.csv"}, tmp_path / "power")
    assert (tmp_path / "power.png").stat().st_size > 0
