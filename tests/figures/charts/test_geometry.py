from typing import ClassVar

import pandas as pd

from avbench.figures import style
from avbench.figures.charts import geometry
from tests.support.figures import METHODS, SIZES, Layout, followed

PANELS = ["alignment", "class_alignment", "uniformity_audio", "uniformity_video"]
PANELS += ["effective_rank_audio", "effective_rank_video"]


def measured(levels):
    """Two seeds per method, 0.2 apart."""
    rows = [
        {"method": method, "subset": "small", "seed": seed} | dict.fromkeys(PANELS, level + 0.2 * seed)
        for method, level in levels.items()
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows)


def test_the_caption_names_the_ends_and_says_whether_seeds_overlap():
    apart = geometry.caption(measured({"random": 1.0, "soft-positive": 0.5}), {"small": 10}, "tau")
    assert "own pairs are closest with soft positive (0.6); classes are closest with soft positive (0.6)" in apart
    assert "sounds use most dimensions with random (1.1)." in apart
    close = geometry.caption(measured({"random": 1.0, "soft-positive": 0.9}), {"small": 10}, "tau")
    assert "closest with soft positive (1), but seeds of others overlap" in close


def test_a_mark_is_the_mean_and_a_line_the_range_of_seeds():
    with style.shared():
        axes = geometry.draw(measured({"random": 1.0}), {"small": 10}).axes[0]
    mark, line = axes.lines
    assert mark.get_xdata() == [1.1]
    assert line.get_xdata().tolist() == [1.0, 1.2]


class TestLayout(Layout):
    drawn: ClassVar = {
        "geometry": lambda: geometry.draw(
            followed(METHODS, (1, 1)).assign(class_alignment=lambda table: 2 * table["alignment"]), SIZES
        ),
    }
