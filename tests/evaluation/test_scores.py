import csv

import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.evaluation import scores


@pytest.fixture
def table():
    rows = [
        ("b", "linear", "audio", "-a", "dog, barking", "dog, barking", 1.0),
        ("b", "linear", "audio", "-b", "cat", "dog, barking", 0.0),
        ("b", "linear", "audio", "\r\n", "cat", "cat", 1.0),
        ("a", "retrieval-5", "audio-to-video", "-a", "dog, barking", "-b", 1 / 3),
    ]
    return pd.DataFrame(rows, columns=scores.COLUMNS)


def test_what_is_written_is_read(tmp_path, table):
    scores.write(tmp_path / "deep" / "p.parquet", table)
    found = scores.read(tmp_path / "deep" / "p.parquet")
    assert list(found) == scores.COLUMNS
    assert found.to_dict("list") == table.to_dict("list")
    assert found["correct"].dtype == "float64"


def test_the_same_rows_give_the_same_bytes(tmp_path, table):
    for name in ("a", "b"):
        scores.write(tmp_path / name, table[list(reversed(scores.COLUMNS))])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_scores_are_the_means_of_the_predictions_beside_them(tmp_path, table):
    precision = {("b", "linear", "audio"): 0.75, ("a", "retrieval-5", "audio-to-video"): None}
    identity = {"method": "random", "subset": "small", "labels": "none", "budget": "default", "seed": 3}
    fitted = {("b", "linear", "audio"): {"strength": 1e-4, "edge": "lowest"}}
    covered = {"a": 1.0, "b": 0.5}
    scores.write_scores(tmp_path / "scores.csv", table, identity, {"a": 7, "b": 9}, covered, precision, fitted)
    with (tmp_path / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["task"], row["protocol"], row["modality"]) for row in rows] == [
        ("b", "linear", "audio"),
        ("a", "retrieval-5", "audio-to-video"),
    ]
    assert [float(row["accuracy"]) for row in rows] == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    assert [row["mean_average_precision"] for row in rows] == ["0.750000", ""]
    assert [(row["strength"], row["edge"]) for row in rows] == [("0.000100", "lowest"), ("", "")]
    assert [(row["n_train"], row["n_test"], row["coverage"]) for row in rows] == [
        ("9", "3", "0.500000"),
        ("7", "1", "1.000000"),
    ]
    assert {(row["method"], row["subset"], row["labels"], row["seed"]) for row in rows} == {
        ("random", "small", "none", "3")
    }
    assert scores.read(tmp_path / "predictions.parquet").to_dict("list") == table.to_dict("list")


def test_a_missing_damaged_or_foreign_file_is_named(tmp_path, table):
    with pytest.raises(UserError, match="gone.parquet does not exist"):
        scores.read(tmp_path / "gone.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(UserError, match="bad.parquet holds no predictions"):
        scores.read(tmp_path / "bad.parquet")
    table.drop(columns="correct").to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UserError, match="other.parquet holds no predictions"):
        scores.read(tmp_path / "other.parquet")
