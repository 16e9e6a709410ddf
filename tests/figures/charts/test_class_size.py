"""Gains against the sizes of classes."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from avbench.figures.charts import class_size
from avbench.results import by_class
from tests.support.class_outcomes import CLIPS, EVEN, RISING, outcomes
from tests.support.figures import METHODS, RANDOM, Layout, names


def size_outcomes(classes=24):
    labels = np.repeat(names(classes), 8)
    clips = {name: max(1, round(60 * 0.8**k)) for k, name in enumerate(names(classes))}
    ours, theirs = (
        pd.DataFrame({"seed": 0, "clip_id": range(len(labels)), "label": labels, "correct": right})
        for right in RANDOM.integers(0, 2, (2, len(labels)))
    )
    return by_class.by_size(ours, theirs, clips)


@pytest.mark.parametrize(
    ("share", "said"),
    [(RISING, "smaller classes gain more"), (RISING[::-1], "larger classes gain more"), (EVEN, "undecided whether")],
)
def test_the_caption_says_whether_gains_depend_on_size(share, said):
    random = np.random.default_rng(7)
    found = by_class.by_size(outcomes(share, random=random), outcomes(EVEN, random=random), CLIPS)
    key = ("soft-positive", "tail")
    text = class_size.caption({key: found}, {"tail": 50.0}, "random", "tau", "audio")
    assert f"Soft positive, 50 : 1: {said}" in text
    assert "the largest third " in text


class TestLayout(Layout):
    drawn: ClassVar = {
        "class size": lambda: class_size.draw(
            {(method, subset): size_outcomes() for method in METHODS[3:8:4] for subset in ("tail_10", "tail-100")},
            {"tail_10": 10.0, "tail-100": 100.0},
            "random",
        ),
        "class size of one method": lambda: class_size.draw(
            {("soft-positive", "tail_10"): size_outcomes(309)}, {"tail_10": 10.0}, "random"
        ),
    }
