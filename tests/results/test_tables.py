"""Tables collected from scores and runs, and the text at the end of an experiment."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.evaluation.geometry import GEOMETRY_COLUMNS
from avbench.evaluation.scores import ACCURACY_COLUMNS, CELL
from avbench.results import claims, collect, console, tables

METHODS = ["untrained", "random", "soft-positive", "NA"]
TASKS = ["home", "afar"]
SUBSETS = ["small", "large"]


@pytest.fixture
def scores(tmp_path):
    """Score files, one a method and task, and what they hold."""
    rng = np.random.default_rng(0)
    rows = [
        (
            method,
            task,
            "linear",
            modality,
            subset,
            "none",
            seed,
            float(rng.random()),
            float(rng.random()),
            240,
            60,
            0.98,
        )
        for method, task, modality, subset, seed in itertools.product(
            METHODS, TASKS, ["audio", "video"], SUBSETS, range(3)
        )
    ]
    table = pd.DataFrame(rows, columns=ACCURACY_COLUMNS)
    files = []
    for number, (_, part) in enumerate(table.groupby(["method", "task"])):
        files.append(tmp_path / f"scores-{number}.csv")
        part.sample(frac=1, random_state=number).to_csv(files[-1], index=False)
    return files, table


def test_accuracy_holds_all_scores_in_the_given_order(scores):
    files, expected = scores
    found = collect.accuracy(files, METHODS, TASKS, SUBSETS)
    columns = "method, task, protocol, modality, subset, labels, seed, accuracy, "
    columns += "mean_average_precision, n_train, n_test, coverage"
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
        tables.write(tmp_path / f"{name}.csv", collect.accuracy(order, METHODS))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_methods_that_the_order_leaves_out_come_last_by_name(scores):
    found = collect.accuracy(scores[0], ["soft-positive"])
    assert list(dict.fromkeys(found["method"])) == ["soft-positive", "NA", "random", "untrained"]


def test_a_methods_own_labels_come_first_and_the_others_as_listed(scores, tmp_path):
    files, table = scores
    noisy = [table[table["method"] == "random"].assign(labels=labels) for labels in ("flip-10", "flip-5", "true")]
    pd.concat(noisy).to_csv(tmp_path / "noisy.csv", index=False)
    order = ["none", "true", "flip-5", "flip-10"]
    found = collect.accuracy([*files, tmp_path / "noisy.csv"], METHODS, TASKS, SUBSETS, order, {"random": "true"})
    of_random = found[found["method"] == "random"]
    for _, cell in of_random.groupby(CELL[1:5]):
        assert list(dict.fromkeys(cell["labels"])) == ["true", "none", "flip-5", "flip-10"]
    assert tables.first_labels(found) == dict.fromkeys(METHODS, "none") | {"random": "true"}
    own = tables.own(found, {"random": "true"})
    assert set(own.loc[own["method"] == "random", "labels"]) == {"true"}
    assert len(own) == len(found) - 3 * len(noisy[0])
    assert tables.own(found, None).equals(found)


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
    values = dict.fromkeys(GEOMETRY_COLUMNS[5:], 0.5) | {"effective_rank_video": None}
    rows = [{"method": "NA", "subset": "small", "labels": "none", "seed": s, "task": "home"} | values for s in (0, 1)]
    pd.DataFrame(rows).to_csv(tmp_path / "some.csv", index=False)
    pd.DataFrame(columns=GEOMETRY_COLUMNS).to_csv(tmp_path / "none.csv", index=False)
    found = collect.geometry([tmp_path / "none.csv", tmp_path / "some.csv"])
    assert found[["method", "seed", "alignment"]].to_numpy().tolist() == [["NA", 0, 0.5], ["NA", 1, 0.5]]
    assert found["effective_rank_video"].isna().all()
    assert list(collect.geometry([]).columns) == GEOMETRY_COLUMNS
    pd.DataFrame(rows).drop(columns="task").to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(UserError, match=r"bad\.csv has no column 'task'"):
        collect.geometry([tmp_path / "bad.csv"])


def run_files(folder):
    files = []
    for number, (method, subset, seed) in enumerate(itertools.product(["random", "sp70"], SUBSETS, [0, 1])):
        values = {
            "dataset": "controlled", "subset": subset, "labels": "none", "method": method, "seed": seed,
            "steps": 700, "epochs": 70, "final_loss": number / 7, "final_batch_accuracy": 0.5,
            "still_improving": number == 6, "seconds": 12.5,
        }  # fmt: skip
        files.append(folder / f"run-{number}.json")
        files[-1].write_text(json.dumps(values), encoding="utf-8")
    return files


def test_runs_are_collected_without_what_differs_between_machines(tmp_path):
    files = run_files(tmp_path)
    found = collect.runs(files[::-1], ["sp70", "random"], SUBSETS)
    pd.testing.assert_frame_equal(found, collect.runs(files, ["sp70", "random"], SUBSETS))
    columns = "dataset, subset, labels, method, seed, steps, epochs, final_loss, final_batch_accuracy"
    assert list(found.columns) == [*columns.split(", "), "still_improving"]
    keys = list(zip(found["subset"], found["method"], found["seed"], strict=True))
    assert keys == list(itertools.product(["small", "large"], ["sp70", "random"], [0, 1]))
    assert found[found["still_improving"]]["final_loss"].tolist() == [6 / 7]


def test_a_run_without_a_key_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"dataset": "x"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"run\.json has no key 'subset'"):
        collect.runs([tmp_path / "run.json"])
    with pytest.raises(UserError, match="no runs"):
        collect.runs([])


def outcome():
    rows = [
        ("random", "home", "linear", "audio", "small", "none", 3, 50, 0.3194, 0.3, 0.34),
        ("random", "home", "linear", "audio", "large", "none", 3, 50, 0.78, 0.76, 0.80),
        ("soft-positive", "home", "linear", "audio", "small", "true", 3, 50, 0.431, 0.4155, 0.4465),
        ("soft-positive", "home", "linear", "audio", "large", "true", 1, 50, 0.81, np.nan, np.nan),
        ("supervised", "home", "linear", "audio", "small", "true", 3, 50, 0.47, 0.46, 0.48),
        ("random", "home", "knn", "audio", "small", "none", 3, 50, 0.47, 0.46, 0.48),
    ]
    summary = pd.DataFrame(rows, columns=tables.SUMMARY_COLUMNS)
    verdicts = pd.DataFrame(
        [
            ("a", "Soft positives beat random pairing.", "holds", 0.112, 0.08, 0.143, 0.001, 0.00204, 3, 50),
            ("b", "A long sentence, " * 8 + "in the end.", "undecided", -0.01, np.nan, np.nan, np.nan, np.nan, 1, 50),
            ("c", "NA", "not tested", *[np.nan] * 5, 0, 0),
            ("d", "Something certain.", "does not hold", -0.2, -0.251, -0.149, 0, 0.0002, 3, 50),
        ],
        columns=list(claims.COLUMNS),
    )
    return summary, verdicts


def test_the_text_at_the_end(tmp_path, capsys):
    summary, verdicts = outcome()
    tables.write(tmp_path / "summary.csv", summary)
    tables.write(tmp_path / "claims.csv", verdicts)
    tables.write(tmp_path / "runs.csv", collect.runs(run_files(tmp_path)))
    console.print_summary(tmp_path, "results/demo/report.html")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Accuracy in % (linear, audio): mean ± half the 95 % interval over seeds and test clips",
        "",
        "                     home        home",
        "                    small       large",
        "random         31.9 ± 2.0  78.0 ± 2.0",
        "soft-positive  43.1 ± 1.6        81.0",
        "supervised     47.0 ± 1.0",
        "",
        "Also scored (knn): tables/summary.csv.",
        "",
        "1 of 8 pretraining runs were still improving when they ended (tables/runs.csv names them): their",
        "scores may rise with longer training.",
        "",
        "Claims: verdict, effect in percentage points, its 95 % interval, and p adjusted for their number",
        "holds          +11.2 [8.0, 14.3]    p=.002  Soft positives beat random pairing.",
        "undecided      -1.0                         A long sentence, A long sentence, A long sentence, A",
        "                                            long sentence, A long sentence, A long sentence, A long",
        "                                            sentence, A long sentence, in the end.",
        "does not hold  -20.0 [-25.1, -14.9] p<.001  Something certain.",
        "not tested, for want of a method, subset, task or protocol: c",
        "",
        "Report: results/demo/report.html",
    ]


def test_the_text_at_the_end_keeps_to_a_methods_first_labels():
    summary, verdicts = outcome()
    noisy = summary[summary["method"] == "soft-positive"].assign(labels="flip-30", mean=0.1)
    text = console.format_summary(
        pd.concat([summary, noisy]), verdicts, "report.html", own_labels={"soft-positive": "true"}
    )
    note = "Methods are shown with their first labels. With others (flip-30): tables/summary.csv.\n\n"
    assert text.replace(note, "") == console.format_summary(summary, verdicts, "report.html")


def test_a_wide_table_is_cut_into_grids_that_fit():
    rows = [
        (method, f"a task {i}", "linear", "audio", subset, "none", 3, 50, 0.5 + i / 100, 0.4, 0.6)
        for method in ("random", "soft-positive")
        for i in range(9)
        for subset in SUBSETS
    ]
    summary = pd.DataFrame(rows, columns=tables.SUMMARY_COLUMNS)
    text = console.format_summary(summary, outcome()[1], "report.html")
    assert max(map(len, text.splitlines())) <= 100
    for i in range(9):
        assert text.count(f"{50 + i}.0 ± 10.0") == 4
    assert text.count("soft-positive ") > 2


def test_trained_and_linear_protocols_have_a_block_each_and_others_too_if_alone():
    rows = [
        ("random", "home", protocol, modality, "small", "none", 3, 50, 0.5, 0.4, 0.6)
        for protocol in ("knn", "linear", "finetune")
        for modality in ("audio", "video")
    ]
    summary = pd.DataFrame(rows, columns=tables.SUMMARY_COLUMNS)
    text = console.format_summary(summary, outcome()[1], "report.html")
    for title in ("(linear, audio)", "(linear, video)", "(finetune, audio)", "(finetune, video)"):
        assert title in text
    assert "(knn" not in text.replace("Also scored (knn)", "")
    alone = console.format_summary(summary[summary["protocol"] == "knn"], outcome()[1], "report.html")
    assert "(knn, audio)" in alone
    assert "Also scored" not in alone


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"summary\.csv does not exist"):
        console.print_summary(tmp_path, "report.html")


def test_the_supervised_baseline_stands_beside_the_probes_of_its_task():
    columns = tables.SUMMARY_COLUMNS
    rows = [
        ("random", "t", "linear", "audio", "small", "none", 3, 50, 0.3, 0.2, 0.4),
        ("random", "t", "linear", "video", "small", "none", 3, 50, 0.5, 0.4, 0.6),
        ("supervised", "t", "supervised", "audio", "small", "true", 3, 50, 0.6, 0.5, 0.7),
        ("supervised", "other", "supervised", "audio", "all", "true", 3, 50, 0.7, 0.6, 0.8),
    ]
    noisy = ("random", "t", "linear", "audio", "small", "flip-30", 3, 50, 0.1, 0.0, 0.2)
    placed = tables.beside_probes(pd.DataFrame([*rows, noisy], columns=columns), {"random": "none"})
    assert "flip-30" not in set(placed["labels"])
    found = set(zip(placed["method"], placed["task"], placed["protocol"], placed["modality"], strict=True))
    assert found == {
        ("random", "t", "linear", "audio"),
        ("random", "t", "linear", "video"),
        ("supervised", "t", "linear", "audio"),
        ("supervised", "other", "supervised", "audio"),
    }
