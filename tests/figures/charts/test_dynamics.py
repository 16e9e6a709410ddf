from typing import ClassVar

import pandas as pd
import pytest

from avbench.figures import style
from avbench.figures.charts import dynamics
from tests.support.figures import METHODS, SIZES, Layout, followed

EPOCHS = (0, 1, 2, 4, 8, 10)
MEASURES = ["knn_audio", "knn_video", "effective_rank_audio", "effective_rank_video"]
MEASURES += ["uniformity_audio", "uniformity_video"]


def rising(levels, seeds=(0, 1)):
    """A method's nearest neighbours rise to its level; seeds differ by two points."""
    rows = [
        {"method": method, "subset": "small", "seed": seed, "epoch": epoch, "alignment": 2 - epoch / 10}
        | dict.fromkeys(MEASURES, level * epoch / 10 + seed / 50)
        for method, level in levels.items()
        for seed in seeds
        for epoch in EPOCHS
    ]
    return pd.DataFrame(rows)


LEVELS = {"random": 0.4, "soft-positive": 0.6, "easy-negative": 0.41, "hard-negative": 0.1}


def test_the_caption_says_who_ends_apart_from_random():
    text = dynamics.caption(rising(LEVELS), {"small": 10})
    assert "nearest neighbours by sound, in %: random 41.0 (40.0 to 42.0)" in text
    assert "highest soft positive 61.0 (60.0 to 62.0); lowest hard negative 11.0 (10.0 to 12.0)" in text
    assert "of 3 methods 1 apart above random, 1 apart below, 1 not apart" in text
    assert "that is no test" in text


def test_a_single_seed_lies_apart_from_nothing():
    text = dynamics.caption(rising(LEVELS, seeds=[0]), {"small": 10})
    assert "mean over 1 seed. " in text
    assert "apart" not in text


def test_epochs_stand_on_a_logarithmic_axis_with_zero():
    with style.shared():
        axes = dynamics.draw(rising(LEVELS), {"small": 10}).axes[4]  # the lower line
    line = axes.lines[0]
    assert line.get_xdata().tolist() == pytest.approx([-1, 0, 1, 2, 3, 3.321928])
    assert line.get_ydata().tolist() == pytest.approx([1 + 4 * epoch for epoch in EPOCHS])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "1", "2", "4", "10"]
    assert len(axes.collections) == len(LEVELS)


def test_ranges_of_many_methods_would_hide_one_another():
    many = {f"method-{k}": 0.5 for k in range(dynamics.BANDS)} | {"random": 0.4}
    with style.shared():
        made = dynamics.draw(rising(many), {"small": 10})
    assert not made.axes[0].collections
    assert "the range from" not in dynamics.caption(rising(many), {"small": 10})


class TestLayout(Layout):
    drawn: ClassVar = {
        "dynamics": lambda: dynamics.draw(followed(METHODS[4:8]), SIZES),
        "dynamics of one subset": lambda: dynamics.draw(
            followed(METHODS[:2], (100, 16)).query("subset == 'small'"), {"small": 10}
        ),
    }
