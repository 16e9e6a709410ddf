"""Label noise: how much, where, and which wrong label."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from avbench.config.labels import NOISES, LabelSettings
from avbench.core.errors import UserError
from avbench.core.hashing import hash64
from avbench.labels.confusion_noise import Confusion
from avbench.labels.label_noise import make

NAMES = ["dog, barking", 'the "sea"', " wind ", "NA", "bells"]


def subset_of(sizes):
    rows = [(f"-{i % 3}clip{label}{i:03d}", label) for label, n in sizes.items() for i in range(n)]
    return pd.DataFrame(rows, columns=["clip_id", "label"]).sample(frac=1, random_state=1).reset_index(drop=True)


def noisy(subset, noise, rate, seed=0):
    """Labels with noise of any kind; confusion is as uneven as can be, and knows nothing of the last class."""
    if noise != "confusion":
        return make(subset, LabelSettings(kind="noise", rate=rate, noise=noise, seed=seed))
    classes = tuple(dict.fromkeys(subset["label"]))
    counts = np.arange(len(classes) ** 2).reshape(len(classes), -1) % 3
    counts[-1] = 0
    settings = LabelSettings(kind="noise", rate=rate, noise=noise, method="random", seed=seed)
    return make(subset, settings, Confusion(classes, counts))


def wrong(subset, made):
    """The wrong labels by clip."""
    rows = zip(subset["clip_id"], subset["label"], made["label"], strict=True)
    return {clip: label for clip, true, label in rows if label != true}


def test_true_labels_are_the_subset_itself():
    subset = subset_of({"a": 3, "b": 4})
    pd.testing.assert_frame_equal(make(subset, LabelSettings()), subset)
    pd.testing.assert_frame_equal(make(subset, LabelSettings(kind="noise", rate=0)), subset)


@pytest.mark.parametrize("noise", NOISES)
@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 25), min_size=2, max_size=5),
    rate=st.floats(0, 0.999),
    seed=st.integers(0, 2**31),
)
def test_exactly_the_rounded_share_of_each_class_is_wrong(noise, sizes, rate, seed):
    subset = subset_of(dict(zip(NAMES, sizes, strict=False)))
    before = subset.copy()
    made = noisy(subset, noise, rate, seed)
    pd.testing.assert_frame_equal(subset, before)
    assert made["clip_id"].tolist() == subset["clip_id"].tolist()
    assert list(made.columns) == ["clip_id", "label"]
    assert set(made["label"]) <= set(subset["label"])
    changed = wrong(subset, made)
    for label, members in subset.groupby("label")["clip_id"]:
        ranked = sorted(members, key=lambda clip: hash64(seed, "noise", clip))
        assert set(changed) & set(members) == set(ranked[: round(rate * len(ranked))]), label


@pytest.mark.parametrize("noise", NOISES)
@settings(max_examples=30)
@given(low=st.floats(0, 0.99), high=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_noise_is_nested_in_the_rate_with_the_same_wrong_labels(noise, low, high, seed):
    low, high = sorted((low, high))
    subset = subset_of({"a": 20, "b": 7, "c": 13})
    few, many = (wrong(subset, noisy(subset, noise, rate, seed)) for rate in (low, high))
    assert few.items() <= many.items()


def test_uniform_noise_spreads_evenly_over_the_other_classes():
    subset = subset_of(dict.fromkeys(NAMES, 1000))
    made = make(subset, LabelSettings(kind="noise", rate=0.8))
    for name in NAMES:
        tally = Counter(made["label"][(subset["label"] == name) & (made["label"] != name)])
        assert sum(tally.values()) == 800
        for other in set(NAMES) - {name}:
            assert tally[other] == pytest.approx(200, abs=5 * math.sqrt(800 * 0.25 * 0.75))


def test_pair_flip_is_one_circle_through_all_classes_that_the_seed_draws():
    subset = subset_of(dict.fromkeys(NAMES, 4))

    def circle(seed):
        made = make(subset, LabelSettings(kind="noise", rate=0.5, noise="pair-flip", seed=seed))
        pairs = {(a, b) for a, b in zip(subset["label"], made["label"], strict=True) if a != b}
        assert len(pairs) == len(NAMES)
        after, tour = dict(pairs), [NAMES[0]]
        while len(tour) < len(NAMES):
            tour.append(after[tour[-1]])
        assert set(tour) == set(NAMES)
        assert after[tour[-1]] == tour[0]
        return tuple(tour)

    assert len({circle(seed) for seed in range(5)}) > 1


def test_confusion_gives_wrong_labels_as_often_as_the_classes_row_says(tmp_path):
    subset = subset_of(dict.fromkeys(NAMES, 1000))
    counts = pd.DataFrame(np.random.default_rng(0).integers(1, 9, (5, 5)), columns=NAMES, index=NAMES)
    counts.loc["NA"] = 0
    counts.loc["bells", "bells"] = 10**6  # what is recognised does not matter
    counts.sample(frac=1, random_state=2).to_csv(tmp_path / "m.csv", index_label="label")
    settings = LabelSettings(kind="noise", noise="confusion", rate=0.9, matrix=str(tmp_path / "m.csv"))
    made = make(subset, settings)
    for name in NAMES:
        tally = Counter(made["label"][(subset["label"] == name) & (made["label"] != name)])
        others = [other for other in NAMES if other != name]
        expected = counts.loc[name, others].to_numpy(float) if name != "NA" else np.ones(4)
        assert sum(tally.values()) == 900
        assert chisquare([tally[other] for other in others], 900 * expected / expected.sum()).pvalue > 1e-4, name


def test_one_row_of_confusion_is_pair_flip_and_an_even_one_uniform_noise():
    subset = subset_of(dict.fromkeys(NAMES, 40))
    flips = make(subset, LabelSettings(kind="noise", noise="pair-flip", rate=0.5))
    after = {a: b for a, b in zip(subset["label"], flips["label"], strict=True) if a != b}
    counts = np.array([[float(after[a] == b) for b in NAMES] for a in NAMES])
    settings = LabelSettings(kind="noise", noise="confusion", rate=0.5, method="random")
    pd.testing.assert_frame_equal(make(subset, settings, Confusion(tuple(NAMES), counts)), flips)
    even = make(subset, settings, Confusion(tuple(NAMES), np.ones((5, 5))))
    uniform = make(subset, LabelSettings(kind="noise", noise="uniform", rate=0.5))
    assert set(wrong(subset, even)) == set(wrong(subset, uniform))


def test_a_matrix_of_other_classes_is_refused(tmp_path):
    (tmp_path / "m.csv").write_text("label,a,x\na,1,1\nx,1,1\n")
    settings = LabelSettings(kind="noise", noise="confusion", rate=0.2, matrix=str(tmp_path / "m.csv"))
    with pytest.raises(UserError, match=r"1 are missing from it \('b'\) and 1 are not in the subset \('x'\)"):
        make(subset_of({"a": 3, "b": 3}), settings)


def test_confusion_by_a_method_needs_a_first_round():
    settings = LabelSettings(kind="noise", noise="confusion", rate=0.2, method="random")
    with pytest.raises(UserError, match="by the verb derived-labels"):
        make(subset_of({"a": 5, "b": 5}), settings)


def test_the_seed_draws_other_mistakes():
    subset = subset_of({"a": 20, "b": 20, "c": 20})
    a, b = (wrong(subset, make(subset, LabelSettings(kind="noise", rate=0.3, seed=seed))) for seed in (0, 1))
    assert set(a) != set(b)


def test_noise_without_a_seed_is_that_of_seed_0_by_hand():
    subset = subset_of({"a": 20, "b": 20, "c": 20})
    for noise in ("uniform", "pair-flip"):
        unsaid = make(subset, LabelSettings(kind="noise", rate=0.3, noise=noise))
        pd.testing.assert_frame_equal(unsaid, noisy(subset, noise, 0.3, seed=0))


def test_a_single_class_cannot_be_wrong():
    with pytest.raises(UserError, match="a single one"):
        make(subset_of({"a": 5}), LabelSettings(kind="noise", rate=0.2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "noisy"}, "'noisy' is unknown. Allowed are true, noise"),
        ({"kind": "pseudo"}, "by the verb pseudo-labels"),
        ({"kind": "clusters"}, "by the verb derived-labels"),
        ({"kind": "neighbours"}, "by the verb derived-labels"),
        ({"kind": "noise", "noise": "gaussian"}, "'gaussian' is unknown. Allowed are uniform, pair-flip, confusion"),
        ({"kind": "noise", "noise": "confusion"}, "from either matrix or method; give one"),
        ({"kind": "noise", "noise": "confusion", "matrix": "m.csv", "method": "random"}, "give one"),
        ({"kind": "noise", "noise": "uniform", "matrix": "m.csv"}, "matrix: only noise: confusion takes it"),
        ({"kind": "noise", "method": "random"}, "method: only noise: confusion takes it"),
        ({"noise": "confusion", "matrix": "m.csv"}, "matrix: only noise: confusion takes it"),
        ({"kind": "noise", "noise": "confusion", "method": "random", "modality": "smell"}, "'smell' is unknown"),
        ({"kind": "noise", "noise": "confusion", "matrix": "m.csv", "modality": "audio"}, "it belongs to method"),
        ({"kind": "noise", "rate": 1}, "rate: 1 is not allowed"),
        ({"kind": "noise", "rate": -0.1}, "rate: -0.1 is not allowed"),
        ({"kind": "noise", "rate": math.nan}, "rate: nan is not allowed"),
        ({"kind": "noise", "rate": "0.3"}, "rate: '0.3' is not allowed"),
        ({"rate": 0.3}, "no effect on true labels"),
    ],
)
def test_values_that_are_not_allowed_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        LabelSettings(**settings)
