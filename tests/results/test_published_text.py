"""Published results beside measured ones, as Markdown and LaTeX."""

import re

from avbench.evaluation.scores import CELL
from avbench.results import published, published_text
from tests.support.published_results import TASKS, summary


def test_markdown_has_a_row_a_method_with_published_and_measured(paper):
    lines = published_text.markdown(published.beside(summary(), paper, TASKS, "s"), paper).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    first = next(row for row in rows if row[0] == "random")
    assert first == ["random", "13.8", "15.0 [13.0, 18.0]", "59.6", "–"]
    assert ["sp70", "14.5", "–", "59.1", "50.0"] in rows
    assert ["supervised", "", "", "61.6", "70.0 [60.0, 80.0]"] in rows


def test_latex_is_balanced_and_escaped(paper):
    tasks = {"a_b & 5 %": {"dataset": "x", "published_task": "vggsound"}}
    table = published.beside(summary().assign(task="a_b & 5 %").drop_duplicates(CELL[:5]), paper, tasks, "s")
    text = published_text.latex(table, paper)
    assert r"a\_b \& 5 \% (published: VGGSound, another dataset)" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    for line in body.splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line:
            assert len(re.findall(r"(?<!\\)&", line)) == 2
    assert not re.search(r"(?<!\\)[%#_](?!.*needs)", body)


def test_an_experiment_without_counterparts_says_so(paper):
    table = published.beside(summary(), paper, {"extra": {"dataset": "other"}}, "s")
    assert table.columns.tolist() == published.COLUMNS
    for text in (published_text.markdown(table, paper), published_text.latex(table, paper)):
        assert "No task of this experiment has a counterpart" in text
