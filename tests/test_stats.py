"""Intervals against SciPy, and the rule for runs that were still improving."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats as reference

from avbench.stats import interval, paired, still_improving

shares = st.floats(0, 1, allow_subnormal=False)


@given(values=st.lists(shares, min_size=2, max_size=12), level=st.floats(0.5, 0.999))
def test_the_interval_is_scipys(values, level):
    assume(np.std(values) > 1e-9)
    mean, low, high = interval(values, level)
    expected = reference.t.interval(level, len(values) - 1, np.mean(values), reference.sem(values))
    assert mean == pytest.approx(math.fsum(values) / len(values), abs=1e-12)
    assert (low, high) == pytest.approx(expected, abs=1e-9)


def test_an_interval_by_hand():
    # The 97.5 % quantile of t with two degrees of freedom is 4.302653.
    assert interval([1, 2, 3]) == pytest.approx((2, 2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), abs=1e-6)


def test_one_value_has_no_bounds_and_none_is_an_error():
    mean, low, high = interval([0.25])
    assert mean == 0.25
    assert math.isnan(low)
    assert math.isnan(high)
    with pytest.raises(ValueError, match="at least one"):
        interval([])


def test_equal_values_have_an_interval_of_no_width():
    assert interval([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)


@given(pairs=st.lists(st.tuples(shares, shares), min_size=2, max_size=8))
def test_paired_is_the_paired_t_test(pairs):
    a, b = np.array(pairs).T
    assume(np.std(a - b) > 1e-9)
    expected = reference.ttest_rel(a, b).confidence_interval(0.95)
    assert paired(a, b)[1:] == pytest.approx((expected.low, expected.high), abs=1e-9)


def curve(n, last, floor, scale, noise=0.0):
    """An exponential decay to ``floor`` whose last fifth brings ``last`` of the whole fall."""
    epoch = np.arange(n)
    rate = np.linspace(1, 400, 4000) / n
    fall = [(math.exp(-r * 0.8 * n) - math.exp(-r * (n - 1))) / (1 - math.exp(-r * (n - 1))) for r in rate]
    loss = floor + scale * np.exp(-rate[np.argmin(np.abs(np.array(fall) - last))] * epoch)
    return loss + noise * np.random.default_rng(0).standard_normal(n)


@pytest.mark.parametrize("floor", [0.0, 0.01, 5.0])
@pytest.mark.parametrize("scale", [0.1, 3.0])
@pytest.mark.parametrize(("last", "expected"), [(0.10, True), (0.05, True), (0.005, False), (0.0, False)])
def test_improving_is_measured_against_the_whole_fall(last, expected, floor, scale):
    for n in (10, 60, 100):
        assert still_improving(curve(n, last, floor, scale)) is expected


def test_a_straight_descent_is_improving_and_a_plateau_or_a_rise_is_not():
    assert still_improving(np.linspace(3, 1, 50))
    assert not still_improving(np.full(50, 3.0))
    assert not still_improving(np.linspace(1, 3, 50))


def test_noise_on_a_plateau_is_not_improvement():
    # The run never learned, so the whole fall is next to nothing and any ripple is a large share of it.
    marked = [still_improving(3.18 + 0.01 * np.random.default_rng(seed).standard_normal(100)) for seed in range(200)]
    assert np.mean(marked) < 0.06
    assert still_improving(curve(100, 0.10, 2.0, 2.0, noise=0.01))


def test_a_run_of_fewer_than_five_epochs_counts_as_improving():
    assert still_improving([3.0, 3.0, 3.0, 3.0])
    assert not still_improving([3.0, 1.0, 1.0, 1.0, 1.0])
