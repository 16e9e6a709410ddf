"""The pairs of a run: what a method is told, and what it draws from it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.methods import PRESETS, Method
from avbench.core.errors import UserError
from avbench.methods.batches import batches
from avbench.methods.pairing import Pairing
from avbench.methods.pairing_labels import numbered, read_pairing
from avbench.training.batch_norm import group_sizes

IDS = ["-a", "b,c", "d"]
LABELS = 'clip_id,label\n-a,dog\n"b,c",cat\nd,dog\n'
NEIGHBOURS = 'clip_id,neighbour\n-a,d\n-a,"b,c"\n"b,c",-a\n"b,c",d\nd,-a\nd,"b,c"\n'
NEAR = Method("near", "neighbour", labels="nearest")


def lists(made):
    return [batch.tolist() for batch in made]


def test_a_file_of_labels_and_one_of_neighbours_are_told_apart(tmp_path):
    (tmp_path / "l.csv").write_text(LABELS)
    (tmp_path / "n.csv").write_text(NEIGHBOURS)
    labels, neighbours = (read_pairing(tmp_path / name, IDS) for name in ("l.csv", "n.csv"))
    assert labels == ["dog", "cat", "dog"]
    assert neighbours == [["d", "b,c"], ["-a", "d"], ["-a", "b,c"]]
    assert numbered(IDS, labels, PRESETS["soft-positive"]).tolist() == [1, 0, 1]
    assert numbered(IDS, neighbours, NEAR).tolist() == [[2, 1], [0, 2], [0, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LABELS.replace("d,dog\n", ""), "lists other clips than the subset"),
        (LABELS.replace("-a,dog", "e,dog"), "lists other clips than the subset"),
        ('clip_id,label\nd,dog\n-a,dog\n"b,c",cat\n', "or in another order"),
        (LABELS + "d,cat\n", "clip 'd' has 2 rows instead of 1"),
        (NEIGHBOURS.replace("d,-a\n", ""), "clip 'd' has 1 rows instead of 2"),
        (NEIGHBOURS.replace("-a,d\n", ""), "clip 'b,c' has 2 rows instead of 1"),
        (NEIGHBOURS.replace("-a,d\n", "-a,x\n"), "the neighbour 'x' of clip '-a' is not of the subset"),
        (NEIGHBOURS.replace("-a,d\n", "-a,-a\n"), "clip '-a' is a neighbour of its own, or has one twice"),
        (NEIGHBOURS.replace("d,-a\n", 'd,"b,c"\n'), "clip 'd' is a neighbour of its own, or has one twice"),
        (NEIGHBOURS.replace('d,-a\nd,"b,c"\n', ""), "lists other clips than the subset"),
        ("clip_id,class\n", "has no column 'label'; it has clip_id, class"),
        ("", "has no column 'clip_id'"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_what_is_wrong(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        read_pairing(tmp_path / "p.csv", IDS)
    assert "p.csv" in str(error.value)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"p.csv does not exist"):
        read_pairing(tmp_path / "p.csv", IDS)


def test_a_method_without_labels_is_told_nothing():
    for method in (PRESETS["random"], Method("m", loss="debiased")):
        assert numbered(IDS, ["x", "y", "z"], method).tolist() == [0, 0, 0]
        assert numbered(IDS, [["d"], ["d"], ["-a"]], method).tolist() == [0, 0, 0]


def test_labels_that_are_of_the_other_kind_are_refused():
    with pytest.raises(UserError, match="near: its pairs are drawn from neighbours, and labels nearest are of classes"):
        Pairing(NEAR, np.zeros(9, int), 3, 1, 0)
    with pytest.raises(UserError, match="soft-positive: its pairs are drawn from classes, and labels true are of neig"):
        Pairing(PRESETS["soft-positive"], np.zeros((9, 2), int), 3, 1, 0)
    with pytest.raises(UserError, match="near: the neighbour 'x' is not of the subset"):
        numbered(IDS, [["x"], ["d"], ["-a"]], NEAR)


def test_batches_hold_no_more_classes_than_there_are():
    classes = np.arange(30) % 5
    assert {len(batch) for batch in Pairing(PRESETS["easy-negative"], classes, 309, 1, 0).batches(0)} == {5}
    mixed = Method("mixed", batch="mixed", clips_per_class=3, labels="true")
    assert {len(batch) for batch in Pairing(mixed, classes, 309, 1, 0).batches(0)} == {15}
    assert {len(batch) for batch in Pairing(mixed, classes, 8, 1, 0).batches(0)} == {6}  # of two classes
    with pytest.raises(UserError, match="mixed: a mixed batch of 5 with 3 clips a class is of 1 classes"):
        Pairing(mixed, classes, 5, 1, 0)
    with pytest.raises(UserError, match="random: a batch of 309 is larger than the subset of 30"):
        Pairing(PRESETS["random"], classes, 309, 1, 0)


@given(
    sizes=st.lists(st.integers(2, 9), min_size=2, max_size=8),
    batch=st.sampled_from(["one-per-class", "single-class", "mixed"]),
    size=st.integers(4, 12),
    seed=st.integers(0, 99),
)
def test_no_batch_is_smaller_than_is_said(sizes, batch, size, seed):
    sizes[0] = 1 if batch == "mixed" and seed % 2 else sizes[0]
    method = Method("m", batch=batch, labels="true", clips_per_class=2 if batch == "mixed" else None)
    pairing = Pairing(method, np.repeat(np.arange(len(sizes)), sizes), size, 9, seed)
    made = [pairing.batches(epoch) for epoch in range(9)]
    assert min(len(part) for epoch in made for part in epoch) >= pairing.smallest_batch >= 2
    assert len({len(epoch) for epoch in made}) == 1
    if min(sizes) > 1:
        assert min(len(part) for part in made[0]) == pairing.smallest_batch


@given(
    sizes=st.lists(st.integers(2, 9), min_size=2, max_size=12),
    batch=st.sampled_from(["shuffled", "one-per-class", "single-class", "mixed"]),
    size=st.integers(4, 12),
    seed=st.integers(0, 99),
)
def test_only_one_per_class_batches_are_ordered_by_class_and_keep_their_members(sizes, batch, size, seed):
    method = Method("m", "same-class", batch=batch, labels="true", clips_per_class=2 if batch == "mixed" else None)
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    size = min(size, len(classes))
    for epoch in range(2):
        shuffled, ordered = (
            lists(Pairing(method, classes, size, 2, seed, batch_members=members).batches(epoch))
            for members in ("shuffled", "by-class")
        )
        if batch != "one-per-class":
            assert ordered == shuffled
            continue
        assert [sorted(part) for part in ordered] == [sorted(part) for part in shuffled]  # in the same order, too
        assert all((np.diff(classes[part]) > 0).all() for part in ordered)


def test_ordered_by_class_running_statistics_see_the_first_quarter_of_the_classes_alone():
    classes = np.arange(309 * 2) % 309
    seen = {}
    for members in ("shuffled", "by-class"):
        pairing = Pairing(PRESETS["easy-negative"], classes, 309, 20, 0, batch_members=members)
        first = [part[: group_sizes(309, 4)[0]] for epoch in range(20) for part in pairing.batches(epoch)]
        seen[members] = set(classes[np.concatenate(first)].tolist())
    assert seen["by-class"] == set(range(78))  # as the first group, which updates them, did in the authors' run
    assert seen["shuffled"] == set(range(309))


def test_neighbours_share_their_batches_with_random():
    near = (np.arange(30)[:, None] + [1, 2]) % 30
    runs = [Pairing(PRESETS["random"], np.zeros(30, int), 7, 1, 3), Pairing(NEAR, near, 7, 1, 3)]
    assert lists(runs[0].batches(2)) == lists(runs[1].batches(2)) == lists(batches("shuffled", np.zeros(30), 7, 3, 2))
    assert (runs[0].videos(np.arange(30), 0) == np.arange(30)).all()
    assert ((runs[1].videos(np.arange(30), 0)[:, None] == near).any(1)).all()


@pytest.mark.parametrize(("positive", "known"), [("same-class", np.zeros(400, int)), ("neighbour", None)])
def test_a_probability_that_rises_draws_more_and_more_foreign_positives(positive, known):
    known = (np.arange(400)[:, None] + [1, 2, 3]) % 400 if known is None else known
    rising = Method("m", positive, [0.0, 1.0], labels="some")
    constant = Method("m", positive, 0.5, labels="some")
    everyone = np.arange(400)
    pairing = Pairing(rising, known, 8, 5, 1)
    foreign = [(pairing.videos(everyone, epoch) != everyone) for epoch in range(5)]
    assert foreign[0].sum() == 0
    assert foreign[4].mean() > 0.98
    assert [found.mean() for found in foreign] == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.11)
    # Halfway the two draw the same, and everywhere the lower probability draws a part of the higher one's.
    assert (pairing.videos(everyone, 2) == Pairing(constant, known, 8, 5, 1).videos(everyone, 2)).all()
    for epoch in (1, 3):
        other = Pairing(constant, known, 8, 5, 1).videos(everyone, epoch)
        few, many = (pairing.videos(everyone, epoch), other) if epoch == 1 else (other, pairing.videos(everyone, epoch))
        assert (few == many)[few != everyone].all()


def test_an_epochs_batches_and_positives_are_those_of_any_other_object():
    mixed = Method("m", "same-class", [0.2, 0.9], "mixed", "true", "supcon")
    classes = np.arange(100) % 10
    first = Pairing(mixed, classes, 20, 10, 3)
    for epoch in (7, 2):
        again = Pairing(mixed, classes, 20, 10, 3)
        assert lists(first.batches(epoch)) == lists(again.batches(epoch))
        anchors = first.batches(epoch)[1]
        assert (first.videos(anchors, epoch)[3:5] == again.videos(anchors[3:5], epoch)).all()


def test_drawing_pairs_loads_no_library_of_training():
    check = "import sys, avbench.methods.pairing; sys.exit(bool({'pandas', 'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_a_length_in_steps_is_so_many_epochs_of_the_methods_own_batches():
    classes = np.arange(40) % 4
    for method, per_epoch in (("random", 4), ("easy-negative", 10)):
        pairing = Pairing(PRESETS[method], classes, 10, 100, 0).lasting(36)
        assert len(pairing.batches(0)) == per_epoch
        assert pairing.epochs == round(36 / per_epoch)
    # Where the positives' probability changes, it does so over that length.
    rising = Method("rising", positive="same-class", probability=(0.0, 1.0), labels="true")
    pairing, long = Pairing(rising, classes, 10, 100, 0).lasting(12), Pairing(rising, classes, 10, 3, 0)
    assert (pairing.videos(np.arange(40), 2) == long.videos(np.arange(40), 2)).all()
