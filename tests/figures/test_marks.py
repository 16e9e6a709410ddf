"""Marks that several figures share."""

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from avbench.figures import marks, style


@pytest.fixture
def axes():
    with style.shared():
        yield style.figure(style.NARROW, 2).subplots()


def test_intervals_are_drawn_as_they_are_given(axes):
    table = pd.DataFrame({"mean": [0.1, 0.2], "ci_low": [0.15, math.nan], "ci_high": [0.3, math.nan]})
    marks.dots(axes, [3, 4], marks.percent(table), style.BLUE, filled=np.array([True, False]))
    (intervals,) = axes.collections
    assert intervals.get_segments()[0].tolist() == [[15, 3], [30, 3]]  # the mean may lie outside
    sure, unsure = axes.lines
    assert sure.get_xydata().tolist() == [[10, 3]]
    assert unsure.get_xydata().tolist() == [[20, 4]]
    assert (sure.get_markerfacecolor(), unsure.get_markerfacecolor()) == (style.BLUE, "white")


def test_bars_of_the_same_name_are_not_added_up(axes):
    marks.bars(axes, [4, 1, 2], ["a", "b", "b"], ["x", "y", "z"], [style.BLUE, style.ORANGE, style.BLUE], 1.5)
    assert [bar.get_width() for bar in axes.patches] == [4, 1, 2]
    assert [to_hex(bar.get_facecolor()).upper() for bar in axes.patches] == [style.BLUE, style.ORANGE, style.BLUE]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b", "b"]
    assert [(text.get_text(), text.xy) for text in axes.texts] == [("x", (4, 0)), ("y", (1, 1)), ("z", (2, 2))]
    assert axes.get_xlim() == (0, 6)


def test_parts_of_a_bar_stand_behind_one_another(axes):
    looks = {"own": ("own", style.BLUE, ""), "other": ("other", style.ORANGE, "//")}
    marks.stacked(axes, pd.DataFrame({"other": [70.0, 0.0], "own": [30.0, 100.0]}), looks)
    own, other = axes.containers
    assert [(bar.get_x(), bar.get_width()) for bar in own] == [(0, 30), (0, 100)]
    assert [(bar.get_x(), bar.get_width()) for bar in other] == [(30, 70), (100, 0)]


def test_a_range_goes_from_the_lowest_to_the_highest_seed(axes):
    marks.ranges(axes, [1, 2, 1, 2], pd.Series([1.0, 4.0, 3.0, 8.0]), style.METHODS["random"])
    (line,), (band,) = axes.lines, axes.collections
    assert line.get_xydata().tolist() == [[1, 2], [2, 6]]
    assert line.get_marker() == ""
    assert {tuple(corner) for corner in band.get_paths()[0].vertices} == {(1, 1), (1, 3), (2, 4), (2, 8)}


def test_a_single_epoch_is_a_point(axes):
    marks.ranges(axes, [1], pd.Series([1.0]), style.METHODS["random"], band=False)
    assert axes.lines[0].get_marker() == "o"
    assert not axes.collections
