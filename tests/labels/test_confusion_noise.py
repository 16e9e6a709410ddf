"""Confusion matrices: files that hold them, and what a first round confuses."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.labels.confusion_noise import FOLDS, Confusion, folds, measure, read_confusion

NAMES = ("label", "dog, barking", 'the "sea"', "NA")


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_true_and_columns_predicted_classes_in_any_order(tmp_path):
    found = read_confusion(write(tmp_path / "m.csv", 'label,"b, c",a\na,3,0.5\n"b, c",7,1e-3\n'))
    assert found.classes == ("a", "b, c")
    np.testing.assert_array_equal(found.counts, [[0.5, 3], [0.001, 7]])


def test_what_is_written_reads_back(tmp_path):
    counts = np.arange(16).reshape(4, 4)
    Confusion(NAMES, counts).write(tmp_path / "m.csv")
    found = read_confusion(tmp_path / "m.csv")
    assert found.classes == NAMES
    np.testing.assert_array_equal(found.counts, counts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first column of .*m.csv must be 'label'"),
        ("true,a\na,1\n", "the first column of .*m.csv must be 'label'"),
        ("label,a,a\na,1,2\n", "more than one column 'a'"),
        ("label,a,b\na,1,2\na,1,2\n", "more than one row 'a'"),
        ("label,a,b\na,1,2\n", "has no row of class 'b'"),
        ("label,a\na,1\nb,2\n", "has no column of class 'b'"),
        ("label,a,b\na,1\nb,1,2\n", "row 2 has 2 fields instead of 3"),
        ("label,a,b\na,1,-2\nb,1,2\n", "row 2, column 'b' is '-2'; it must be a number of at least 0"),
        ("label,a,b\na,1,2\nb,,2\n", "row 3, column 'a' is ''; it must be a number of at least 0"),
        ("label,a,b\na,1,2\nb,nan,2\n", "row 3, column 'a' is 'nan'"),
        ("label,a,b\na,1,2\nb,inf,2\n", "row 3, column 'a' is 'inf'"),
        ('label,a,b\na,1,"2\n', "is not a CSV file"),
    ],
)
def test_what_is_no_matrix_is_refused(text, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read_confusion(write(tmp_path / "m.csv", text))


def test_a_file_that_is_missing_or_binary_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"matrix: .*none\.csv does not exist"):
        read_confusion(tmp_path / "none.csv")
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not a CSV file in UTF-8"):
        read_confusion(tmp_path / "m.csv")


def test_other_classes_than_the_subsets_are_named_on_both_sides():
    confusion = Confusion(("a", "x", "y"), np.ones((3, 3)))
    with pytest.raises(UserError, match=r"1 are missing from it \('b'\) and 2 are not in the subset \('x', 'y'\)"):
        confusion.among(["a", "b"])
    with pytest.raises(UserError, match=r"of them 1 are missing from it \('b'\)\.$"):
        confusion.among(["a", "b", "x", "y"])


def test_classes_that_are_never_confused_are_said(capsys):
    confusion = Confusion(("b", "a", "c"), np.array([[9, 0, 0], [1, 9, 1], [0, 0, 0]]))
    assert confusion.never_confused() == ["b", "c"]
    confusion.among("abc")
    assert "2 of 3 classes are never confused with another, such as 'b'" in capsys.readouterr().out


@given(
    row=st.lists(st.sampled_from([0.0, 1e-9, 0.5, 3.0]), min_size=3, max_size=6),
    bits=st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 2**64 - 1])),
    place=st.integers(0, 2),
)
def test_a_wrong_label_is_another_class_that_is_confused_if_any_is(row, bits, place):
    names = tuple("abcdef"[: len(row)])
    counts = np.ones((len(row), len(row)))
    counts[place] = row
    drawn = Confusion(names, counts).wrong_label(names[place], bits)
    possible = [name for name, count in zip(names, row, strict=True) if count and name != names[place]]
    assert drawn in (possible or set(names) - {names[place]})


def test_the_draw_is_the_inverse_of_the_distribution():
    confusion = Confusion(tuple("abcd"), np.array([[5, 1, 0, 3], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 0]]))
    tally = Counter(confusion.wrong_label("a", (2 * step + 1) * 2**63 // 1000) for step in range(1000))
    assert tally == {"b": 250, "d": 750}
    even = Counter(confusion.wrong_label("b", (2 * step + 1) * 2**63 // 999) for step in range(999))
    assert even == {"a": 333, "c": 333, "d": 333}


# ------------------------------------------------------------------------------------------------- measured by folds


@given(st.lists(st.integers(1, 17), min_size=1, max_size=8), st.integers(0, 99))
def test_each_class_is_dealt_evenly_to_the_folds(sizes, seed):
    codes = np.repeat(np.arange(len(sizes)), sizes)
    clips = [f"-clip {place}" for place in range(len(codes))]
    fold = folds(clips, codes, seed)
    for code, size in enumerate(sizes):
        counts = np.bincount(fold[codes == code], minlength=FOLDS)
        assert counts.sum() == size
        assert counts.max() - counts.min() <= 1
    order = np.random.default_rng(seed).permutation(len(codes))
    np.testing.assert_array_equal(folds([clips[place] for place in order], codes[order], seed), fold[order])


def blobs(sizes, distance, seed=0):
    """Classes on a line; neighbours are confused more often than others."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    features = rng.normal(size=(len(codes), 6))
    features[:, 0] += distance * codes
    return features.astype(np.float32), [f"clip {i}" for i in range(len(codes))], [f"class {c}" for c in codes]


def test_each_clip_is_classified_once_by_what_has_not_seen_it():
    features, clips, labels = blobs([60, 60, 60, 60], 2.0)
    confusion, described = measure(features, clips, labels, 0)
    assert confusion.classes == ("class 0", "class 1", "class 2", "class 3")
    assert confusion.counts.sum(axis=1).tolist() == [60] * 4
    assert described["accuracy"] == pytest.approx(np.trace(confusion.counts) / 240)
    assert 0.5 < described["accuracy"] < 0.95
    assert confusion.counts[0, 1] > confusion.counts[0, 3]
    assert described["classes_below_folds"] == 0
    assert described["converged"]


def test_labels_that_features_do_not_tell_are_classified_by_chance():
    """A classifier that had seen the clips would be right: as many dimensions as clips."""
    rng = np.random.default_rng(1)
    labels = [f"class {i % 2}" for i in range(200)]
    _, described = measure(rng.normal(size=(200, 200)).astype(np.float32), list(map(str, range(200))), labels, 0)
    assert described["accuracy"] == pytest.approx(0.5, abs=5 * math.sqrt(0.25 / 200))


def test_classes_of_fewer_clips_than_folds_are_counted_and_a_single_clip_is_always_mistaken():
    features, clips, labels = blobs([20, 3, 1, 20], 3.0)
    confusion, described = measure(features, clips, labels, 0)
    assert described["classes_below_folds"] == 2
    assert confusion.counts.sum(axis=1).tolist() == [20, 3, 1, 20]
    assert confusion.counts[:, 2].tolist()[2] == 0


def test_two_single_clips_are_taken_for_one_another():
    confusion, described = measure(np.eye(2, dtype=np.float32), ["a", "b"], ["x", "y"], 0)
    assert confusion.counts.tolist() == [[0, 1], [1, 0]]
    assert described["accuracy"] == 0


def test_a_single_class_confuses_nothing():
    with pytest.raises(UserError, match="the subset has a single one"):
        measure(np.eye(3, dtype=np.float32), list("abc"), ["x"] * 3, 0)
