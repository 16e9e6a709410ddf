import numpy as np
import pandas as pd

from avbench.figures import style
from avbench.figures.charts import accuracy_by_size


def summary(methods):
    rows = [
        (f"method {number}", "birds", protocol, "audio", subset, 0.02 * number, 0.02 * number - 0.01, np.nan)
        for protocol in ("knn", "retrieval-5")
        for number in range(methods)
        for subset in ("small", "large")
    ]
    rows.append(("supervised", "birds", "knn", "audio", "all", 0.77, 0.7, 0.8))
    return pd.DataFrame(rows, columns=["method", "task", "protocol", "modality", "subset", "mean", "ci_low", "ci_high"])


def test_many_methods_have_a_row_each_and_a_mark_for_each_size():
    guesses = {
        ("birds", "knn"): {"chance": 0.25, "always the largest class": 0.4},
        ("birds", "retrieval-5"): {"chance": 0.1},
    }
    with style.shared():
        made = accuracy_by_size.draw(summary(20), {"large": 30, "small": 10}, guesses, {"birds": "in-domain"})
    neighbours, retrieval = made.axes
    assert [text.get_text() for text in neighbours.get_yticklabels()] == [f"method {number}" for number in range(20)]
    for marker, side in (("o", -1), ("s", 1)):  # small, then large
        (marks,) = [line for line in neighbours.lines if line.get_marker() == marker and len(line.get_xdata())]
        np.testing.assert_allclose(marks.get_xdata(), 2 * np.arange(20))
        assert (np.sign(marks.get_ydata() - np.arange(20)) == side).all()
    across = [set(line.get_xdata()) for line in neighbours.lines if set(line.get_ydata()) == {0, 1}]
    assert {25.0} in across  # chance
    assert {40.0} in across  # always the largest class
    assert {77.0} in across  # what depends on no subset
    assert neighbours.get_xlim()[0] == retrieval.get_xlim()[0] == 0
    assert neighbours.get_xlim()[1] > 77 > retrieval.get_xlim()[1]
    (legend,) = made.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["10 clips per class", "30 clips per class", "supervised", "chance", "always the largest class"]


def test_a_few_methods_are_lines():
    with style.shared():
        made = accuracy_by_size.draw(summary(5), {"large": 30, "small": 10})
    assert made.axes[0].get_xlabel() == "Pretraining clips per class"
