"""Published results beside measured ones, as Markdown and LaTeX."""

import re

import pandas as pd

from avbench.evaluation.scores import CELL
from avbench.results import published, published_text
from tests.support.published_results import TASKS, summary


def test_markdown_has_a_row_a_method_with_published_and_measured(paper):
    lines = published_text.markdown(published.beside(summary(), paper, TASKS, "s", "default"), paper).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    first = next(row for row in rows if row[0] == "random")
    assert first == ["random", "13.8", "15.0 [13.0, 18.0]", "59.6", "–"]
    assert ["sp70", "14.5", "–", "59.1", "50.0"] in rows
    assert ["supervised", "", "", "61.6", "70.0 [60.0, 80.0]"] in rows


def test_latex_is_balanced_and_escaped(paper):
    tasks = {"a_b & 5 %": {"dataset": "x", "published_task": "vggsound"}}
    table = published.beside(summary().assign(task="a_b & 5 %").drop_duplicates(CELL[:5]), paper, tasks, "s", "default")
    text = published_text.latex(table, paper)
    assert r"a\_b \& 5 \% (published: VGGSound, another dataset)" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    for line in body.splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line:
            assert len(re.findall(r"(?<!\\)&", line)) == 3
    assert not re.search(r"(?<!\\)[%#_](?!.*needs)", body)


def test_an_experiment_without_counterparts_says_so(paper):
    table = published.beside(summary(), paper, {"extra": {"dataset": "other"}}, "s", "default")
    assert table.columns.tolist() == published.COLUMNS
    for text in (published_text.markdown(table, paper), published_text.latex(table, paper)):
        assert "No task of this experiment has a counterpart" in text


def test_tasks_beside_the_same_published_one_are_told_apart(paper):
    both = pd.concat([summary().query("task == 'vggsound'").assign(task=name) for name in ("all", "few")])
    tasks = dict.fromkeys(("all", "few"), TASKS["vggsound"])
    table = published.beside(both, paper, tasks, "s", "default")
    assert "VGGSound, all: published" in published_text.markdown(table, paper)
    head = r"\multicolumn{2}{c}{VGGSound, all} & \multicolumn{2}{c}{VGGSound, few}"
    assert head in published_text.latex(table, paper)


def test_latex_says_what_markdown_says(paper):
    table = published.beside(summary(), paper, TASKS, "s", "default")
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
    table = published.beside(pd.concat([summary(), again]), paper, tasks, "s", "default")
    for text in (published_text.markdown(table, paper), published_text.latex(table, paper)):
        (line,) = [line for line in text.splitlines() if "59.6" in line]
        assert re.findall(r"[\d.]{4}", line) == ["13.8", "15.0", "13.0", "18.0", "59.6", "13.8", "99.9", "13.0", "18.0"]


def test_bars_are_no_columns_in_markdown(paper):
    table = published.beside(
        summary().assign(task="a|b").drop_duplicates(CELL[:5]),
        paper,
        {"a|b": {"dataset": "x", "published_task": "vggsound"}},
        "s",
        "default",
    )
    lines = [line for line in published_text.markdown(table, paper).splitlines() if line.startswith("|")]
    assert r"a\|b (published: VGGSound, another dataset): published" in lines[0]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}
