"""Published results beside measured ones: rows, texts, and what is said of other datasets."""

import re

import numpy as np
import pandas as pd
import pytest

from avbench.config.methods import PRESETS
from avbench.core.errors import UserError
from avbench.evaluation.scores import CELL
from avbench.results import published, published_text, tables
from tests.support.paths import CONFIG

TASKS = {
    "vggsound": {"dataset": "vggsound", "published_task": "vggsound"},
    "outdoors": {"dataset": "controlled-outdoors", "published_task": "tau-av-2021"},
    "extra": {"dataset": "other"},
}


@pytest.fixture(scope="module")
def paper():
    return published.read(CONFIG / "published.yaml")


def summary(*others):
    rows = [
        ("random", "vggsound", "linear", "audio", "s", "none", 3, 900, 0.15, 0.13, 0.18),
        ("random", "vggsound", "linear", "video", "s", "none", 3, 900, 0.9, 0.8, 0.95),
        ("random", "vggsound", "linear", "audio", "larger", "none", 3, 900, 0.9, 0.8, 0.95),
        ("random", "vggsound", "finetune", "audio", "s", "none", 3, 900, 0.3, 0.25, 0.35),
        ("ours & theirs", "vggsound", "linear", "audio", "s", "none", 3, 900, 0.4, 0.3, 0.5),
        ("random", "vggsound", "knn", "audio", "s", "none", 3, 900, 0.3, 0.25, 0.35),
        ("sp70", "outdoors", "linear", "audio", "s", "noisy-30", 1, 250, 0.5, np.nan, np.nan),
        ("random", "extra", "linear", "audio", "s", "none", 3, 900, 0.15, 0.13, 0.18),
        ("supervised", "outdoors", "supervised", "audio", "all", "true", 3, 250, 0.7, 0.6, 0.8),
        *others,
    ]
    return pd.DataFrame(rows, columns=tables.SUMMARY_COLUMNS)


def test_the_file_holds_the_seven_methods_and_the_supervised_baseline(paper):
    for task in paper.tasks:
        assert {m for m, t, p in paper.accuracy if (t, p) == (task, "linear")} == set(PRESETS)
        assert {m for m, t, p in paper.accuracy if (t, p) == (task, "finetune")} == set(PRESETS)
        assert [m for m, t, p in paper.accuracy if (t, p) == (task, "supervised")] == ["supervised"]
    assert len(paper.accuracy) == 45
    assert paper.accuracy["soft-positive", "fsdnoisy18k-clean", "finetune"] == pytest.approx(0.681)
    assert paper.accuracy["hard-negative", "vggsound", "linear"] == pytest.approx(0.069)


def test_the_losses_start_at_the_logarithm_of_the_batch():
    losses = published.read_losses(CONFIG / "published-losses.csv")
    assert list(losses.columns) == ["epoch", *[name for name in losses.columns if name in PRESETS]]
    assert set(losses.columns) == {"epoch", *PRESETS}
    assert losses["epoch"].tolist() == list(range(100))
    for method in PRESETS:
        assert losses[method].iloc[0] == pytest.approx(np.log(123 if method == "hard-negative" else 309), abs=0.02)
        assert losses[method].iloc[-1] < losses[method].iloc[0]


def test_every_published_figure_stands_beside_what_was_measured(paper):
    table = published.beside(summary(), paper, TASKS, "s")
    assert list(table.columns) == published.COLUMNS
    assert set(table["task"]) == {"vggsound", "outdoors"}
    rows = {(r["method"], r["task"], r["protocol"]): r for r in table.to_dict("records")}
    row = rows["random", "vggsound", "linear"]
    assert (row["published"], row["measured"], row["ci_low"], row["ci_high"]) == pytest.approx(
        (0.138, 0.15, 0.13, 0.18)
    )
    assert row["difference"] == pytest.approx(0.012)
    assert (row["same_dataset"], row["seeds"], row["clips"]) == (True, 3, 900)
    row = rows["soft-positive", "vggsound", "linear"]
    assert row["published"] == pytest.approx(0.205)
    assert np.isnan(row["measured"])
    assert np.isnan(row["difference"])
    # Seven methods under linear on two tasks and under finetune on one, and the baseline on one.
    assert len(table) == 7 + 7 + 7 + 1


def test_figures_of_another_dataset_have_no_difference_and_are_marked(paper):
    table = published.beside(summary(), paper, TASKS, "s")
    other = table[table["task"] == "outdoors"]
    assert not other["same_dataset"].any()
    assert other["difference"].isna().all()
    assert other.set_index(["method", "protocol"]).loc[("supervised", "supervised"), "measured"] == 0.7
    for text in (published_text.markdown(table, paper), published_text.latex(table, paper)):
        assert "outdoors (published: TAU AV 2021, another dataset)" in text
        assert "only the order of the methods can be compared" in text
    alone = published.beside(summary(), paper, {"vggsound": TASKS["vggsound"]}, "s")
    for text in (published_text.markdown(alone, paper), published_text.latex(alone, paper)):
        assert "another dataset" not in text


def test_the_published_linear_probe_stands_beside_both_of_ours(paper):
    added = ("random", "vggsound", "linear-sgd", "audio", "s", "none", 3, 900, 0.14, 0.1, 0.2)
    table = published.beside(summary(added), paper, TASKS, "s")
    row = table[(table["method"] == "random") & (table["task"] == "vggsound")].set_index("protocol")
    assert row.loc["linear", "published"] == row.loc["linear-sgd", "published"] == pytest.approx(0.138)
    assert row.loc["linear-sgd", "measured"] == 0.14
    assert "**linear-sgd (published: linear)**" in published_text.markdown(table, paper)


