"""Variance components against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.results.crossed import components
from tests.support.outcomes import outcomes


def by_loops(parts):
    """The mean squares of a crossed design, each over the number of seeds times that of clips."""
    seeds = len(next(iter(parts.values())))
    by_seed = [sum(sum(part[s]) / len(part[s]) for part in parts.values()) for s in range(seeds)]
    between, within, residual, freedom = np.var(by_seed, ddof=1) / seeds, 0.0, 0.0, 0.0
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
    return np.mean(by_seed), between, within, residual, freedom


@pytest.mark.parametrize(("seeds", "sizes"), [(3, [40]), (5, [15, 30]), (10, [25])])
@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_mean_squares_are_those_of_loops(seeds, sizes, spread):
    parts = {f"task {n}": outcomes(seeds, n, n, spread) for n in sizes}
    found = components(parts)
    told = (found.mean, found.between, found.within, found.residual, found.within_freedom)
    assert told == pytest.approx(by_loops(parts))
    assert (found.seeds, found.clips) == (seeds, sum(sizes))


def test_expected_mean_squares_are_those_of_the_model():
    """Seeds of deviation 0.1, clips of 0.3 and a rest of 0.5, over many draws."""
    rng = np.random.default_rng(0)
    seeds, clips, found = 4, 50, []
    for _ in range(2000):
        values = 0.1 * rng.standard_normal((seeds, 1)) + 0.3 * rng.standard_normal(clips)
        found.append(components({"a": values + 0.5 * rng.standard_normal((seeds, clips))}))
    means = {name: np.mean([getattr(one, name) for one in found]) for name in ("between", "within", "residual")}
    rest = 0.25 / (seeds * clips)
    assert means["residual"] == pytest.approx(rest, rel=0.02)
    assert means["within"] == pytest.approx(0.09 / clips + rest, rel=0.03)
    assert means["between"] == pytest.approx(0.01 / seeds + rest, rel=0.06)
    assert np.mean([one.seed_variance for one in found]) == pytest.approx(0.01, rel=0.08)


@given(seeds=st.integers(2, 4), clips=st.integers(2, 20), seed=st.integers(0, 99), scale=st.floats(0.1, 10))
def test_components_grow_with_the_square_of_the_contrast(seeds, clips, seed, scale):
    values = outcomes(seeds, clips, seed)
    one, other = components({"a": values}), components({"a": scale * values + 1}, weight=scale**2)
    for name in ("between", "within", "residual"):
        assert getattr(other, name) == pytest.approx(scale**2 * getattr(one, name), abs=1e-12)
    assert other.seed_variance == pytest.approx(one.seed_variance, abs=1e-9)


def test_one_seed_and_one_clip_have_no_variance():
    assert math.isnan(components({"a": outcomes(1, 20)}).between)
    assert components({"a": outcomes(1, 20)}).residual == 0
    assert math.isnan(components({"a": outcomes(3, 1)}).within)


@pytest.mark.parametrize(
    "parts", [{}, {"a": np.ones((0, 3))}, {"a": np.ones((3, 0))}, {"a": np.ones((3, 5)), "b": np.ones((2, 5))}]
)
def test_nothing_to_measure_is_an_error(parts):
    with pytest.raises(ValueError, match="need"):
        components(parts)
