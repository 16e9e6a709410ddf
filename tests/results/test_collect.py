"""Tables collected from the files of scores, runs and geometry."""

import itertools

import numpy as np
import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.evaluation.geometry import GEOMETRY_COLUMNS
from avbench.evaluation.scores import ACCURACY_COLUMNS
from avbench.results import collect, tables
from tests.support.score_files import METHODS, SUBSETS, TASKS, run_files


def test_accuracy_holds_all_scores_in_the_given_order(scores):
    files, expected = scores
    found = collect.accuracy(files, {"method": METHODS, "task": TASKS, "subset": SUBSETS})
    columns = "method, task, protocol, modality, subset, labels, budget, seed, accuracy, "
    columns += "mean_average_precision, n_train, n_test, coverage, strength, edge"
    assert list(found.columns) == columns.split(", ")
    place = {name: i for names in (METHODS, TASKS, SUBSETS) for i, name in enumerate(names)}
    key = [(place[r.method], place[r.task], r.modality, place[r.subset], r.seed) for r in found.itertuples()]
    assert key == sorted(key)
    assert len(found) == len(expected)
    columns = [c for c in ACCURACY_COLUMNS if c != "accuracy"]
    merged = found.merge(expected, on=columns, suffixes=("", "_expected"))
    assert len(merged) == len(expected)
    assert np.allclose(merged["accuracy"], merged["accuracy_expected"], atol=1e-12)


def test_the_order_of_the_files_does_not_matter(scores, tmp_path):
    files, _ = scores
    for name, order in (("a", files), ("b", files[::-1])):
        tables.write(tmp_path / f"{name}.csv", collect.accuracy(order, {"method": METHODS}))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_methods_that_the_order_leaves_out_come_last_by_name(scores):
    found = collect.accuracy(scores[0], {"method": ["soft-positive"]})
    assert list(dict.fromkeys(found["method"])) == ["soft-positive", "NA", "random", "untrained"]


def test_the_same_score_twice_is_refused(scores):
    files, _ = scores
    with pytest.raises(UserError, match=r"two scores for the same thing \(method NA, task afar"):
        collect.accuracy([*files, files[0]])


def test_no_file_and_a_file_without_a_column_are_refused(scores, tmp_path):
    with pytest.raises(UserError, match="no scores"):
        collect.accuracy([])
    pd.read_csv(scores[0][0]).drop(columns="coverage").to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(UserError, match=r"bad\.csv has no column 'coverage'"):
        collect.accuracy([tmp_path / "bad.csv"])
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"empty\.csv is not the table"):
        collect.accuracy([tmp_path / "empty.csv"])
    with pytest.raises(UserError, match=r"gone\.csv does not exist"):
        collect.accuracy([tmp_path / "gone.csv"])


def test_mean_average_precision_may_be_missing(scores, tmp_path):
    table = pd.read_csv(scores[0][0])
    table["mean_average_precision"] = [None, 0.25, *[None] * (len(table) - 2)]
    table.to_csv(tmp_path / "scores.csv", index=False)
    found = collect.accuracy([tmp_path / "scores.csv"])
    assert found["mean_average_precision"].dtype == float
    assert found["mean_average_precision"].dropna().tolist() == [0.25]


def test_all_rows_of_the_geometry_files_are_collected(tmp_path):
    values = dict.fromkeys(GEOMETRY_COLUMNS[6:], 0.5) | {"effective_rank_video": None}
    identity = {"method": "NA", "subset": "small", "labels": "none", "budget": "default", "task": "home"}
    rows = [identity | {"seed": seed} | values for seed in (0, 1)]
    pd.DataFrame(rows).to_csv(tmp_path / "some.csv", index=False)
    pd.DataFrame(columns=GEOMETRY_COLUMNS).to_csv(tmp_path / "none.csv", index=False)
    found = collect.geometry([tmp_path / "none.csv", tmp_path / "some.csv"])
    assert found[["method", "seed", "alignment"]].to_numpy().tolist() == [["NA", 0, 0.5], ["NA", 1, 0.5]]
    assert found["effective_rank_video"].isna().all()
    assert list(collect.geometry([]).columns) == GEOMETRY_COLUMNS
    pd.DataFrame(rows).drop(columns="task").to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(UserError, match=r"bad\.csv has no column 'task'"):
        collect.geometry([tmp_path / "bad.csv"])


def test_runs_are_collected_without_what_differs_between_machines(tmp_path):
    files = run_files(tmp_path)
    orders = {"method": ["sp70", "random"], "subset": SUBSETS}
    found = collect.runs(files[::-1], orders)
    pd.testing.assert_frame_equal(found, collect.runs(files, orders))
    columns = "dataset, subset, labels, method, budget, seed, steps, epochs, final_loss, final_batch_accuracy"
    assert list(found.columns) == columns.split(", ")
    keys = list(zip(found["subset"], found["method"], found["seed"], strict=True))
    assert keys == list(itertools.product(["small", "large"], ["sp70", "random"], [0, 1]))


def test_a_run_without_a_key_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"dataset": "x"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"run\.json has no key 'subset'"):
        collect.runs([tmp_path / "run.json"])
    with pytest.raises(UserError, match="no runs"):
        collect.runs([])
