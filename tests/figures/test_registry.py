"""Every figure of the registry is whole: a chart, a caption, a place in the report; and planning draws nothing."""

import subprocess
import sys

import pytest

from avbench.figures.figure import CAPTIONS
from avbench.figures.registry import FIGURES


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_figure_has_a_chart_and_a_caption(figure):
    assert callable(figure.function())
    if figure.caption:
        assert len(figure.caption.read_text(encoding="utf-8").strip()) > 40
    assert (figure.caption is None) == ("rst" in figure.kinds)


def test_figures_with_a_caption_of_their_data():
    """Their charts write it: tests/figures/test_reading.py."""
    written = [figure.name for figure in FIGURES.values() if not figure.caption]
    assert written == [
        "tuning",
        "dynamics",
        "noise",
        "noise_by_imbalance",
        "class_size",
        "combinations",
        "sampling",
        "geometry",
    ]


def test_titles_are_told_apart_and_no_caption_is_left_over():
    assert len({figure.title for figure in FIGURES.values()}) == len(FIGURES)
    assert {path.stem for path in CAPTIONS.glob("*.rst")} <= set(FIGURES)


def test_planning_imports_no_library_that_draws_or_computes():
    code = "import sys, avbench.plan.report, avbench.plan.report_page; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"matplotlib", "pandas", "numpy", "scipy", "torch"} & set(loaded)
