"""Gains of single classes, and whether they depend on how many training clips a class has."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from avbench.results import by_class
from avbench.results.crossed import components
from avbench.results.estimates import moderated
from tests.support.class_outcomes import CLASSES, CLIPS, EVEN, RISING, outcomes


def predictions(correct, labels):
    """Predictions of seeds × clips."""
    seeds, clips = np.indices(correct.shape)
    return pd.DataFrame(
        {
            "seed": seeds.ravel(),
            "clip_id": [f"clip {k}" for k in clips.ravel()],
            "label": np.array(labels)[clips.ravel()],
            "correct": correct.ravel().astype(float),
        }
    )


def test_gains_are_paired_by_seed_and_clip_whatever_their_order():
    random = np.random.default_rng(0)
    labels = list(np.repeat(["gong", "horn, muted", "bell"], [30, 40, 50]))
    ours, theirs = (random.random((3, 120)) < share for share in (0.7, 0.5))
    shuffled = predictions(theirs, labels).sample(frac=1, random_state=0)
    table = by_class.gains(predictions(ours, labels), shuffled).set_index("label")
    assert table["clips"].to_dict() == {"gong": 30, "horn, muted": 40, "bell": 50}
    difference = {label: (ours.astype(float) - theirs)[:, np.array(labels) == label] for label in table.index}
    family = moderated([components({"class": values}) for values in difference.values()])
    for (label, values), expected in zip(difference.items(), family, strict=True):
        row = table.loc[label]
        assert row["gain"] == pytest.approx(values.mean())
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((max(expected.low, -1), min(expected.high, 1)))
    assert table["gain"].is_monotonic_decreasing


def test_only_seeds_and_clips_of_both_count():
    labels = ["gong"] * 4
    ours = predictions(np.array([[1, 1, 0, 0], [1, 1, 1, 1]]), labels)
    theirs = predictions(np.array([[0, 0, 0, 0]]), labels)
    table = by_class.gains(ours, theirs[theirs["clip_id"] != "clip 3"])
    assert table["clips"].tolist() == [3]
    assert table["gain"].tolist() == pytest.approx([2 / 3])


def band(ours, labels):
    table = by_class.gains(predictions(ours, labels), predictions(np.zeros_like(ours), labels))
    return ((table["gain"] < table["dealt_low"]) | (table["gain"] > table["dealt_high"])).mean()


def test_the_band_holds_gains_that_do_not_depend_on_the_class():
    random = np.random.default_rng(1)
    labels = list(np.repeat([f"class {k}" for k in range(40)], 20))
    assert band(random.random((1, 800)) < 0.4, labels) < 0.3
    # and not those that do
    share = np.repeat(np.linspace(0, 1, 40), 20)
    assert band(random.random((1, 800)) < share, labels) > 0.8


def test_gains_and_sizes_of_classes_are_correlated_by_rank():
    ours, theirs = outcomes(RISING), outcomes(EVEN)
    found = by_class.by_size(ours, theirs, CLIPS)
    gains = ours.groupby("label")["correct"].mean() - theirs.groupby("label")["correct"].mean()
    classes = found.classes.set_index("label")
    assert classes["gain"].to_dict() == pytest.approx(gains.to_dict())
    assert classes["clips"].to_dict() == CLIPS
    assert found.correlation == pytest.approx(
        spearmanr([CLIPS[name] for name in gains.index], gains.round(9)).statistic
    )
    assert found.low < found.correlation < found.high < 0


def test_thirds_have_the_paired_interval_over_seeds_and_clips():
    ours, theirs = outcomes(RISING), outcomes(EVEN)
    parts = by_class.by_size(ours, theirs, CLIPS).parts.set_index("part")
    assert list(parts.index) == ["head", "middle", "tail"]
    difference = ours.set_index(["seed", "clip_id"])["correct"] - theirs.set_index(["seed", "clip_id"])["correct"]
    table, family = difference.unstack("clip_id"), []
    for names in (CLASSES[:10], CLASSES[10:20], CLASSES[20:]):
        clips = sorted(set(ours.loc[ours["label"].isin(names), "clip_id"]))
        family.append(components({"part": table[clips].to_numpy()}))
    for part, expected in zip(parts.index, moderated(family), strict=True):
        told = parts.loc[part, ["gain", "ci_low", "ci_high"]].tolist()
        assert told == pytest.approx([expected.mean, expected.low, expected.high])
    assert parts.loc["tail", ["smallest", "largest"]].tolist() == [CLIPS[CLASSES[-1]], CLIPS[CLASSES[20]]]


def test_intervals_of_the_correlation_cover_what_they_should():
    random, held = np.random.default_rng(3), 0
    for _ in range(400):
        both = random.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 60)
        classes = pd.DataFrame(both, columns=["clips", "gain"])
        _, low, high = by_class._spearman(classes)
        held += low < 6 / math.pi * math.asin(0.25) < high  # of the whole population
    assert 0.92 < held / 400 < 0.98


def test_few_or_equal_gains_have_no_interval():
    few = {name: CLIPS[name] for name in CLASSES[:4]}
    found = by_class.by_size(outcomes(RISING), outcomes(EVEN), few)
    assert len(found.classes) == 4
    assert math.isnan(found.low)
    same = outcomes(EVEN)
    assert math.isnan(by_class.by_size(same, same, CLIPS).low)


def test_the_gain_of_all_classes_weighs_them_by_their_clips():
    assert by_class.together(pd.DataFrame({"gain": [0.5, -0.1], "clips": [10, 30]})) == pytest.approx(0.05)
