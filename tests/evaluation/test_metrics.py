"""Metrics against scikit-learn and against loops that follow their definitions word by word."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from avbench.core.errors import UserError
from avbench.evaluation.metrics import METRICS, mean_average_precision, metrics, thirds

NAMES = ["dog, barking", "cat", 'the "sea"', "NA", " rain", "\r\n", "wind"]


def part(labels, predictions, protocol="knn"):
    table = pd.DataFrame({"label": labels, "prediction": predictions}, dtype=str)
    table["correct"] = (table["label"] == table["prediction"]).astype(float)
    return table.assign(protocol=protocol)


def clips(seed, count=300, classes=NAMES, right=0.5):
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes[:-1], count, p=(weights := np.arange(len(classes) - 1, 0, -1)) / weights.sum())
    predictions = np.where(rng.random(count) < right, labels, rng.choice(classes, count))  # one never is a label
    return labels, predictions


def looped(labels, predictions, sizes):
    """Balanced accuracy, macro F1 and the accuracy of each third, clip by clip."""
    recalls, scores = [], []
    for name in set(labels):
        true = sum(1 for a, b in zip(labels, predictions, strict=True) if a == b == name)
        missed = sum(1 for a, b in zip(labels, predictions, strict=True) if a == name != b)
        wrongly = sum(1 for a, b in zip(labels, predictions, strict=True) if b == name != a)
        recalls.append(true / (true + missed))
        scores.append(2 * true / (2 * true + missed + wrongly))
    found = {"balanced_accuracy": math.fsum(recalls) / len(recalls), "macro_f1": math.fsum(scores) / len(scores)}
    for third, members in thirds(sizes).items():
        said = [a == b for a, b in zip(labels, predictions, strict=True) if a in members]
        found[f"{third}_accuracy"] = sum(said) / len(said) if said else math.nan
    return found


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_what_loops_over_the_clips_and_scikit_learn_find(seed):
    labels, predictions = clips(seed)
    sizes = {name: 10 * (place + 1) for place, name in enumerate(NAMES)}
    found = metrics(part(labels, predictions), sizes)
    assert tuple(found) == METRICS
    assert found == pytest.approx(looped(labels.tolist(), predictions.tolist(), sizes), rel=1e-12)
    occurring = sorted(set(labels))
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predictions))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, predictions, average="macro", labels=occurring))


def test_large_classes_do_not_hide_that_small_ones_are_missed():
    found = metrics(part(["a"] * 98 + ["b"] * 2, ["a"] * 100))
    assert found["balanced_accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx(2 * 98 / (2 * 98 + 2) / 2)


def test_retrieval_has_no_f1_and_its_hits_may_be_shares():
    table = part(["a", "a", "b"], ["clip-1", "clip-2", "clip-1"], "retrieval-5")
    table["correct"] = [1.0, 0.5, 0.25]
    found = metrics(table)
    assert found["balanced_accuracy"] == pytest.approx((0.75 + 0.25) / 2)
    assert math.isnan(found["macro_f1"])


def test_thirds_are_empty_where_classes_are_equal_or_their_sizes_unknown():
    labels, predictions = clips(0)
    for sizes in (None, dict.fromkeys(NAMES, 5)):
        found = metrics(part(labels, predictions), sizes)
        assert all(math.isnan(found[f"{third}_accuracy"]) for third in ("head", "middle", "tail"))
        assert not math.isnan(found["balanced_accuracy"])


def test_a_class_that_was_not_trained_on_is_told():
    with pytest.raises(UserError, match="1 classes of the test clips are not in the subset, for example 'b'"):
        metrics(part(["a", "b"], ["a", "a"]), {"a": 3, "c": 2, "d": 1})


def test_classes_are_cut_by_their_clips_and_equal_ones_by_name():
    sizes = {"e": 1, "d": 1, "a": 9, "c": 4, "b": 4}
    assert thirds(sizes) == {"head": ["a", "b"], "middle": ["c", "d"], "tail": ["e"]}
    assert thirds(dict(reversed(sizes.items()))) == thirds(sizes)
    assert thirds({"a": 2, "b": 1}) == {}


@given(st.dictionaries(st.text(max_size=4), st.integers(1, 9), min_size=3, max_size=20))
def test_thirds_hold_every_class_once_and_no_smaller_class_before_a_larger(sizes):
    found = thirds(sizes)
    if len(set(sizes.values())) == 1:
        assert found == {}
        return
    head, middle, tail = found.values()
    assert sorted(head + middle + tail) == sorted(sizes)
    assert 0 <= len(head) - len(tail) <= 1
    assert len(tail) <= len(middle) <= len(head)
    assert min(sizes[name] for name in head) >= max(sizes[name] for name in middle)
    assert min(sizes[name] for name in middle) >= max(sizes[name] for name in tail)


def looped_precision(scores, classes, labels):
    found = []
    for name in sorted(set(labels)):
        column = scores[:, classes.index(name)].tolist()
        own = [score for score, label in zip(column, labels, strict=True) if label == name]
        precision = []
        for score in own:
            as_high = [label for other, label in zip(column, labels, strict=True) if other >= score]
            precision.append(as_high.count(name) / len(as_high))
        found.append(math.fsum(precision) / len(precision))
    return math.fsum(found) / len(found)


@pytest.mark.parametrize("tied", [False, True])
def test_mean_average_precision_is_that_of_a_loop_over_the_classes_that_labels_name(tied):
    rng = np.random.default_rng(0)
    labels, _ = clips(1)
    scores = rng.normal(size=(len(labels), len(NAMES))) + 0.8 * (labels[:, None] == np.array(NAMES))
    if tied:
        scores = np.maximum(scores.round(), 0)  # most are zero, as of neighbours' votes
    found = mean_average_precision(scores, NAMES, labels)
    assert found == pytest.approx(looped_precision(scores, NAMES, labels.tolist()), rel=1e-12)


def test_a_perfect_ranking_scores_one_and_scores_that_are_all_alike_the_classes_share():
    labels = ["a"] * 6 + ["b"] * 2
    ranking = np.array([[1.0, 0.0]] * 6 + [[0.0, 1.0]] * 2)
    assert mean_average_precision(ranking, ["a", "b"], labels) == 1
    assert mean_average_precision(np.zeros((8, 2)), ["a", "b"], labels) == pytest.approx((6 / 8 + 2 / 8) / 2)
