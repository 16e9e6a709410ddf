"""Gains by longer training: pairs of budgets, differences within a method, and verdicts."""

import numpy as np
import pandas as pd
import pytest

from avbench.results import budget_gains
from avbench.results.crossed import components
from avbench.results.estimates import moderated
from avbench.results.multiplicity import holm
from avbench.results.outcomes import Outcomes

BUDGETS = ["steps-5", "steps-20", "steps-80"]
PLACE = ("home", "linear", "audio", "small", "none")
CLIPS = pd.RangeIndex(300)


def cell(chance, seed, seeds=3):
    right = np.random.default_rng(seed).random((seeds, len(CLIPS))) < chance
    return Outcomes(right.astype(np.uint8), tuple(range(seeds)), CLIPS)


def study(chances, seeds=3):
    """Outcomes of methods, each with its accuracy at every budget."""
    return {
        (method, *PLACE, budget): cell(chance, [number, place], seeds)
        for number, (method, each) in enumerate(chances.items())
        for place, (budget, chance) in enumerate(zip(BUDGETS, each, strict=False))
    }


CHANCES = {"slow": (0.2, 0.4, 0.8), "fast": (0.6, 0.6, 0.6), "spoilt": (0.8, 0.7, 0.3)}


def test_each_budget_is_compared_with_the_next_and_the_ends_with_one_another():
    assert budget_gains.pairs(["a"]) == []
    assert budget_gains.pairs(["a", "b"]) == [("a", "b")]
    assert budget_gains.pairs(["a", "b", "c"]) == [("a", "b"), ("b", "c"), ("a", "c")]


def test_gains_are_of_a_method_over_itself():
    found = study(CHANCES)
    table = budget_gains.table(found, BUDGETS)
    assert list(table.columns) == budget_gains.COLUMNS
    assert list(dict.fromkeys(table["method"])) == list(CHANCES)
    assert len(table) == 9
    for _, family in table.groupby(["shorter", "longer"]):
        gains = []
        for row in family.itertuples():
            longer, shorter = (
                found[row.method, *PLACE, budget].correct.astype(float) for budget in (row.longer, row.shorter)
            )
            gains.append(components({"home": longer - shorter}, 2))
        for row, expected in zip(family.itertuples(), moderated(gains), strict=True):
            got = (row.gain, row.ci_low, row.ci_high, row.p, row.seeds, row.clips)
            bounds = (max(expected.low, -1), min(expected.high, 1))
            assert got == pytest.approx((expected.mean, *bounds, expected.p, 3, 300), abs=1e-9)
    ends = table[(table["shorter"] == BUDGETS[0]) & (table["longer"] == BUDGETS[-1])].set_index("method")
    assert ends["verdict"].to_dict() == {"slow": "gains", "fast": "undecided", "spoilt": "loses"}


def test_p_values_are_adjusted_for_the_methods_of_a_pair_of_budgets():
    table = budget_gains.table(study(CHANCES), BUDGETS)
    families = table.groupby(["shorter", "longer"])
    assert len(families) == 3
    for _, part in families:
        assert part["p_holm"].tolist() == pytest.approx(holm(part["p"]).tolist())


def test_one_seed_decides_nothing_and_one_budget_has_no_row():
    single = budget_gains.table(study(CHANCES, seeds=1), BUDGETS)
    assert set(single["verdict"]) == {"undecided"}
    assert single["p"].isna().all()
    alone = budget_gains.table(study(CHANCES), BUDGETS[:1])
    assert alone.empty
    assert list(alone.columns) == budget_gains.COLUMNS


def test_what_depends_on_no_budget_and_what_has_no_common_seed_is_left_out():
    found = study({"slow": (0.2, 0.4)})
    value = found["slow", *PLACE, BUDGETS[1]]
    found["slow", *PLACE, BUDGETS[1]] = Outcomes(value.correct, (7, 8, 9), CLIPS)
    found["untrained", *PLACE, "all"] = cell(0.3, 0)
    assert budget_gains.table(found, BUDGETS[:2]).empty
