import pandas as pd
import pytest

from avbench.results.confusion import mean_right, pairs, shares


def told(*rows):
    return pd.DataFrame(rows, columns=["label", "prediction"])


def test_each_row_holds_the_shares_of_a_true_class():
    table = shares(told(("gong", "gong"), ("gong", "bell"), ("gong", "bell"), ("gong", "bell"), ("bell", "bell")))
    assert table.loc["gong"].to_dict() == {"bell": 0.75, "gong": 0.25}
    assert table.loc["bell"].to_dict() == {"bell": 1.0, "gong": 0.0}


def test_a_class_that_is_never_predicted_has_its_column():
    table = shares(told(("gong", "horn"), ("bell", "bell")))
    assert table.columns.tolist() == ["bell", "gong", "horn"]
    assert table.loc["gong", "gong"] == 0


def test_confusions_are_listed_from_the_most_frequent():
    found = pairs(shares(told(*[("a", "b")] * 3, ("a", "a"), ("b", "a"), ("b", "b"), ("c", "c"))))
    assert found[["label", "prediction"]].to_numpy().tolist() == [["a", "b"], ["b", "a"]]
    assert found["share"].tolist() == pytest.approx([0.75, 0.5])


def test_classes_count_alike_whatever_their_size():
    table = shares(told(*[("gong", "gong")] * 9, ("bell", "gong"), ("bell", "bell")))
    assert mean_right(table) == pytest.approx((1 + 0.5) / 2)
