"""How panels are set out."""

import pytest

from avbench.figures import panels, style


@pytest.mark.parametrize(
    ("count", "most", "lines"),
    [(1, 3, (1, 1)), (3, 3, (1, 3)), (4, 3, (2, 2)), (5, 3, (2, 3)), (6, 4, (2, 3)), (7, 4, (2, 4)), (7, 3, (3, 3))],
)
def test_lines_are_even(count, most, lines):
    assert panels.shape(count, most) == lines


def test_what_is_left_of_the_last_line_is_empty_and_the_panels_above_name_their_ticks():
    with style.shared():
        made = style.figure(style.PAGE, 3)
        shown = panels.grid(made, 5, 3, sharex=True)
    assert made.axes == shown
    named = [axes.xaxis.get_tick_params()["labelbottom"] for axes in shown]
    assert named == [False, False, True, True, True]


def test_rows_stand_from_the_top_and_a_few_do_not_fill_their_panel():
    with style.shared():
        axes = style.figure(style.NARROW, 2).subplots()
        panels.rows(axes, ["first", "second"], least=5)
    low, high = axes.get_ylim()
    assert (low, high) == (4.6, -0.6)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["first", "second"]
