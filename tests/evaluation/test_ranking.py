"""Metrics of ranking against scikit-learn, derivatives against differences, spread against a bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from avbench.evaluation.ranking import average_precision, over_classes, roc_area

PAIRS = [(average_precision, average_precision_score), (roc_area, roc_auc_score)]
KINDS = pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["average precision", "area"])


@st.composite
def rankings(draw):
    """Scores with ties, and which clips have the label."""
    scores = draw(st.lists(st.integers(0, 6), min_size=3, max_size=25))
    positive = draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    positive[:2] = True, False
    return np.array(scores, float), np.array(positive)


@KINDS
@given(rankings())
def test_the_value_and_its_derivative_by_each_clips_weight(ours, theirs, case):
    scores, positive = case
    value, derivative = ours(scores, positive)
    assert value == pytest.approx(theirs(positive, scores), abs=1e-12)
    step = 1e-5
    for clip in range(len(scores)):
        weight = np.ones((2, len(scores)))
        weight[:, clip] += -step, step
        low, high = (theirs(positive, scores, sample_weight=each) for each in weight)
        assert derivative[clip] == pytest.approx((high - low) / (2 * step), abs=1e-7)


@KINDS
def test_numbers_of_clips_have_the_metric_as_their_mean_and_the_spread_of_a_bootstrap(ours, theirs):
    rng = np.random.default_rng(0)
    truth = rng.random((400, 6)) < [0.1, 0.2, 0.3, 0.4, 0.0, 1.0]
    scores = rng.normal(size=truth.shape) + truth
    values = over_classes(ours, scores, truth)

    def macro(rows):
        return np.mean([theirs(truth[rows, column], scores[rows, column]) for column in range(4)])

    assert values.mean() == pytest.approx(macro(np.arange(400)), abs=1e-12)
    drawn = [macro(rng.integers(0, 400, 400)) for _ in range(400)]
    assert values.std(ddof=1) / 20 == pytest.approx(np.std(drawn), rel=0.12)


def test_a_label_of_all_clips_or_none_cannot_be_ranked():
    with pytest.raises(ValueError, match="all test clips or none"):
        over_classes(roc_area, np.zeros((3, 2)), np.array([[True, False]] * 3))
