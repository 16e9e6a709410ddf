"""Splits by keyed hash: shares, independence of other clips, and groups that stay together."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.datasets.splits import falls_below, stratified

NAMES = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=60)


def split_of(groups, labels, seed=0, **shares):
    return stratified(groups, labels, shares or {"validation": 0.2}, seed, "Add clips.")


@pytest.mark.parametrize("share", [0.0, 0.04, 0.5])
def test_the_share_below_is_met_on_average(share):
    names = [f"-video{i}" for i in range(20000)]
    kept = sum(falls_below(share, 0, name) for name in names)
    assert abs(kept - share * 20000) <= 4 * (20000 * share * (1 - share)) ** 0.5


def test_seeds_choose_differently_and_larger_shares_contain_smaller_ones():
    names = [f"v{i}" for i in range(2000)]
    chosen = {
        (share, seed): {n for n in names if falls_below(share, seed, n)} for share in (0.1, 0.3) for seed in (0, 1)
    }
    assert chosen[0.1, 0] < chosen[0.3, 0]
    assert chosen[0.1, 0] != chosen[0.1, 1]


@given(
    clips=st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), min_size=1, max_size=80),
    validation=st.floats(0.05, 0.4),
    test=st.floats(0, 0.3),
    seed=st.integers(0, 5),
)
def test_groups_are_never_on_two_sides(clips, validation, test, seed):
    groups = [f"place-{label}-{group}" for group, label in clips for label in ("abc" * 4)[: 3 + group % 3]]
    labels = [group[6] for group in groups]
    for label in "abc":  # enough groups of each label, whatever was drawn
        groups += [f"place-{label}-{i}" for i in range(31, 41)]
        labels += [label] * 10
    splits = split_of(groups, labels, seed, test=test, validation=validation)
    sides = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        sides[group].add(split)
    assert {len(side) for side in sides.values()} == {1}
    for label in "abc":
        members = [group for group in sides if group[6] == label]
        for split, share in (("test", test), ("validation", validation)):
            held = sum(sides[group] == {split} for group in members)
            assert held == (max(1, round(share * len(members))) if share else 0)


@given(NAMES, st.randoms(use_true_random=False))
def test_order_and_other_labels_change_nothing(names, random):
    names = sorted(set(names)) + [f"more {i}" for i in range(10)]
    names = sorted(set(names))
    alone = dict(zip(names, split_of(names, ["a"] * len(names)), strict=True))
    rows = [(name, "a") for name in names] + [(f"{name} of b", "b") for name in names]
    random.shuffle(rows)
    together = split_of([name for name, _ in rows], [label for _, label in rows])
    assert {name: s for (name, label), s in zip(rows, together, strict=True) if label == "a"} == alone


def test_a_lost_clip_moves_at_most_one_other():
    names = [f"clip {i}" for i in range(40)]
    full = dict(zip(names, split_of(names, ["a"] * 40), strict=True))
    for lost in names:
        left = [name for name in names if name != lost]
        after = dict(zip(left, split_of(left, ["a"] * 39), strict=True))
        assert sum(after[name] != full[name] for name in left) <= 1


def test_a_group_with_two_labels_stays_together():
    groups = ["x", "x"] + [f"a{i}" for i in range(9)] + [f"b{i}" for i in range(9)]
    labels = ["b", "a"] + ["a"] * 9 + ["b"] * 9
    for seed in range(20):
        splits = split_of(groups, labels, seed, validation=0.5)
        assert splits[0] == splits[1]


def test_a_label_with_too_few_clips_is_refused():
    said = r"1 of 2 labels .* after test and validation, .*: 'a' .2.. Each needs 3 or more. Add clips."
    with pytest.raises(UserError, match=said):
        split_of(["x", "y", "z", "u", "v"], ["a", "a", "b", "b", "b"], test=0.1, validation=0.1)
    assert split_of(["x"], ["a"], validation=0.0) == ["train"]
