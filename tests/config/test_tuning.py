"""What is tuned over, which points are tried, and which of them is chosen."""

import copy
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.tuning import Point, Tuning, at_edge, best, parse, points
from avbench.core.errors import UserError
from avbench.plan.jobs import Plan

RATES, TEMPERATURES = [0.0005, 0.002, 0.008], [0.07, 0.3]
DEFAULT = Point(0.002, 0.07)


@pytest.fixture
def tiny(root):
    return yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))


def tried(**given):
    return parse(given, {"learning_rate": 0.002})[1]


def test_the_setting_of_pretraining_is_first_and_others_follow_as_in_the_grid():
    assert tried(learning_rate=RATES, temperature=TEMPERATURES) == [
        DEFAULT,
        *((0.0005, 0.07), (0.0005, 0.3), (0.002, 0.3), (0.008, 0.07), (0.008, 0.3)),
    ]
    assert tried(temperature=[1, 0.07]) == [(0.002, 0.07), (0.002, 1.0)]
    assert parse(None, {}) == (None, [])


def test_a_point_has_one_name_however_it_is_written():
    assert Point(*map(float, (1, 2))).name == "learning-rate-1.0-temperature-2.0"
    assert tried(temperature=[1, 0.07])[1].name == "learning-rate-0.002-temperature-1.0"


@given(st.integers(2, 6), st.integers(0, 50))
def test_fewer_trials_are_among_those_of_more_and_the_default_is_always_there(trials, seed):
    few, all_of_them = (
        points(Tuning(tuple(RATES), tuple(TEMPERATURES), trials=count, seed=seed), DEFAULT) for count in (trials, None)
    )
    assert len(few) == trials
    assert few[0] == DEFAULT
    assert few == [point for point in all_of_them if point in few]
    more = points(Tuning(tuple(RATES), tuple(TEMPERATURES), trials=min(trials + 1, 6), seed=seed), DEFAULT)
    assert set(few) <= set(more)


def test_seeds_draw_different_points():
    drawn = {tuple(tried(learning_rate=RATES, temperature=TEMPERATURES, trials=3, seed=seed)) for seed in range(20)}
    assert len(drawn) > 3


GRID = [Point(rate, 0.07) for rate in (0.002, 0.0005, 0.008)]
ACCURACY = st.sampled_from([0.25, 0.5, 0.5 + 1e-9, 0.75, math.nan])


@given(st.lists(ACCURACY, min_size=3, max_size=3), st.permutations(range(3)))
def test_the_highest_is_chosen_whatever_the_order_and_of_equals_the_first_of_the_grid(accuracies, order):
    reached = dict(zip(GRID, accuracies, strict=True))
    chosen = best({GRID[place]: accuracies[place] for place in order}, GRID)
    known = [accuracy for accuracy in accuracies if not math.isnan(accuracy)]
    if not known:
        assert chosen is None
        return
    assert reached[chosen] == max(known)
    assert all(reached[point] != max(known) for point in GRID[: GRID.index(chosen)])


def test_an_edge_is_the_lowest_or_highest_of_several_values():
    grid = tried(learning_rate=RATES, temperature=TEMPERATURES)
    assert at_edge(Point(0.002, 0.3), grid) == ["temperature"]
    assert at_edge(Point(0.008, 0.3), grid) == ["learning_rate", "temperature"]
    assert at_edge(DEFAULT, tried(learning_rate=RATES)) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"tuning: nothing is to be tuned\. Give learning_rate or temperature"),
        ({"seed": 3, "trials": 2}, r"tuning: nothing is to be tuned"),
        (
            {"learning_rate": [0.002]},
            r"'tuning\.learning_rate': \[0\.002\] is not allowed; it must be a list of at lea",
        ),
        ({"learning_rate": [0.002, 0.002]}, r"'tuning\.learning_rate': .* it must be a list without repetitions"),
        ({"temperature": [1, 1.0, 0.07]}, r"'tuning\.temperature': .* it must be a list without repetitions"),
        ({"learning_rate": [0.002, -1]}, r"'tuning\.learning_rate\.1': -1 is not allowed; it must be more than 0"),
        ({"learning_rate": [0.002, math.inf]}, r"tuning\.learning_rate: \[0\.002, inf\] is not .* finite numbers"),
        ({"learning_rate": 0.002}, r"'tuning\.learning_rate': 0\.002 is not allowed; it must be of type array"),
        (
            {"learning_rate": [0.001, 0.004]},
            r"tuning\.learning_rate: \[0\.001, 0\.004\] is not allowed; 0\.002, the val",
        ),
        ({"temperature": [0.1, 0.2]}, r"tuning\.temperature: \[0\.1, 0\.2\] is not allowed; 0\.07, the value of"),
        ({"learning_rate": [0.002, 1], "trials": 3}, r"tuning\.trials: 3 is not allowed; .* from 2 to 2"),
        ({"learning_rate": [0.002, 1], "trials": 1}, r"'tuning\.trials': 1 is not allowed; it must be at least 2"),
        ({"learning_rate": [0.002, 1], "seed": -1}, r"'tuning\.seed': -1 is not allowed; it must be at least 0"),
        ({"learning_rate": [0.002, 1], "rounds": 2}, r"'tuning': unknown key 'rounds'\. Allowed are learning_rate"),
        (
            {"learning_rate": [0.002, 1], "subset": "large"},
            r"tuning\.subset: 'large' is not declared\. Declared are few",
        ),
    ],
)
def test_tuning_that_makes_no_sense_is_refused(tiny, root, given, message):
    tiny["tuning"] = given
    with pytest.raises(UserError, match=message):
        Plan(tiny, root)


def test_tuning_needs_an_in_domain_task(tiny, root):
    tiny["tuning"] = {"learning_rate": [0.002, 0.004]}
    without = copy.deepcopy(tiny)
    without["tasks"]["toys"] |= {"role": "out-of-domain", "train": "all"}
    assert Plan(tiny, root).in_domain() == "toys"
    with pytest.raises(UserError, match="tuning: settings are chosen by the validation clips of an in-domain task"):
        Plan(without, root)


def test_settings_made_by_hand_are_checked_too():
    with pytest.raises(UserError, match=r"tuning\.temperature: \[0\.1\] is not allowed"):
        Tuning(temperature=(0.1,))
    with pytest.raises(UserError, match=r"tuning\.temperature: \[0\.1, 0\.1\] is not allowed"):
        Tuning(temperature=(0.1, 0.1))
