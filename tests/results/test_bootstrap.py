"""Resampled curves against the intervals of their points."""

import numpy as np
import pytest

from avbench.results.bootstrap import resampled_curve
from avbench.results.crossed import components
from avbench.results.estimates import moderated
from tests.support.outcomes import outcomes


@pytest.mark.parametrize(("seeds", "clips"), [(1, 60), (3, 200), (5, 40)])
def test_percentiles_of_a_point_are_about_its_interval(seeds, clips):
    points = np.stack([outcomes(seeds, clips, seed, 0.1) - 0.3 for seed in range(4)])
    mean, resampled = resampled_curve("a", points)
    for place, found in enumerate(moderated([components({"a": values}) for values in points])):
        low, high = np.quantile(resampled[:, place], [0.025, 0.975])
        assert mean[place] == pytest.approx(found.mean)
        # Of 2,000 resamples, of which those of few seeds take few values.
        assert high - low == pytest.approx(found.high - found.low, rel=0.15)
        assert (low + high) / 2 == pytest.approx(found.mean, abs=0.15 * (high - low))


def test_curves_are_the_same_each_time():
    points = np.stack([outcomes(3, 50, seed) for seed in range(3)])
    assert np.array_equal(resampled_curve("a", points)[1], resampled_curve("a", points)[1])


def test_points_of_a_curve_are_resampled_together():
    # Clips alone vary here, so that what is drawn for a difference is the difference of what is drawn.
    one, other = outcomes(1, 200), outcomes(1, 200, 1)
    points = np.stack([one, 2 * one, other, one - other, np.ones((1, 200))])
    mean, (a, twice, b, gap, certain) = (part.T for part in resampled_curve("a", points))
    assert np.allclose(twice, 2 * a, atol=1e-6)
    assert np.corrcoef(a - b, gap)[0, 1] > 0.999
    assert np.array_equal(certain, np.full(len(certain), mean[4]))
    # Seeds alone vary: of equal ones, all points have the same resamples.
    seeds = np.repeat([[0.0], [0.1], [0.4]], 20, axis=1)
    _, drawn = resampled_curve("a", np.stack([seeds, seeds + 1]))
    assert np.allclose(drawn[:, 1], drawn[:, 0] + 1)
    assert np.isnan(resampled_curve("a", np.ones((2, 3, 1)))[1]).all()
