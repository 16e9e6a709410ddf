"""The answer in plain words."""

import numpy as np
import pandas as pd

from avbench.results.answer import sentences
from avbench.results.verdicts import COLUMNS


def claims(*rows):
    """Claims of id, verdict, effect with its bounds, seeds and number of budgets."""
    table = pd.DataFrame(
        [(name, f"{name} it is.", *rest) for name, *rest in rows],
        columns=["claim", "text", "verdict", "effect", "ci_low", "ci_high", "seeds", "budgets"],
    )
    return table.assign(clips=600, change=0.08, change_low=0.031, change_high=0.129).reindex(columns=[*COLUMNS])


def test_what_is_sure_comes_first_and_what_is_open_last():
    table = claims(
        ("a", "undecided", 0.01, -0.03, 0.05, 5, 2),
        ("b", "depends on the budget", 0.02, -0.01, 0.05, 8, 2),
        ("c", "does not hold", -0.1, -0.15, -0.05, 5, 2),
        ("d", "holds", 0.2, 0.1, 0.3, 5, 2),
        ("e", "not tested", *[np.nan] * 3, 0, 2),
        ("f", "undecided", 0.01, -0.03, 0.05, 5, 2),
    )
    assert sentences(table) == [
        "In plain words (5 to 8 seeds, 600 test clips, at each of 2 budgets, effects at the longest):",
        "Yes: d it is. By 20.0 points (10.0 to 30.0).",
        "No: c it is. It is the other way round, by 10.0 points (5.0 to 15.0).",
        "It depends on the budget: b it is. From the shortest budget to the longest the effect changes by +8.0 points "
        "(3.1 to 12.9).",
        "Undecided: a it is. Measured: +1.0 points (-3.0 to +5.0).",
        "Undecided: f it is. Measured: +1.0 points (-3.0 to +5.0).",
    ]


def test_one_budget_is_called_one_budget():
    assert sentences(claims(("a", "holds", 0.2, 0.1, 0.3, 3, 1))) == [
        "In plain words (3 seeds, 600 test clips, at one budget):",
        "Yes: a it is. By 20.0 points (10.0 to 30.0).",
    ]


def test_where_nothing_was_tested_that_is_said():
    assert sentences(claims(("a", "not tested", *[np.nan] * 3, 0, 2))) == [
        "No claim was tested: the experiment lacks what they name."
    ]
