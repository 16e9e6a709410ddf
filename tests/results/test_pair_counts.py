"""What methods pair, counted fast and by plain loops."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.methods import Method
from avbench.core.errors import UserError
from avbench.methods.pairing import Pairing
from avbench.results import pair_counts


def counted_by_loops(pairing, true):
    foreign, of_class, negatives, classes = [], [], [], []
    for epoch in pair_counts.counted_epochs(pairing.epochs):
        for anchors in pairing.batches(epoch):
            videos = pairing.videos(anchors, epoch)
            classes.append(len({true[clip] for clip in anchors}))
            for i, anchor in enumerate(anchors):
                alike = [j for j in range(len(anchors)) if pairing.classes[anchors[j]] == pairing.classes[anchor]]
                positive = alike if pairing.method.loss == "supcon" else [i]
                negative = set(range(len(anchors))) - ({*alike} if pairing.method.loss_uses_labels else {i})
                foreign.append(np.mean([videos[j] != anchor for j in positive]))
                of_class.append(np.mean([true[videos[j]] == true[anchor] for j in positive]))
                if negative:
                    negatives.append(np.mean([true[videos[j]] == true[anchor] for j in negative]))
    return {
        "foreign_positives": np.mean(foreign),
        "positives_of_class": np.mean(of_class),
        "negatives_of_class": np.mean(negatives) if negatives else math.nan,
        "batch_classes": np.mean(classes),
        "epochs": len(pair_counts.counted_epochs(pairing.epochs)),
    }


METHODS = [
    Method("random"),
    Method("half", positive="same-class", probability=0.5, labels="x"),
    Method("rising", positive="same-class", probability=(0, 1), labels="x"),
    Method("easy", batch="one-per-class", labels="x"),
    Method("hard", batch="single-class", labels="x"),
    Method("mixed", positive="same-class", batch="mixed", clips_per_class=2, labels="x"),
    Method("supcon", loss="supcon", labels="x"),
    Method("soft-supcon", positive="same-class", loss="supcon", batch="mixed", clips_per_class=3, labels="x"),
    Method("masked", positive="same-class", loss="masked", labels="x"),
    Method("near", positive="neighbour", labels="x", loss="debiased"),
]


@given(
    method=st.sampled_from(METHODS),
    classes=st.integers(2, 5),
    clips=st.integers(16, 40),
    wrong=st.sampled_from([0.0, 0.4]),
    epochs=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_counts_are_those_of_plain_loops(method, classes, clips, wrong, epochs, seed):
    random = np.random.default_rng(seed)
    # At least four clips of every class, then as chance will have it.
    pairs = np.concatenate([np.repeat(np.arange(classes), 4), random.integers(0, classes, clips)])
    true = np.where(random.random(len(pairs)) < wrong, random.integers(0, classes, len(pairs)), pairs)
    known = random.integers(0, len(pairs), (len(pairs), 3)) if method.needs == "neighbours" else pairs
    if method.needs == "none":
        known = np.zeros(len(pairs), np.int64)
    pairing = Pairing(method, known, 6, epochs, seed)
    assert pair_counts.count(pairing, true) == pytest.approx(counted_by_loops(pairing, true), nan_ok=True)


def test_epochs_are_counted_from_the_first_to_the_last():
    assert pair_counts.counted_epochs(1) == [0]
    assert pair_counts.counted_epochs(4) == [0, 1, 2, 3]
    assert pair_counts.counted_epochs(101) == [0, 25, 50, 75, 100]


CLASSES, EACH = 8, 12
IDS = [f"clip-{i:03d}" for i in range(CLASSES * EACH)]
TRUE = [f"class, {i % CLASSES}" for i in range(CLASSES * EACH)]


@pytest.fixture
def count(tmp_path):
    """Count one method's pairs on a subset of eight classes of twelve clips."""
    pd.DataFrame({"clip_id": IDS, "label": TRUE}).to_csv(tmp_path / "subset.csv", index=False)

    def one(label_column="label", label_values=TRUE, batch_size=8, **fields):
        file = tmp_path / "labels.csv"
        each = len(label_values) // len(IDS)
        pd.DataFrame({"clip_id": np.repeat(IDS, each), label_column: label_values}).to_csv(file, index=False)
        labels = "none" if fields == {} else "x"
        run = {
            "method": {"name": "m", "labels": labels, **fields},
            "labels": labels,
            "label_file": None if labels == "none" else str(file),
            "subset": "s",
            "budget": "b",
            "seed": 3,
        }
        files, lengths = {"s": str(tmp_path / "subset.csv")}, {"s": {"b": {"epochs": 10, "steps": None}}}
        found = pair_counts.table([run], files, batch_size, "fresh", lengths)
        assert list(found.columns) == pair_counts.COLUMNS
        return found.iloc[0]

    return one


