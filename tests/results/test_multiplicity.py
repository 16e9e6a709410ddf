"""Holm's procedure against its definition."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.results.multiplicity import holm


@given(p=st.lists(st.floats(0, 1) | st.just(math.nan), max_size=12))
def test_holm_is_the_step_down_procedure(p):
    adjusted = holm(p)
    known = sorted(value for value in p if value == value)
    for value, found in zip(p, adjusted, strict=True):
        if value != value:
            assert math.isnan(found)
            continue
        steps = [min(1, (len(known) - i) * known[i]) for i in range(len(known)) if known[i] <= value]
        assert found == pytest.approx(max(steps))


def test_holm_by_hand():
    assert holm([0.01, math.nan, 0.04, 0.03]).tolist() == pytest.approx([0.03, math.nan, 0.06, 0.06], nan_ok=True)
