"""Intervals against SciPy, loops and simulated truths."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from avbench.results.bootstrap import bootstrap, bootstrap_each, holm, resampled_curve
from benchmarks.intervals import coverage


def outcomes(seeds, clips, seed=0, spread=0.05):
    """0 and 1 of models that differ over seeds and of clips that differ in difficulty."""
    rng = np.random.default_rng(seed)
    chance = rng.random(clips) + spread * rng.standard_normal((seeds, 1))
    return (rng.random((seeds, clips)) < chance).astype(float)


def components(parts):
    """The variance of a crossed design's mean and its degrees of freedom, by plain loops."""
    seeds = len(next(iter(parts.values())))
    by_seed = [sum(sum(part[s]) / len(part[s]) for part in parts.values()) for s in range(seeds)]
    between = np.var(by_seed, ddof=1) / seeds
    within, residual, freedom = 0.0, 0.0, between**2 / (seeds - 1)
    for part in parts.values():
        clips = len(part[0])
        grand = sum(map(sum, part)) / seeds / clips
        rows = [sum(part[s]) / clips for s in range(seeds)]
        columns = [sum(part[s][c] for s in range(seeds)) / seeds for c in range(clips)]
        square = sum((part[s][c] - rows[s] - columns[c] + grand) ** 2 for s in range(seeds) for c in range(clips))
        residual += square / (seeds - 1) / (clips - 1) / seeds / clips
        own = sum((column - grand) ** 2 for column in columns) / (clips - 1) / clips
        within += own
        freedom += own**2 / (clips - 1)
    variance = within + max(between - residual, 0)
    return np.mean(by_seed), variance, variance**2 / freedom


@pytest.mark.parametrize(("seeds", "sizes"), [(3, [400]), (5, [150, 300]), (10, [250])])
@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_the_bootstrap_has_the_variance_of_a_crossed_design(seeds, sizes, spread):
    parts = {f"task {n}": outcomes(seeds, n, n, spread) for n in sizes}
    mean, variance, freedom = components(parts)
    found = bootstrap(parts)
    half = reference.t.ppf(0.975, freedom) * math.sqrt(variance)
    assert found.mean == pytest.approx(mean)
    # Percentiles of 2,000 resamples, of which those of few seeds take few values.
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)
    assert found.p == pytest.approx(2 * reference.t.sf(abs(mean) / math.sqrt(variance), freedom))
    assert (found.seeds, found.clips) == (seeds, sum(sizes))


def test_clips_are_resampled_apart_in_each_task_and_seeds_together():
    # Two tasks of the same clips: clips drawn together would double the deviation, not multiply it by the root of 2.
    one = np.tile(outcomes(1, 400), (3, 1))
    single, both = bootstrap({"a": one}), bootstrap({"a": one, "b": one})
    assert (both.high - both.low) / (single.high - single.low) == pytest.approx(math.sqrt(2), rel=0.07)
    # Whole clips of a seed right or wrong: nothing but seeds varies, and they are the same in both tasks.
    seeds = np.repeat([[0.0], [1.0], [0.0], [1.0], [1.0]], 50, axis=1)
    single, both = bootstrap({"a": seeds}), bootstrap({"a": seeds, "b": seeds})
    assert both.high - both.low == pytest.approx(2 * (single.high - single.low))


def test_only_seeds_that_differ_widen_as_students_t():
    values = np.repeat(np.linspace(0.4, 0.6, 9)[:, None], 30, axis=1)
    found, expected = bootstrap({"a": values}), reference.ttest_1samp(values[:, 0], 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)), abs=0.01)


def test_a_single_seed_has_an_interval_over_clips_and_no_p():
    values = outcomes(1, 500)
    found = bootstrap({"a": values})
    assert math.isnan(found.p)
    assert found.seeds == 1
    expected = reference.t.interval(0.95, 499, values.mean(), reference.sem(values[0]))
    assert (found.low, found.high) == pytest.approx(expected, abs=0.004)


def test_a_difference_is_narrower_on_the_same_clips():
    shared = outcomes(3, 500)
    better = np.maximum(shared, outcomes(3, 500, 1) * outcomes(3, 500, 2) * outcomes(3, 500, 3))
    pair = bootstrap({"a": better - shared})
    alone = bootstrap({"a": better})
    assert pair.high - pair.low < alone.high - alone.low