def test_markdown_has_a_row_a_method_with_published_and_measured(paper):
    lines = published_text.markdown(published.beside(summary(), paper, TASKS, "s"), paper).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    first = next(row for row in rows if row[0] == "random")
    assert first == ["random", "13.8", "15.0 [13.0, 18.0]", "59.6", "–"]
    assert ["sp70", "14.5", "–", "59.1", "50.0"] in rows
    assert ["supervised", "", "", "61.6", "70.0 [60.0, 80.0]"] in rows


def test_latex_says_what_markdown_says(paper):
    table = published.beside(summary(), paper, TASKS, "s")
    said, protocol = [], None
    for line in published_text.markdown(table, paper).splitlines()[4:]:
        method, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if method.startswith("**"):
            protocol = method.strip("*")
        else:
            said.append([protocol, method, *cells])
    text = published_text.latex(table, paper)
    rows, protocol = [], None
    for line in text[text.index(r"\midrule") : text.index(r"\bottomrule")].splitlines()[1:]:
        first, *cells = [cell.strip() for cell in line.removesuffix(r"\\").split("&")]
        protocol = first or protocol
        rows.append([protocol, *(cell.replace("--", "–") for cell in cells)])
    assert rows == said
    assert len(rows) == 7 + 7 + 1
    head = text[text.index(r"\toprule") : text.index(r"\midrule")].splitlines()[1:]
    assert r"\multicolumn{2}{c}{VGGSound} & \multicolumn{2}{c}{outdoors (published: TAU AV 2021" in head[0]
    assert re.findall(r"\w+", head[1]) == ["published", "measured"] * 2
    assert published_text.markdown(table, paper).splitlines()[0].replace("%", r"\%") in text


def test_tasks_of_one_counterpart_have_a_pair_of_columns_each(paper):
    again = summary()[summary()["task"] == "vggsound"].assign(task="again", mean=0.999)
    tasks = TASKS | {"again": TASKS["vggsound"]}
    table = published.beside(pd.concat([summary(), again]), paper, tasks, "s")
    for text in (published_text.markdown(table, paper), published_text.latex(table, paper)):
        (line,) = [line for line in text.splitlines() if "59.6" in line]
        assert re.findall(r"[\d.]{4}", line) == ["13.8", "15.0", "13.0", "18.0", "59.6", "13.8", "99.9", "13.0", "18.0"]


def test_bars_are_no_columns_in_markdown(paper):
    table = published.beside(
        summary().assign(task="a|b").drop_duplicates(CELL[:5]),
        paper,
        {"a|b": {"dataset": "x", "published_task": "vggsound"}},
        "s",
    )
    lines = [line for line in published_text.markdown(table, paper).splitlines() if line.startswith("|")]
    assert r"a\|b (published: VGGSound, another dataset): published" in lines[0]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}


def test_latex_is_balanced_and_escaped(paper):
    tasks = {"a_b & 5 %": {"dataset": "x", "published_task": "vggsound"}}
    table = published.beside(summary().assign(task="a_b & 5 %").drop_duplicates(CELL[:5]), paper, tasks, "s")
    text = published_text.latex(table, paper)
    assert r"a\_b \& 5 \% (published: VGGSound, another dataset)" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    for line in body.splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line:
            assert len(re.findall(r"(?<!\\)&", line)) == 3
    assert not re.search(r"(?<!\\)[%#_](?!.*needs)", body)


def test_a_method_of_several_labels_is_shown_with_its_own(paper):
    noisy = ("random", "vggsound", "linear", "audio", "s", "noisy-30", 3, 900, 0.1, 0.05, 0.15)
    found = published.beside(summary(noisy), paper, TASKS, "s", {"random": "none"})
    pd.testing.assert_frame_equal(found, published.beside(summary(), paper, TASKS, "s"))
    with pytest.raises(UserError, match="method 'random' has several labels, none and noisy-30"):
        published.beside(summary(noisy), paper, TASKS, "s")


def test_files_are_written(tmp_path, paper):
    table = published.beside(summary(), paper, TASKS, "s")
    published_text.write(tmp_path, table, paper)
    pd.testing.assert_frame_equal(tables.read(tmp_path / "paper.csv"), table, check_dtype=False, atol=1e-6)
    assert (tmp_path / "paper.md").read_text(encoding="utf-8") == published_text.markdown(table, paper)
    assert (tmp_path / "paper.tex").read_text(encoding="utf-8") == published_text.latex(table, paper)


def test_an_experiment_without_counterparts_says_so(tmp_path, paper):
    table = published.beside(summary(), paper, {"extra": {"dataset": "other"}}, "s")
    published_text.write(tmp_path, table, paper)
    assert pd.read_csv(tmp_path / "paper.csv").columns.tolist() == published.COLUMNS
    for name in ("paper.md", "paper.tex"):
        assert "No task of this experiment has a counterpart" in (tmp_path / name).read_text(encoding="utf-8")


def test_an_unknown_counterpart_is_refused(paper):
    with pytest.raises(UserError, match=r"tasks\.vggsound\.published_task: 'imagenet' is not among .*tau-av-2021"):
        published.beside(summary(), paper, {"vggsound": {"dataset": "x", "published_task": "imagenet"}}, "s")


@pytest.mark.parametrize("text", [None, "a: [", "[]", "source: x", "accuracy: {linear: {random: [1]}}"])
def test_a_file_that_is_no_list_of_results_is_refused(tmp_path, text):
    path = tmp_path / "published.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"published\.yaml"):
        published.read(path)
    with pytest.raises(UserError, match=r"published\.yaml"):
        published.read_losses(path)