def test_what_is_known_of_a_method_is_found(count):
    random = count()
    assert tuple(random[["method", "subset", "labels", "seed", "epochs"]]) == ("m", "s", "none", 3, 5)
    assert tuple(random[["foreign_positives", "positives_of_class"]]) == (0, 1)
    assert random["negatives_of_class"] == pytest.approx((EACH - 1) / (CLASSES * EACH - 1), abs=0.03)
    soft = count(positive="same-class")
    assert soft["foreign_positives"] == pytest.approx(1 - 1 / EACH, abs=0.06)
    assert soft["positives_of_class"] == 1
    easy = count(batch="one-per-class")
    assert tuple(easy[["negatives_of_class", "batch_classes"]]) == (0, CLASSES)
    hard = count(batch="single-class", batch_size=12)
    assert tuple(hard[["negatives_of_class", "batch_classes"]]) == (1, 1)
    mixed = count(batch="mixed", clips_per_class=2)
    assert mixed["batch_classes"] == 4
    assert mixed["negatives_of_class"] == pytest.approx(1 / 7)


def test_wrong_labels_make_wrong_positives_and_leave_negatives_of_the_class(count):
    shuffled = np.random.default_rng(0).permutation(TRUE)
    assert count(label_values=shuffled, positive="same-class")["positives_of_class"] < 0.35
    assert count(label_values=shuffled, loss="masked")["negatives_of_class"] > 0.05
    assert count(loss="masked")["negatives_of_class"] == 0


def test_neighbours_are_read_from_their_file(count):
    # The next clip but seven of the list is of the anchor's class, the next one never.
    places = np.arange(len(IDS))
    ids = np.array(IDS)
    near = np.stack([ids[(places + CLASSES) % len(IDS)], ids[(places + 1) % len(IDS)]], axis=1)
    found = count(label_column="neighbour", label_values=near.ravel(), positive="neighbour")
    assert found["foreign_positives"] == 1
    assert found["positives_of_class"] == pytest.approx(0.5, abs=0.1)


def test_a_label_file_of_other_clips_is_refused(count, tmp_path):
    count()
    pd.DataFrame({"clip_id": IDS[::-1], "label": TRUE}).to_csv(tmp_path / "other.csv", index=False)
    run = {"method": {"name": "m", "positive": "same-class", "labels": "x"}, "labels": "x", "subset": "s", "seed": 0}
    run["label_file"] = str(tmp_path / "other.csv")
    with pytest.raises(UserError, match=r"other\.csv lists other clips"):
        pair_counts.table([run], {"s": str(tmp_path / "subset.csv")}, 8, "fresh", {"s": 2})


def test_shares_of_positives_add_up_and_are_means_over_seeds():
    counted = pd.DataFrame(
        [
            ("random", "none", 0, 0.0, 1.0, 0.04),
            ("soft-positive", "true", 0, 0.9, 1.0, 0.04),
            ("soft-positive", "true", 1, 0.8, 1.0, 0.06),
            ("soft-positive", "noisy", 0, 0.9, 0.7, 0.04),
        ],
        columns=["method", "labels", "seed", "foreign_positives", "positives_of_class", "negatives_of_class"],
    )
    compared = pd.DataFrame([("soft-positive", "true", 0.05), ("soft-positive", "noisy", 0.01)])
    compared = compared.set_axis(["method", "labels", "difference"], axis=1).assign(ci_low=0.0, ci_high=0.1, p_holm=0.1)
    table = pair_counts.beside_gains(counted, compared).set_index(["method", "labels"])
    assert table[["own", "same", "other"]].sum(axis=1).tolist() == pytest.approx([1.0] * 3)
    assert table.loc[("soft-positive", "true"), ["own", "same", "other"]].tolist() == pytest.approx([0.15, 0.85, 0])
    assert table.loc[("soft-positive", "noisy"), ["own", "same", "other"]].tolist() == pytest.approx([0.1, 0.6, 0.3])
    assert table.loc[("soft-positive", "true"), "negatives"] == pytest.approx(0.05)
    assert table["difference"].notna().sum() == 2
