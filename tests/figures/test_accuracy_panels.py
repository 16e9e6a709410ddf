import pandas as pd
import pytest

from avbench.figures import style
from avbench.figures.charts import accuracy_by_balance
from avbench.figures.charts.accuracy_by_balance import Subset


def test_guesses_are_lines_of_their_panel_and_stand_in_the_legend():
    rows = [("random", task, "linear", "audio", "one", 0.5, 0.4, 0.6) for task in ("even", "uneven")]
    table = pd.DataFrame(
        rows, columns=["method", "task", "protocol", "modality", "subset", "mean", "ci_low", "ci_high"]
    )
    guesses = {
        ("even", "linear"): {"chance": 0.1},
        ("uneven", "linear"): {"chance": 0.1, "always the largest class": 0.3},
    }
    with style.shared():
        made = accuracy_by_balance.draw(table, {"one": Subset("balanced", 1000, 1.0)}, guesses)
    across = [[line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1]] for axes in made.axes]
    assert across == [[pytest.approx(10)], [pytest.approx(10), pytest.approx(30)]]
    words = [text.get_text() for text in made.legends[0].get_texts()]
    assert words == ["random", "chance", "always the largest class"]


def test_lines_join_subsets_that_differ_in_balance_alone():
    subsets = {
        "tail": Subset("long-tailed", 1000, 50.0),
        "flat": Subset("balanced", 1000, 1.0),
        "all": Subset("natural", 9000, 7.5),
    }
    rows = [("random", "tau", "linear", "audio", name, 0.1 * k) for k, name in enumerate(subsets, 1)]
    table = pd.DataFrame(rows, columns=["method", "task", "protocol", "modality", "subset", "mean"])
    with style.shared():
        (axes,) = accuracy_by_balance.draw(table.assign(ci_low=float("nan"), ci_high=float("nan")), subsets).axes
    lines = [line.get_ydata().round(6).tolist() for line in axes.lines if line.get_marker() == "o"]
    assert lines == [[20, 10], [30]]
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert ticks == ["balanced\n1,000 clips", "long-tailed\n50 : 1\n1,000 clips", "natural\n7.5 : 1\n9,000 clips"]
