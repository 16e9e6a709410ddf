import math
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from avbench.figures import style
from avbench.figures.charts import published_losses
from tests.support.figures import METHODS, SIZES, Layout, runs


def published_runs(epochs=100):
    falling = np.exp(-np.arange(epochs) / 50)
    return pd.DataFrame({"epoch": range(epochs)} | dict.fromkeys(METHODS[:7], 5.7 * falling))


ALL_BATCHES = {(method, subset): 24 for method in METHODS for subset in SIZES}


def test_losses_are_shares_of_the_loss_of_guessing():
    metrics = pd.DataFrame({"epoch": [0, 1], "loss": [math.log(24), math.log(24) / 2]})
    runs = [("hard-negative", "small", 0, metrics), ("my-own", "small", 0, metrics)]
    theirs = pd.DataFrame({"epoch": [0], "hard-negative": [math.log(123)], "random": [5.0]})
    batches = {("hard-negative", "small"): 24, ("my-own", "small"): 24}
    with style.shared():
        made = published_losses.draw(runs, {"small": 10}, batches, theirs, same_dataset=False)
    (axes,) = made.axes  # one panel: my-own was not published, and random was not run
    curves = {len(line.get_xdata()): line for line in axes.lines[1:]}
    np.testing.assert_allclose(curves[2].get_xydata(), [[25, 1], [75, 0.5]])
    assert curves[1].get_ydata()[0] == pytest.approx(1)
    assert "another dataset" in " ".join(text.get_text() for text in made.legends[0].get_texts())


class TestLayout(Layout):
    drawn: ClassVar = {
        "published losses": lambda: published_losses.draw(runs(), SIZES, ALL_BATCHES, published_runs(), True),
        "published losses of other data": lambda: published_losses.draw(
            [run for run in runs(1) if run[0] == "random"], SIZES, ALL_BATCHES, published_runs(), False
        ),
    }
