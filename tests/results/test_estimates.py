"""Estimates against SciPy, formulas written out, and simulated truths."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from avbench.results.crossed import components
from avbench.results.estimates import PRIOR_FREEDOM, estimate, moderated
from tests.support.outcomes import outcomes


def family(count, seeds=3, clips=200, spread=0.05):
    pairs = ((outcomes(seeds, clips, n, spread), outcomes(seeds, clips, 100 + n)) for n in range(count))
    return [components({"a": one - other}, 2) for one, other in pairs]


def test_a_lone_contrast_borrows_nothing():
    values = outcomes(5, 300)
    found, parts = estimate({"a": values}), components({"a": values})
    variance = max(parts.between - parts.residual, 0) + parts.within
    freedom = max(variance**2 / (parts.between**2 / 4 + parts.within_freedom), 4)
    assert (found.mean, found.variance, found.freedom) == pytest.approx((values.mean(), variance, freedom))
    assert found.p == pytest.approx(2 * reference.t.sf(abs(values.mean()) / math.sqrt(variance), freedom))
    half = reference.t.ppf(0.975, freedom) * math.sqrt(variance)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert (found.seeds, found.clips) == (5, 300)


def test_the_seeds_variance_is_shrunk_towards_the_familys():
    parts = family(7)
    found = moderated(parts)
    shared = max(np.mean([3 * (one.between - one.residual) / 2 for one in parts]), 0)
    for one, told in zip(parts, found, strict=True):
        prior = shared * 2 / 3 + one.residual
        shrunk = (PRIOR_FREEDOM * prior + 2 * one.between) / (PRIOR_FREEDOM + 2)
        variance = max(shrunk - one.residual, 0) + one.within
        freedom = max(variance**2 / (shrunk**2 / (PRIOR_FREEDOM + 2) + one.within_freedom), PRIOR_FREEDOM + 2)
        assert (told.variance, told.freedom) == pytest.approx((variance, freedom))
        assert told.own + told.fixed <= told.variance + 1e-15


@pytest.mark.parametrize(("count", "prior"), [(1, 0), (2, 1), (4, 3), (5, 4), (30, 4)])
def test_a_small_family_counts_for_less(count, prior):
    """Where nothing but seeds varies, the degrees of freedom are those of the seeds and of the family."""
    rng = np.random.default_rng(0)
    parts = [components({"a": np.repeat(rng.standard_normal((3, 1)), 30, axis=1)}) for _ in range(count)]
    assert [found.freedom for found in moderated(parts)] == pytest.approx([prior + 2] * count)


def test_weights_are_told_apart():
    """A contrast of four runs has twice the variance of seeds of one of two, and neither is shrunk by the other's."""
    rng = np.random.default_rng(0)
    runs = np.repeat(0.03 * rng.standard_normal((40, 5, 1)), 20, axis=2)
    two = [components({"a": runs[n] - runs[n + 1]}, 2) for n in range(0, 40, 2)]
    four = [components({"a": runs[n] - runs[n + 1] + runs[n + 2] - runs[n + 3]}, 4) for n in range(0, 40, 4)]
    found = moderated([*two, *four])
    ratio = np.mean([one.variance for one in found[20:]]) / np.mean([one.variance for one in found[:20]])
    assert 1.5 < ratio < 2.7


def test_only_seeds_that_differ_are_students_test():
    values = np.repeat(np.linspace(0.4, 0.6, 9)[:, None], 30, axis=1)
    found, expected = estimate({"a": values}), reference.ttest_1samp(values[:, 0], 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_a_single_seed_has_an_interval_over_clips_and_no_p():
    values = outcomes(1, 500)
    found = estimate({"a": values})
    assert math.isnan(found.p)
    assert found.seeds == 1
    expected = reference.t.interval(0.95, 499, values.mean(), reference.sem(values[0]))
    assert (found.low, found.high) == pytest.approx(expected)


def test_a_single_seed_takes_nothing_from_a_family():
    alone = components({"a": outcomes(1, 500)})
    assert repr(moderated([alone, *family(5)])[0]) == repr(moderated([alone])[0])


def test_tasks_share_seeds_and_not_clips():
    one = np.tile(outcomes(1, 400), (3, 1))
    single, both = estimate({"a": one}), estimate({"a": one, "b": one})
    assert both.high - both.low == pytest.approx(math.sqrt(2) * (single.high - single.low), rel=0.01)
    seeds = np.repeat([[0.0], [1.0], [0.0], [1.0], [1.0]], 50, axis=1)
    single, both = estimate({"a": seeds}), estimate({"a": seeds, "b": seeds})
    assert both.high - both.low == pytest.approx(2 * (single.high - single.low))


@given(seeds=st.integers(2, 4), clips=st.integers(2, 30), seed=st.integers(0, 99), level=st.sampled_from([0.9, 0.95]))
def test_an_interval_leaves_zero_out_exactly_where_p_says_so(seeds, clips, seed, level):
    values = [outcomes(seeds, clips, seed + n) - outcomes(seeds, clips, 200 + seed + n) for n in range(6)]
    parts, turned = ([components({"a": sign * each}) for each in values] for sign in (1, -1))
    for found, other in zip(moderated(parts, level), moderated(turned, level), strict=True):
        assert found.low <= found.mean <= found.high
        assert (other.mean, other.low, other.high) == pytest.approx((-found.mean, -found.high, -found.low), abs=1e-9)
        assert other.p == pytest.approx(found.p)
        if abs(found.p - (1 - level)) > 1e-9 and found.variance > 1e-15:
            assert (found.low > 0 or found.high < 0) == (found.p < 1 - level)


def test_equal_outcomes_have_an_interval_of_no_width():
    found = estimate({"a": np.ones((3, 50)), "b": np.full((3, 40), -1.0)})
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert estimate({"a": np.ones((3, 50))}).p == 0
    # 0.3 − 0.2 − (0.4 − 0.3) is no exact zero.
    assert estimate({"a": np.full((3, 50), (0.3 - 0.2) - (0.4 - 0.3))}).p == 1


def test_a_single_clip_has_no_bounds_and_spoils_no_family():
    lone = components({"a": np.ones((3, 1)), "b": outcomes(3, 50)})
    found = moderated([lone, *family(5)])
    assert all(map(math.isnan, (found[0].low, found[0].high, found[0].p)))
    assert [one.p for one in found[1:]] == pytest.approx([one.p for one in moderated(family(5))])
    assert moderated([]) == []


def test_few_seeds_that_happen_to_agree_are_not_trusted():
    """The reason for shrinking: seeds of one claim agree by chance, those of the others show how far they lie apart."""
    rng = np.random.default_rng(1)
    clips = 0.1 * rng.standard_normal(400)
    agree = components({"a": clips + np.array([[0.0499], [0.05], [0.0501]])})
    others = [components({"a": clips + 0.04 * rng.standard_normal((3, 1))}) for _ in range(20)]
    assert moderated([agree])[0].p < 0.001
    assert moderated([agree, *others])[0].p > 0.02
