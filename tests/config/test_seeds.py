"""Looks of sequential experiments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.seeds import looks


@pytest.mark.parametrize(
    ("first", "most", "expected"), [(3, 20, (3, 5, 8, 12, 18, 20)), (2, 3, (2, 3)), (3, 5, (3, 5)), (4, 6, (4, 6))]
)
def test_each_look_has_about_half_as_many_seeds_again(first, most, expected):
    assert looks(first, most) == expected


@given(first=st.integers(2, 30), more=st.integers(1, 100))
def test_looks_rise_from_the_first_to_the_most(first, more):
    found = looks(first, first + more)
    assert (found[0], found[-1]) == (first, first + more)
    assert list(found) == sorted(set(found))
