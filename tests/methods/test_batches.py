"""Batches and positives against their definitions, spelled out with loops."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.core import rng
from avbench.core.errors import UserError
from avbench.methods.batches import batches, require_batches
from avbench.methods.positives import Neighbours, Positives

seeds = st.integers(0, 2**31)
epochs = st.integers(0, 200)
class_sizes = st.lists(st.integers(1, 12), min_size=2, max_size=12)


def labels_of(sizes, seed=0, spread=7):
    """Labels of these class sizes, shuffled, with codes that are not 0, 1, 2, …"""
    labels = np.repeat(np.arange(len(sizes)) * spread - 3, sizes)
    return np.random.default_rng(seed).permutation(labels)


def flat(made):
    return [int(clip) for batch in made for clip in batch]


@given(n=st.integers(2, 80), size=st.integers(2, 80), seed=seeds, epoch=epochs)
def test_shuffled_is_a_permutation_without_the_last_partial_batch(n, size, seed, epoch):
    labels = np.zeros(n, dtype=int)
    if size > n:
        with pytest.raises(UserError, match=f"{size}.*{n} clips"):
            batches("shuffled", labels, size, seed, epoch)
        return
    made = batches("shuffled", labels, size, seed, epoch)
    assert [len(batch) for batch in made] == [size] * (n // size)
    clips = flat(made)
    assert len(set(clips)) == len(clips)
    assert set(clips) <= set(range(n))


@given(classes=st.integers(2, 9), each=st.integers(1, 9), seed=seeds, epoch=epochs)
def test_one_per_class_with_equal_classes_takes_every_clip_once(classes, each, seed, epoch):
    labels = labels_of([each] * classes, seed)
    for size in (classes, None):
        made = batches("one-per-class", labels, size, seed, epoch)
        assert sorted(flat(made)) == list(range(len(labels)))
        assert all(sorted(labels[batch]) == sorted(set(labels)) for batch in made)


def most_full_batches(sizes, size):
    """T batches of distinct classes exist if and only if sum(min(n_c, T)) ≥ size · T."""
    return max(t for t in range(sum(sizes) + 1) if sum(min(n, t) for n in sizes) >= size * t)


@given(sizes=class_sizes, data=st.data(), seed=seeds, epoch=epochs)
def test_one_per_class_with_unequal_classes(sizes, data, seed, epoch):
    size = data.draw(st.integers(2, len(sizes)))
    labels = labels_of(sizes, seed)
    made = batches("one-per-class", labels, size, seed, epoch)
    clips = flat(made)
    assert len(set(clips)) == len(clips)
    for batch in made:
        assert len(set(labels[batch])) == len(batch) >= max(2, size / 2)
        assert len(batch) <= size
    assert sum(len(batch) == size for batch in made) == most_full_batches(sizes, size)
    # What sits out could not have filled half a batch.
    rest = {labels[clip] for clip in range(len(labels)) if clip not in set(clips)}
    assert len(rest) < max(2, size / 2)


@given(sizes=class_sizes, seed=seeds)
def test_one_per_class_with_all_classes_gives_as_many_batches_as_half_the_classes_have_clips(sizes, seed):
    enough = max(2, math.ceil(len(sizes) / 2))
    expected = sum(sum(n > step for n in sizes) >= enough for step in range(max(sizes)))
    for epoch in range(3):
        assert len(batches("one-per-class", labels_of(sizes), None, seed, epoch)) == expected


def test_one_per_class_gives_every_clip_its_turn():
    labels = labels_of([1, 2, 9, 3])
    seen = {clip for epoch in range(200) for clip in flat(batches("one-per-class", labels, 3, 0, epoch))}
    assert seen == set(range(len(labels)))


@given(
    sizes=st.lists(st.integers(2, 30), min_size=1, max_size=8),
    size=st.one_of(st.none(), st.integers(3, 40)),
    seed=seeds,
    epoch=epochs,
)
def test_single_class_batches_are_pure_even_and_complete(sizes, size, seed, epoch):
    labels = labels_of(sizes, seed)
    made = batches("single-class", labels, size, seed, epoch)
    assert sorted(flat(made)) == list(range(len(labels)))
    of_class = {}
    for batch in made:
        assert len(set(labels[batch])) == 1
        of_class.setdefault(labels[batch[0]], []).append(len(batch))
    for label, lengths in of_class.items():
        count = int((labels == label).sum())
        assert len(lengths) == math.ceil(count / (size or count))
        assert max(lengths) - min(lengths) <= 1
        assert max(lengths) <= (size or count)
        assert min(lengths) >= 2


def test_single_class_leaves_out_a_batch_of_one():
    made = batches("single-class", np.array([0] * 5), 2, 0, 0)
    assert [len(batch) for batch in made] == [2, 2]


@given(classes=st.integers(2, 9), groups=st.integers(1, 4), each=st.integers(2, 5), seed=seeds, epoch=epochs)
def test_mixed_with_equal_classes_of_whole_groups_takes_every_clip_once(classes, groups, each, seed, epoch):
    labels = labels_of([groups * each] * classes, seed)
    for size in (classes * each, None):
        made = batches("mixed", labels, size, seed, epoch, clips_per_class=each)
        assert sorted(flat(made)) == list(range(len(labels)))
        assert all(Counter(labels[batch]) == dict.fromkeys(labels, each) for batch in made)


@given(sizes=class_sizes.filter(lambda sizes: max(sizes) > 1), data=st.data(), seed=seeds, epoch=epochs)
def test_mixed_with_unequal_classes(sizes, data, seed, epoch):
    each, classes = data.draw(st.integers(2, 5)), data.draw(st.integers(2, len(sizes)))
    labels = labels_of(sizes, seed)
    made = batches(
        "mixed", labels, classes * each + data.draw(st.integers(0, each - 1)), seed, epoch, clips_per_class=each
    )
    clips, sizes_of = flat(made), Counter(labels.tolist())
    assert len(set(clips)) == len(clips)
    for batch in made:
        found = Counter(labels[batch].tolist())
        assert max(2, classes / 2) <= len(found) <= classes
        assert all(count == min(each, sizes_of[label]) for label, count in found.items())
    # As many full batches as groups allow; what sits out could not have filled half a batch.
    groups = {label: max(1, count // each) for label, count in sizes_of.items()}
    full = sum(len(set(labels[batch])) == classes for batch in made)
    assert full == most_full_batches(list(groups.values()), classes)
    used = Counter(label for batch in made for label in set(labels[batch].tolist()))
    assert sum(groups[label] > used[label] for label in groups) < max(2, classes / 2)
    assert len(made) == len(batches("mixed", labels, classes * each, seed, epoch + 1, clips_per_class=each))


def test_mixed_gives_every_clip_its_turn():
    labels = labels_of([1, 2, 3, 9, 14])
    seen = {clip for epoch in range(200) for clip in flat(batches("mixed", labels, 8, 0, epoch, clips_per_class=4))}
    assert seen == set(range(len(labels)))


@pytest.mark.parametrize("batch", ["shuffled", "one-per-class", "single-class", "mixed"])
def test_batches_are_keyed_by_seed_and_epoch_alone(batch):
    labels = labels_of([6] * 4)

    def make(seed, epoch, order="fresh"):
        return [
            list(part)
            for part in batches(
                batch, labels, 4, seed, epoch, order, **{"clips_per_class": 2} if batch == "mixed" else {}
            )
        ]

    assert make(1, 5) == make(1, 5)
    assert make(1, 5) != make(1, 6)
    assert make(1, 5) != make(2, 5)
    assert make(1, 5, "fixed") == make(1, 0, "fixed") == make(1, 0)
    members = [{frozenset(part) for part in make(1, epoch)} for epoch in range(4)]
    assert any(members[0] != other for other in members[1:])


def test_random_and_soft_positive_runs_of_a_seed_share_their_batches():
    a = batches("shuffled", np.zeros(50, int), 8, 3, 4)
    b = batches("shuffled", np.arange(50) % 5, 8, 3, 4)
    assert flat(a) == flat(b)


@pytest.mark.parametrize(
    ("batch", "labels", "size", "message"),
    [
        ("shuffled", [0] * 10, 11, "11 is larger than the subset of 10"),
        ("shuffled", [0] * 10, None, "need a batch size"),
        ("shuffled", [0] * 10, 1, "batch of 1 has no negatives"),
        ("one-per-class", [0, 1, 2, 2], 4, "batch of 4 .* there are 3"),
        ("one-per-class", [5, 5, 5], None, "two classes"),
        ("single-class", [0, 0, 1, 2], 2, "2 of 3 classes have one"),
        ("mixed", [0] * 9 + [1] * 9, 7, "mixed batch of 7 with 4 clips a class is of 1 classes; it takes two at least"),
        ("mixed", [0] * 9 + [1] * 9, 12, "is of 3 classes; .* at most the 2"),
        ("mixed", [0] * 9, None, "mixed batches need two classes or more; there are 1"),
        ("mixed", [0, 1, 2], None, "classes of two clips or more; all 3 have one"),
        ("sorted", [0, 1], 2, "'sorted' is unknown. Allowed are shuffled, one-per-class, single-class, mixed"),
    ],
)
def test_what_cannot_be_batched_is_refused_with_the_numbers(batch, labels, size, message):
    with pytest.raises(UserError, match=f"subset small: .*{message}"):
        require_batches(batch, np.array(labels), size, "subset small")


def test_an_unknown_order_is_refused():
    with pytest.raises(UserError, match="'sorted' is unknown"):
        batches("shuffled", np.zeros(4, int), 2, 0, 0, "sorted")


@given(sizes=class_sizes, probability=st.floats(0, 1), seed=seeds, epoch=epochs)
def test_positives_are_of_the_anchors_class_whatever_they_are_drawn_with(sizes, probability, seed, epoch):
    labels = labels_of(sizes, seed)
    positives = Positives(labels, probability)
    everyone = np.arange(len(labels))
    drawn = positives.draw(everyone, seed, epoch)
    assert drawn.dtype == np.int64
    assert (labels[drawn] == labels).all()
    # One at a time, in reverse, from a new object: the same.
    alone = [int(Positives(labels, probability).draw(np.array([i]), seed, epoch)[0]) for i in everyone[::-1]]
    assert alone[::-1] == drawn.tolist()
    grid = positives.draw(np.stack([everyone, everyone[::-1]]), seed, epoch)
    assert (grid == np.stack([drawn, drawn[::-1]])).all()


@given(sizes=class_sizes, seed=seeds, low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_lower_probability_draws_some_of_the_same_foreign_positives(sizes, seed, low, high):
    low, high = sorted((low, high))
    labels, everyone = labels_of(sizes), np.arange(sum(sizes))
    few, many = (Positives(labels, p).draw(everyone, seed, 0) for p in (low, high))
    foreign = few != everyone
    assert (few[foreign] == many[foreign]).all()


def test_probability_zero_pairs_every_clip_with_itself():
    positives = Positives(labels_of([4, 5]), 0)
    assert positives.draw(np.arange(9), 1, 2).tolist() == list(range(9))
    assert positives.foreign_share == 0


@pytest.mark.parametrize("probability", [0.3, 0.5, 1.0])
def test_positives_are_uniform_within_the_class(probability):
    sizes, draws = [1, 2, 5, 10], 4000
    labels = labels_of(sizes)
    positives = Positives(labels, probability)
    drawn = np.stack([positives.draw(np.arange(len(labels)), 7, epoch) for epoch in range(draws)])
    shares = []
    for clip, label in enumerate(labels):
        count = int((labels == label).sum())
        tally = Counter(drawn[:, clip].tolist())
        assert set(tally) == set(np.flatnonzero(labels == label))
        for partner in tally:
            expected = probability / count + (1 - probability) * (partner == clip)
            error = math.sqrt(expected * (1 - expected) / draws)
            assert tally[partner] / draws == pytest.approx(expected, abs=5 * error + 1e-12)
        shares.append(probability * (1 - 1 / count))
    assert positives.foreign_share == pytest.approx(sum(shares) / len(shares))
    found = (drawn != np.arange(len(labels))).mean()
    assert found == pytest.approx(positives.foreign_share, abs=5 * 0.5 / math.sqrt(drawn.size))


def test_drawing_costs_the_same_whatever_the_number_of_clips(monkeypatch):
    positives, draws, uniforms = Positives(np.arange(100_000) % 10, 0.5), [], rng.uniforms

    def recorded(seed, purpose, epoch, index):
        draws.append(np.size(index))
        return uniforms(seed, purpose, epoch, index)

    monkeypatch.setattr("avbench.core.rng.uniforms", recorded)
    monkeypatch.setattr(rng, "generator", None)  # a stream would have to be read up to the clip's place
    before = [part.copy() for part in vars(positives).values() if isinstance(part, np.ndarray)]
    for clip in (5, 99_999):
        assert positives.draw(np.array([clip]), 0, 3).shape == (1,)
    assert draws == [1] * 4  # one for the partner and one for whether it is taken
    after = [part for part in vars(positives).values() if isinstance(part, np.ndarray)]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))  # nothing is kept between draws


def test_positives_differ_between_epochs_and_seeds():
    positives, everyone = Positives(np.zeros(50, int), 1.0), np.arange(50)
    first = positives.draw(everyone, 0, 0)
    assert (first != positives.draw(everyone, 0, 1)).mean() > 0.8
    assert (first != positives.draw(everyone, 1, 0)).mean() > 0.8


@given(clips=st.integers(2, 30), data=st.data(), probability=st.floats(0, 1), seed=seeds, epoch=epochs)
def test_a_neighbour_is_one_of_the_anchors_whatever_it_is_drawn_with(clips, data, probability, seed, epoch):
    k = data.draw(st.integers(1, min(5, clips - 1)))
    near = (np.arange(clips)[:, None] + np.arange(1, k + 1)) % clips
    everyone, neighbours = np.arange(clips), Neighbours(near, probability)
    drawn = neighbours.draw(everyone, seed, epoch)
    assert drawn.dtype == np.int64
    assert ((drawn[:, None] == near).any(1) | (drawn == everyone)).all()
    alone = [int(Neighbours(near).draw(np.array([i]), seed, epoch, probability)[0]) for i in everyone[::-1]]
    assert alone[::-1] == drawn.tolist()
    more = neighbours.draw(everyone, seed, epoch, min(1, probability + 0.3))
    assert (drawn == everyone)[drawn != more].all()  # a lower probability draws some of the same


def test_neighbours_are_drawn_uniformly_and_as_often_as_asked():
    near, draws = np.array([[1, 2, 3], [0, 2, 3], [3, 1, 0], [0, 1, 2]]), 6000
    neighbours = Neighbours(near, 0.6)
    drawn = np.stack([neighbours.draw(np.arange(4), 5, epoch) for epoch in range(draws)])
    for clip in range(4):
        tally = Counter(drawn[:, clip].tolist())
        for partner in range(4):
            expected = 0.4 if partner == clip else 0.2
            error = math.sqrt(expected * (1 - expected) / draws)
            assert tally[partner] / draws == pytest.approx(expected, abs=5 * error)


def test_a_probability_of_the_epoch_replaces_the_constructors():
    labels, everyone = labels_of([4, 5]), np.arange(9)
    half, whole = Positives(labels, 0.5), Positives(labels)
    assert (whole.draw(everyone, 1, 2, 0.5) == half.draw(everyone, 1, 2)).all()
    assert (half.draw(everyone, 1, 2, 0.0) == everyone).all()


@pytest.mark.parametrize("edge", [0.0, 1 - 2.0**-53])
def test_the_smallest_and_the_largest_uniform_stay_in_the_class(monkeypatch, edge):
    monkeypatch.setattr("avbench.core.rng.uniforms", lambda seed, purpose, epoch, index: np.full(index.shape, edge))
    labels = np.repeat(np.arange(200), np.arange(1, 201))
    drawn = Positives(labels, 1.0).draw(np.arange(len(labels)), 0, 0)
    assert (labels[drawn] == labels).all()
