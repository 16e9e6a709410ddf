"""Sizes that are refused before any job runs, with the bound; what is let through can be drawn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.capacity import Held, planned
from avbench.config.subsets import SubsetSettings
from avbench.core.errors import UserError
from avbench.data.subsets import draw

HELD = Held("set", classes=5, clips=100, smallest=20, largest=20)
POOL = pd.DataFrame({"clip_id": [f"c{i:03d}" for i in range(100)], "label": [f"l{i % 5}" for i in range(100)]})


def drawn(subset):
    return draw(POOL, SubsetSettings(**subset))


@given(
    balance=st.sampled_from(["balanced", "natural", "long-tailed"]),
    key=st.sampled_from(["clips_per_class", "clips"]),
    size=st.integers(1, 130),
    imbalance=st.floats(1, 100),
)
def test_what_equal_classes_can_hold_is_let_through_and_the_rest_refused(balance, key, size, imbalance):
    subset = {key: size, "balance": balance}
    if balance == "balanced" and key == "clips":
        return  # not a subset
    if balance == "long-tailed":
        subset["imbalance"] = imbalance
    try:
        found = drawn(subset)
    except UserError:
        with pytest.raises(UserError, match=rf"config: subsets.x.{key}: {size} "):
            planned("x", subset, HELD)
        return
    sizes = planned("x", subset, HELD)
    if balance == "natural":
        assert sizes == [len(found) // 5] * 5
    else:
        assert sizes == sorted(found["label"].value_counts(), reverse=True)


@pytest.mark.parametrize(
    ("subset", "bound"),
    [
        ({"clips_per_class": 21}, {"clips_per_class": 20}),
        ({"clips": 101, "balance": "natural"}, {"clips": 100, "balance": "natural"}),
        (
            {"clips": 80, "balance": "long-tailed", "imbalance": 10},
            {"clips": 43, "balance": "long-tailed", "imbalance": 10},
        ),
    ],
)
def test_the_bound_that_a_refusal_names_works(subset, bound):
    key = next(iter(bound))
    with pytest.raises(UserError, match=rf"subsets.x.{key}.*[^0-9]{bound[key]} "):
        planned("x", subset, HELD)
    assert len(drawn(bound)) == sum(planned("x", bound, HELD))


def test_a_tail_is_refused_for_certain_only_beyond_the_largest_class():
    uneven = Held("set", classes=3, clips=60, smallest=5, largest=40)
    tail = {"clips_per_class": 40, "balance": "long-tailed", "imbalance": 8}
    assert planned("x", tail, uneven) == [40, 14, 5]
    with pytest.raises(UserError, match="41 is more than the 40 training clips per class of dataset 'set'"):
        planned("x", tail | {"clips_per_class": 41}, uneven)
    assert np.sum(planned("x", {"clips_per_class": 5}, uneven)) == 15


@pytest.mark.parametrize(("at_least", "size"), [(15, 20), (20, 20)])
def test_fewer_clips_of_each_class_are_planned_where_that_is_allowed(at_least, size):
    subset = {"clips_per_class": 30, "at_least": at_least}
    assert planned("x", subset, HELD) == [size] * 5 == sorted(drawn(subset)["label"].value_counts())
    with pytest.raises(UserError, match="more than the 20 training clips per class"):
        planned("x", subset | {"at_least": 21}, HELD)


def test_classes_that_are_left_out_do_not_count():
    subset = {"clips_per_class": 20, "without": ["l0", "l3"]}
    assert (
        planned("x", subset, HELD)
        == [20] * 3
        == sorted(drawn(subset | {"without": ("l0", "l3")})["label"].value_counts())
    )
