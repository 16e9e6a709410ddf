import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from avbench.figures.charts import class_size
from avbench.results import bootstrap, by_class

CLASSES = [f"class {k:02}" for k in range(30)]
CLIPS = {name: round(100 * 0.9**k) for k, name in enumerate(CLASSES)}
EACH = 20


RANDOM = np.random.default_rng(0)


def outcomes(share, seeds=3, random=RANDOM):
    """Predictions of a method that is right on such a share of each class's clips."""
    labels = np.repeat(CLASSES, EACH)
    parts = [
        pd.DataFrame(
            {
                "seed": seed,
                "clip_id": [f"clip {k}" for k in range(len(labels))],
                "label": labels,
                "correct": (random.random(len(labels)) < np.repeat(share, EACH)).astype(float),
            }
        )
        for seed in range(seeds)
    ]
    return pd.concat(parts)


RISING, EVEN = np.linspace(0.3, 0.9, 30), np.full(30, 0.4)


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
    tail = set(ours.loc[ours["label"].isin(CLASSES[20:]), "clip_id"])
    values = difference.unstack("clip_id").pipe(lambda table: table[sorted(tail)]).to_numpy()
    expected = bootstrap.bootstrap({"tail": values})
    assert parts.loc["tail", "gain"] == pytest.approx(expected.mean)
    # Which clip is resampled with which is another draw here: the bounds agree as two bootstraps do.
    assert parts.loc["tail", "ci_low"] == pytest.approx(expected.low, abs=0.02)
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


@pytest.mark.parametrize(
    ("share", "said"),
    [(RISING, "smaller classes gain more"), (RISING[::-1], "larger classes gain more"), (EVEN, "undecided whether")],
)
def test_the_caption_says_whether_gains_depend_on_size(share, said):
    random = np.random.default_rng(7)
    found = by_class.by_size(outcomes(share, random=random), outcomes(EVEN, random=random), CLIPS)
    key = ("soft-positive", "tail")
    text = class_size.caption({key: found}, {"tail": 50.0}, "random", "tau", "audio")
    assert f"Soft positive, 50 : 1: {said}" in text
    assert "the largest third " in text
