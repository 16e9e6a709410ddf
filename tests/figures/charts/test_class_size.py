from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from avbench.figures.charts import class_size
from avbench.results import by_class
from tests.support.figures import METHODS, RANDOM, Layout, names


def size_outcomes(classes=24):
    labels = np.repeat(names(classes), 8)
    clips = {name: max(1, round(60 * 0.8**k)) for k, name in enumerate(names(classes))}
    ours, theirs = (
        pd.DataFrame({"seed": 0, "clip_id": range(len(labels)), "label": labels, "correct": right})
        for right in RANDOM.integers(0, 2, (2, len(labels)))
    )
    return by_class.by_size(ours, theirs, clips)


SHARES = {"rising": np.linspace(0.3, 0.9, 30), "falling": np.linspace(0.9, 0.3, 30), "even": np.full(30, 0.4)}


def outcomes(share, random):
    """Predictions of three seeds, right on such a share of the twenty clips of each class."""
    clips = [(seed, f"clip {k}", f"class {k // 20:02}") for seed in range(3) for k in range(600)]
    table = pd.DataFrame(clips, columns=["seed", "clip_id", "label"])
    return table.assign(correct=(random.random(1800) < np.tile(np.repeat(share, 20), 3)).astype(float))


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ("rising", "smaller classes gain more"),
        ("falling", "larger classes gain more"),
        ("even", "undecided whether"),
    ],
)
def test_the_caption_says_whether_gains_depend_on_size(share, said):
    random = np.random.default_rng(7)
    clips = {f"class {k:02}": round(100 * 0.9**k) for k in range(30)}
    found = by_class.by_size(outcomes(SHARES[share], random), outcomes(SHARES["even"], random), clips)
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
