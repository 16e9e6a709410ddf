import math
from itertools import product
from typing import ClassVar

import pandas as pd
import pytest

from avbench.figures import style
from avbench.figures.charts import tuning
from tests.support.figures import METHODS, SIZES, Layout

RATES, TEMPERATURES = (0.0005, 0.002, 0.008), (0.03, 0.07, 0.3)


def trials(methods=METHODS[:3], subsets=("small",), rates=RATES, temperatures=TEMPERATURES):
    """Every method reaches most at the second learning rate and temperature, and nothing where both are highest."""
    rows = [
        (method, subset, rate, temperature, 0.5 - abs(place - 1) / 10 - abs(warm - 1) / 20)
        for method, subset in product(methods, subsets)
        for place, rate in enumerate(rates)
        for warm, temperature in enumerate(temperatures)
    ]
    table = pd.DataFrame(rows, columns=["method", "subset", "learning_rate", "temperature", "validation_accuracy"])
    best = table.groupby(["method", "subset"])["validation_accuracy"].transform("max") == table["validation_accuracy"]
    highest = (table["learning_rate"] == rates[-1]) & (table["temperature"] == temperatures[-1])
    table.loc[highest & ~best, "validation_accuracy"] = math.nan
    return table.assign(chosen=best.map({True: "yes", False: "no"}), at_edge="")


def test_a_line_is_a_temperature_and_a_ring_is_around_the_choice():
    with style.shared():
        axes = tuning.draw(trials(), {"small": 10}).axes[0]
    *lines, ring = axes.lines
    assert [line.get_xdata().tolist() for line in lines] == [list(RATES)] * 3
    assert lines[1].get_ydata().tolist() == pytest.approx([40, 50, 40])
    assert math.isnan(lines[2].get_ydata()[-1])
    assert (ring.get_xdata().tolist(), ring.get_ydata().tolist()) == ([0.002], [pytest.approx(50)])
    assert axes.get_xscale() == "log"


def test_temperatures_stand_along_the_axis_where_only_they_were_tuned():
    with style.shared():
        axes = tuning.draw(trials(rates=(0.002,)), {"small": 10}).axes[0]
    *lines, _ = axes.lines
    assert [line.get_xdata().tolist() for line in lines] == [list(TEMPERATURES)]


def test_the_caption_says_what_was_chosen_and_how_often_at_an_edge():
    table = trials()
    table.loc[(table["method"] == "random") & (table["chosen"] == "yes"), "at_edge"] = "temperature"
    text = tuning.caption(table, {"small": 10})
    assert "after each of 9 trials" in text
    assert "random learning rate 0.002, temperature 0.07 (50.0 %)" in text
    assert "1 of 3 choices at an edge" in text


class TestLayout(Layout):
    drawn: ClassVar = {
        "tuning": lambda: tuning.draw(trials(), {"small": 10}),
        "tuning of many methods on two subsets": lambda: tuning.draw(trials(METHODS[:8], tuple(SIZES)), SIZES),
        "tuning of one method": lambda: tuning.draw(trials(METHODS[:1]), {"small": 10}),
        "tuning of the learning rate alone": lambda: tuning.draw(
            trials(METHODS[:2], rates=(1e-5, 1e-4, 5e-4, 1e-3, 2e-3), temperatures=(0.07,)), {"small": 10}
        ),
    }
