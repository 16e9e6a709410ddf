"""Every figure of the registry is whole: a chart, a caption, a place in the report; and planning draws nothing."""

import subprocess
import sys
from types import SimpleNamespace

import jinja2
import pytest

from avbench.figures.captions import LONGEST
from avbench.figures.figure import CAPTIONS
from avbench.figures.registry import FIGURES
from avbench.results.catalogue import TABLES


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_figure_has_a_chart_and_a_caption(figure):
    assert callable(figure.function())
    if figure.caption:
        assert len(figure.caption.read_text(encoding="utf-8").strip()) > 40
    assert (figure.caption is None) == ("rst" in figure.kinds)


def test_figures_with_a_caption_of_their_data():
    """Their charts write it: tests/figures/test_reading.py."""
    written = [figure.name for figure in FIGURES.values() if not figure.caption]
    robustness = [
        "noise",
        "mismatched_pairs",
        "noise_by_imbalance",
        "class_size",
        "combinations",
        "sampling",
        "geometry",
    ]
    assert written == ["budgets", "tuning", "dynamics", *robustness]


def test_a_caption_says_which_of_several_budgets_is_shown_unless_no_budget_matters():
    """The captions of figures that are drawn of one budget end alike; jobs end theirs with it too."""
    ended = {path.stem for path in CAPTIONS.glob("*.rst") if path.read_text(encoding="utf-8").endswith(LONGEST)}
    assert ended == {path.stem for path in CAPTIONS.glob("*.rst")} - {"coverage", "power", "samples", "timing"}
    assert (TABLES["paper"].caption).read_text(encoding="utf-8").endswith(LONGEST)
    shown = jinja2.Template(LONGEST)
    for budgets, said in (
        ({}, ""),
        ({"budgets": {"steps": [1, 2]}}, "Of several training budgets, the longest is shown."),
    ):
        assert shown.render(snakemake=SimpleNamespace(config={"pretraining": budgets})).strip() == said


def test_titles_are_told_apart_and_no_caption_is_left_over():
    assert len({figure.title for figure in FIGURES.values()}) == len(FIGURES)
    assert {path.stem for path in CAPTIONS.glob("*.rst")} <= set(FIGURES)


def test_planning_imports_no_library_that_draws_or_computes():
    code = "import sys, avbench.plan.report, avbench.plan.report_page; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"matplotlib", "pandas", "numpy", "scipy", "torch"} & set(loaded)
