"""Repeated looks against published constants and simulations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from avbench.config.seeds import looks
from avbench.results.crossed import components
from avbench.results.estimates import estimate
from avbench.results.sequential import conditional_power, crossing_probability, nominal_level, sequential_p
from tests.support.outcomes import outcomes

# Jennison & Turnbull 2000, table 2.1: Pocock's constants for a two-sided level of 5 % and equal steps.
POCOCK = {1: 1.960, 2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 10: 2.555}


@pytest.mark.parametrize(("number", "constant"), POCOCK.items())
def test_boundaries_are_pococks(number, constant):
    level = nominal_level(0.05, tuple(range(1, number + 1)))
    assert reference.norm.isf(level / 2) == pytest.approx(constant, abs=6e-4)


@pytest.mark.parametrize("p", [0.3, 0.02])
def test_crossing_probabilities_are_those_of_simulated_sums(p):
    planned, rng = looks(3, 20), np.random.default_rng(0)
    sums = np.cumsum(rng.standard_normal((200_000, planned[-1])), axis=1)[:, np.array(planned) - 1]
    crossed = (np.abs(sums / np.sqrt(planned)) >= reference.norm.isf(p / 2)).any(axis=1).mean()
    assert crossing_probability(p, planned) == pytest.approx(crossed, abs=4 * math.sqrt(crossed / 200_000))


def test_what_clips_add_makes_crossing_no_more_probable():
    """Means of seeds and clips together, of which the clips' part is the same at every look."""
    planned, rng = np.array(looks(3, 20)), np.random.default_rng(1)
    seeds = np.cumsum(rng.standard_normal((100_000, 20)), axis=1)[:, planned - 1] / planned
    for share in (0.1, 0.5, 2.0):
        means = seeds + math.sqrt(share) * rng.standard_normal((100_000, 1))
        z = np.abs(means) / np.sqrt(1 / planned + share)
        crossed = (z >= reference.norm.isf(0.01 / 2)).any(axis=1).mean()
        assert crossed < crossing_probability(0.01, tuple(planned)) + 0.001


@given(p=st.floats(1e-12, 1), other=st.floats(1e-12, 1))
def test_sequential_p_is_above_p_below_bonferroni_and_ordered(p, other):
    planned = (3, 5, 8)
    found = sequential_p(p, planned)
    assert p - 1e-15 <= found <= min(3 * p, 1) + 1e-15
    if p < other:
        assert found <= sequential_p(other, planned) + 1e-12


def test_one_look_is_a_plain_test_and_nothing_stays_nothing():
    assert sequential_p(0.03, (5,)) == pytest.approx(0.03)
    assert nominal_level(0.05, (5,)) == 0.05
    assert math.isnan(sequential_p(math.nan, (3, 5)))
    assert sequential_p(1.0, (3, 5)) == 1


@pytest.mark.parametrize(("alpha", "planned"), [(0.05, (3, 5)), (0.05 / 27, (3, 5, 8, 12, 18, 20)), (0.01, (2, 3))])
def test_the_nominal_level_spends_all_of_alpha(alpha, planned):
    assert crossing_probability(nominal_level(alpha, planned), planned) == pytest.approx(alpha, rel=1e-6)


def test_conditional_power_is_the_share_of_simulated_ends():
    rng = np.random.default_rng(0)
    found = estimate({"a": outcomes(4, 300, 3, 0.3) - outcomes(4, 300, 4, 0.3)})
    most, effect, level = 12, 0.2, 0.02
    last = found.fixed + (found.variance - found.fixed) * 4 / most
    drift = max(abs(found.mean), effect)
    gained = 1 / last - 1 / found.variance
    score = abs(found.mean) / found.variance + drift * gained + math.sqrt(gained) * rng.standard_normal(200_000)
    share = (score * math.sqrt(last) > reference.norm.isf(level / 2)).mean()
    assert conditional_power(found, most, effect, level) == pytest.approx(share, abs=0.005)


def test_what_seeds_cannot_change_is_futile():
    """Clips alone vary: further seeds bring nothing, whatever their number."""
    clips = np.tile(outcomes(1, 100), (3, 1)) - 0.45
    found = estimate({"a": clips})
    assert found.p > 0.01
    assert conditional_power(found, 1000, 0.02, 0.001) < 0.01
    seeds = np.repeat([[0.00], [0.03], [0.06]], 100, axis=1)
    assert conditional_power(estimate({"a": seeds}), 1000, 0.02, 0.001) > 0.99
    assert components({"a": seeds}).residual == pytest.approx(0, abs=1e-20)
