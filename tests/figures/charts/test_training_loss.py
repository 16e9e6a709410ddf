from typing import ClassVar

from avbench.figures import style
from avbench.figures.charts import training_loss
from tests.support.figures import SIZES, Layout, runs


def test_the_smallest_subset_stands_first():
    backwards = dict(sorted(SIZES.items(), key=lambda item: -item[1]))
    with style.shared():
        lost = training_loss.draw(runs()[::-1], backwards, {})
    assert [axes.get_title() for axes in lost.axes[:2]] == ["10 clips per class", "1,230 clips per class"]


class TestLayout(Layout):
    drawn: ClassVar = {
        "loss of two balances": lambda: training_loss.draw(runs(), {"small": 10, "large": 10.3}, {}),
        "loss": lambda: training_loss.draw(runs(), SIZES, {("random", "small"): 24, ("hard-negative", "small"): 10}),
        "loss of one subset": lambda: training_loss.draw(runs(1), {"large": 123}, {("random", "large"): 309}),
    }
