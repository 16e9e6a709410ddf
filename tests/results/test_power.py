"""Power against simulations and SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from avbench.results.estimates import estimate
from avbench.results.power import Spread, clips_needed, power, seeds_needed
from tests.support.outcomes import outcomes

spreads = st.builds(Spread, st.floats(0.001, 0.1), st.floats(0.01, 1), st.floats(0.01, 1))


def test_without_clips_noise_it_is_the_power_of_students_test():
    spread, seeds, effect = Spread(0.03, 0.0, 0.0, prior=0), 6, 0.04
    ncp, edge = effect / 0.03 * math.sqrt(seeds), reference.t.isf(0.025, seeds - 1)
    assert power(spread, seeds, 500, effect, 0.05) == pytest.approx(reference.nct.sf(edge, seeds - 1, ncp))


def test_power_is_the_share_of_simulated_experiments_that_decide():
    rng, spread, seeds, clips = np.random.default_rng(0), Spread(0.03, 0.5, 0.5, prior=0), 5, 400
    decided = []
    for _ in range(1500):
        values = 0.08 + 0.03 * rng.standard_normal((seeds, 1)) + 0.5 * rng.standard_normal(clips)
        decided.append(estimate({"a": values + 0.5 * rng.standard_normal((seeds, clips))}).p < 0.05)
    assert np.mean(decided) == pytest.approx(power(spread, seeds, clips, 0.08, 0.05), abs=0.05)


def test_a_spread_gives_back_the_variance_it_was_taken_from():
    found = estimate({"a": outcomes(4, 300, 1, 0.2) - outcomes(4, 300, 2, 0.2)})
    assert Spread.of(found, 0).variance(4, 300) == pytest.approx(found.variance)


@given(spread=spreads, effect=st.floats(0.02, 0.3), level=st.sampled_from([0.05, 0.002]), clips=st.integers(100, 5000))
def test_the_number_of_seeds_is_the_first_that_is_enough(spread, effect, level, clips):
    needed = seeds_needed(spread, clips, effect, level)
    if needed is None:
        assert power(spread, 1000, clips, effect, level) < 0.8
        return
    assert power(spread, needed, clips, effect, level) >= 0.8
    if needed > 2:
        assert power(spread, needed - 1, clips, effect, level) < 0.8


@given(spread=spreads, seeds=st.integers(2, 20))
def test_the_number_of_clips_is_the_first_that_is_enough(spread, seeds):
    needed = clips_needed(spread, seeds, 0.1, 0.05)
    if needed is not None and needed > 2:
        assert power(spread, seeds, needed, 0.1, 0.05) >= 0.8
        assert power(spread, seeds, needed - 1, 0.1, 0.05) < 0.8


def test_where_clips_bar_it_no_number_of_seeds_is_enough():
    assert seeds_needed(Spread(0.01, 0.5, 0.5), 100, 0.02, 0.05) is None
    assert clips_needed(Spread(0.01, 0.5, 0.5), 5, 0.02, 0.05) > 100
    assert clips_needed(Spread(0.1, 0.5, 0.5), 3, 0.02, 0.05) is None
    assert power(Spread(0, 0, 0), 3, 10, 0.1, 0.05) == 1
    assert power(Spread(0.1, 0, 0, prior=0), 1, 10, 0.1, 0.05) == 0
