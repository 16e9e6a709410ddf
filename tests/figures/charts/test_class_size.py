"""Gains against the sizes of classes."""

import numpy as np
import pytest

from avbench.figures.charts import class_size
from avbench.results import by_class
from tests.support.class_outcomes import CLIPS, EVEN, RISING, outcomes


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
