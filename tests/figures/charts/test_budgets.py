from typing import ClassVar

import numpy as np
import pandas as pd

from avbench.figures import style
from avbench.figures.charts import budgets
from avbench.results import budget_gains
from tests.support.figures import METHODS, RANDOM, SIZES, Layout

LENGTHS = {"steps-600": 600, "steps-2400": 2400, "steps-9600": 9600}


def scored(methods=METHODS, tasks=("controlled", "a_task-with-a-rather-long-name"), lengths=LENGTHS, sizes=SIZES):
    """Any mean within its interval, of every method at every budget; baselines depend on none."""
    rows = [
        (method, task, modality, subset, budget, steps)
        for method in methods
        for task in tasks
        for modality in ("audio", "video")
        for subset in (["all"] if method == "supervised" else sizes)
        for budget, steps in ([("all", np.nan)] if method in style.BASELINES else lengths.items())
    ]
    low, mean, high = np.sort(RANDOM.uniform(0, 1, (3, len(rows))), axis=0)
    table = pd.DataFrame(rows, columns=["method", "task", "modality", "subset", "budget", "steps"])
    return table.assign(protocol="linear", mean=mean, ci_low=low, ci_high=high)


def test_a_line_is_a_methods_accuracy_along_its_steps_and_a_baseline_is_level():
    table = scored(["random", "untrained"], ["controlled"], sizes={"small": 10})
    table = table[table["modality"] == "audio"]
    (axes,) = budgets.draw(table, {"small": 10}).axes
    random = table[table["method"] == "random"]
    line = next(line for line in axes.lines if line.get_marker() == style.METHODS["random"].marker)
    assert line.get_xdata().tolist() == [600, 2400, 9600]
    assert line.get_ydata().tolist() == (100 * random["mean"]).tolist()
    band = axes.collections[0].get_paths()[0].vertices
    for row in random.itertuples():
        assert {100 * row.ci_low, 100 * row.ci_high} <= {y for x, y in band if x == row.steps}
    level = next(line for line in axes.lines if len(set(line.get_ydata())) == 1 and line is not axes.lines[0])
    assert level.get_ydata()[0] == 100 * table.loc[table["method"] == "untrained", "mean"].item()
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["600", "2,400", "9,600"]


def test_of_steps_that_lie_close_those_of_most_runs_are_named():
    common, few = (scored(names, ["controlled"], {f"steps-{n}": n for n in steps}) for names, steps in FEW)
    axes = budgets.draw(pd.concat([common, few]), SIZES).axes[-1]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["600", "2,400"]


FEW = ((["random", "soft-positive"], (600, 2400)), (["hard-negative"], (576, 2400)))


def test_steps_that_lie_close_are_not_all_named():
    table = scored(["random"], ["controlled"], {f"steps-{n}": n for n in (600, 601, 640, 2400, 9500, 9600)})
    axes = budgets.draw(table, SIZES).axes[-1]  # upper ones have the ticks of the lowest
    assert [text.get_text() for text in axes.get_xticklabels()] == ["600", "2,400", "9,600"]


def test_the_caption_says_how_many_gain_and_lose_from_the_shortest_to_the_longest():
    place = ("tau", "linear", "video", "small", "none")
    rows = [
        (method, *place, *ends, 3, 50, gain, gain - 0.02, gain + 0.02, 0.001, 0.01, verdict)
        for method, gain, verdict in (("random", 0.0, "undecided"), ("sp70", 0.2, "gains"), ("NA", -0.1, "loses"))
        for ends in (("steps-600", "steps-2400"), ("steps-600", "steps-9600"))
    ]
    gains = pd.DataFrame(rows, columns=budget_gains.COLUMNS)
    text = budgets.caption(gains, {"small": 10}, list(LENGTHS), ["linear"])
    assert "From the shortest budget (steps-600) to the longest (steps-9600)" in text
    assert "10 clips per class: of 3 methods 1 gain, 1 lose, 1 undecided; most soft positive" in text
    assert text.count("undecided") == 1
    assert "+20.0 points (+18.0 to +22.0)" in text
    assert "large" not in budgets.caption(gains.assign(subset="large"), {"small": 10}, list(LENGTHS), ["linear"])


class TestLayout(Layout):
    drawn: ClassVar = {
        "budgets": lambda: budgets.draw(scored(), SIZES),
        "budgets of one subset": lambda: budgets.draw(
            scored(METHODS[:3], ["tau"], {"epochs-2": 7, "epochs-4": 14}, {"small": 10}), {"small": 10}
        ),
        "budgets of many methods": lambda: budgets.draw(
            scored([*METHODS, *(f"method-{n}-of-ours" for n in range(6))], sizes={"few": 2, **SIZES, "natural": 310}),
            {"few": 2, **SIZES, "natural": 310},
        ),
    }
