"""Label noise: how much, where, and which wrong label."""

import math
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.errors import UserError
from avbench.hashing import hash64
from avbench.labels import LabelSettings, make

NAMES = ["dog, barking", 'the "sea"', " wind ", "NA", "bells"]


def subset_of(sizes):
    rows = [(f"-{i % 3}clip{label}{i:03d}", label) for label, n in sizes.items() for i in range(n)]
    return pd.DataFrame(rows, columns=["clip_id", "label"]).sample(frac=1, random_state=1).reset_index(drop=True)


def wrong(subset, made):
    """The wrong labels by clip."""
    rows = zip(subset["clip_id"], subset["label"], made["label"], strict=True)
    return {clip: label for clip, true, label in rows if label != true}


def test_true_labels_are_the_subset_itself():
    subset = subset_of({"a": 3, "b": 4})
    pd.testing.assert_frame_equal(make(subset, LabelSettings()), subset)
    pd.testing.assert_frame_equal(make(subset, LabelSettings(kind="noise", rate=0)), subset)


@pytest.mark.parametrize("noise", ["uniform", "pair-flip"])
@given(
    sizes=st.lists(st.integers(1, 25), min_size=2, max_size=5),
    rate=st.floats(0, 0.999),
    seed=st.integers(0, 2**31),
)
def test_exactly_the_rounded_share_of_each_class_is_wrong(noise, sizes, rate, seed):
    subset = subset_of(dict(zip(NAMES, sizes, strict=False)))
    before = subset.copy()
    made = make(subset, LabelSettings(kind="noise", rate=rate, noise=noise, seed=seed))
    pd.testing.assert_frame_equal(subset, before)
    assert made["clip_id"].tolist() == subset["clip_id"].tolist()
    assert list(made.columns) == ["clip_id", "label"]
    assert set(made["label"]) <= set(subset["label"])
    changed = wrong(subset, made)
    for label, members in subset.groupby("label")["clip_id"]:
        ranked = sorted(members, key=lambda clip: hash64(seed, "noise", clip))
        assert set(changed) & set(members) == set(ranked[: round(rate * len(ranked))]), label


@pytest.mark.parametrize("noise", ["uniform", "pair-flip"])
@given(low=st.floats(0, 0.99), high=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_noise_is_nested_in_the_rate_with_the_same_wrong_labels(noise, low, high, seed):
    low, high = sorted((low, high))
    subset = subset_of({"a": 20, "b": 7, "c": 13})
    few, many = (
        wrong(subset, make(subset, LabelSettings(kind="noise", rate=rate, noise=noise, seed=seed)))
        for rate in (low, high)
    )
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


def test_the_seed_draws_other_mistakes():
    subset = subset_of({"a": 20, "b": 20, "c": 20})
    a, b = (wrong(subset, make(subset, LabelSettings(kind="noise", rate=0.3, seed=seed))) for seed in (0, 1))
    assert set(a) != set(b)


def test_a_single_class_cannot_be_wrong():
    with pytest.raises(UserError, match="a single one"):
        make(subset_of({"a": 5}), LabelSettings(kind="noise", rate=0.2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "noisy"}, "'noisy' is unknown. Allowed are true, noise"),
        ({"kind": "pseudo"}, "by the verb pseudo-labels"),
        ({"kind": "noise", "noise": "gaussian"}, "'gaussian' is unknown. Allowed are uniform, pair-flip"),
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