@given(seeds=st.integers(1, 4), clips=st.integers(2, 30), seed=st.integers(0, 99), level=st.sampled_from([0.9, 0.99]))
def test_an_interval_holds_its_mean_turns_with_the_sign_and_is_the_same_each_time(seeds, clips, seed, level):
    values = outcomes(seeds, clips, seed)
    found, turned = bootstrap({"a": values}, level), bootstrap({"a": -values}, level)
    assert found.low <= found.mean + 1e-6
    assert found.mean - 1e-6 <= found.high
    assert (turned.mean, turned.low, turned.high) == pytest.approx((-found.mean, -found.high, -found.low), abs=1e-6)
    assert repr(found) == repr(bootstrap({"a": values}, level))


def test_equal_outcomes_have_an_interval_of_no_width():
    found = bootstrap({"a": np.ones((3, 50)), "b": np.full((3, 40), -1.0)})
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert bootstrap({"a": np.ones((3, 50))}).p == 0
    # 0.3 − 0.2 − (0.4 − 0.3) is no exact zero.
    assert bootstrap({"a": np.full((3, 50), (0.3 - 0.2) - (0.4 - 0.3))}).p == 1


def test_a_single_clip_has_no_bounds():
    found = bootstrap({"a": np.ones((3, 1)), "b": outcomes(3, 50)})
    assert all(map(math.isnan, (found.low, found.high, found.p)))


@pytest.mark.parametrize(
    "parts", [{}, {"a": np.ones((0, 3))}, {"a": np.ones((3, 0))}, {"a": np.ones((3, 5)), "b": np.ones((2, 5))}]
)
def test_nothing_to_resample_is_an_error(parts):
    with pytest.raises(ValueError, match="need"):
        bootstrap(parts)


def test_many_contrasts_have_the_estimates_of_each_alone():
    contrasts = [(name, outcomes(3, clips, seed)) for name, clips in (("a", 60), ("b", 60)) for seed in range(20)]
    contrasts += [("b", outcomes(2, 60)), ("b", outcomes(1, 60)), ("b", np.ones((1, 60))), ("b", np.zeros((3, 1)))]
    contrasts += [("a", np.full((3, 60), (0.3 - 0.2) - (0.4 - 0.3))), ("a", np.ones((3, 60))), ("a", outcomes(3, 60))]
    for (name, values), found in zip(contrasts, bootstrap_each(iter(contrasts)), strict=True):
        alone = bootstrap({name: values})
        assert vars(found) == pytest.approx(vars(alone), abs=1e-6, nan_ok=True)
    assert list(bootstrap_each([])) == []


@pytest.mark.parametrize(("seeds", "clips"), [(1, 60), (3, 200), (5, 40)])
def test_a_point_of_a_curve_alone_has_the_interval_of_its_own_bootstrap(seeds, clips):
    points = np.stack([outcomes(seeds, clips, seed, 0.1) - 0.3 for seed in range(4)])
    mean, resampled = resampled_curve("a", points)
    for place, values in enumerate(points):
        alone = bootstrap({"a": values})
        ends = np.quantile(resampled[:, place], [0.025, 0.975])
        assert (mean[place], *ends) == pytest.approx((alone.mean, alone.low, alone.high), abs=1e-6)


def test_points_of_a_curve_are_resampled_together():
    one, other = outcomes(3, 200), outcomes(3, 200, 1)
    mean, resampled = resampled_curve("a", np.stack([one, 2 * one, one - other, other, np.ones((3, 200))]))
    assert np.allclose(resampled[:, 1], 2 * resampled[:, 0], atol=1e-6)
    assert np.array_equal(resampled[:, 4], np.full(len(resampled), mean[4]))
    # Clips alone vary here, so that what is drawn for a difference is the difference of what is drawn.
    means = outcomes(1, 200), outcomes(1, 200, 1)
    _, (a, b, gap) = (part.T for part in resampled_curve("a", np.stack([*means, means[0] - means[1]])))
    assert np.corrcoef(a - b, gap)[0, 1] > 0.999
    assert np.isnan(resampled_curve("a", np.ones((2, 3, 1)))[1]).all()


@pytest.mark.parametrize(
    ("seeds", "deviation", "difference"), [(3, 0.0, False), (3, 0.02, True), (5, 0.02, False), (10, 0.05, True)]
)
def test_intervals_hold_the_truth_about_as_often_as_they_say(seeds, deviation, difference):
    found = coverage(seeds, 250, deviation, difference, repetitions=300)
    assert 0.90 <= found["ours_coverage"] <= 0.995
    assert found["ours_width"] < 1.7 * found["percentile_width"]


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
