from typing import ClassVar

import numpy as np

from avbench.figures import style
from avbench.figures.charts import pairs
from tests.support.figures import METHODS, RANDOM, Layout

LABELS = [
    'people "whispering", talking',
    "playing $accordion$",
    "donau-dampfschifffahrtskapitänsmütze " * 3,
    "a\nb",
]


def picture(clip_id, label, pairing_label=None):
    frames = RANDOM.integers(0, 255, (5, 12, 16, 3)).astype(np.uint8)
    return pairs.Picture(clip_id, frames, LABELS[label], LABELS[label if pairing_label is None else pairing_label])


def pairing(method, negatives=3):
    others = [picture(str(k), k % 4, 2) for k in range(negatives)]
    mel = RANDOM.uniform(-80, 0, (20, 16))
    return pairs.Pairing(method, "x", mel, LABELS[0], LABELS[2], picture("x", 0), others)


def test_methods_stand_in_the_order_of_all_figures():
    with style.shared():
        paired = pairs.draw([pairing(method) for method in ("sp70", "soft-positive", "random")])
    rows = [axes.get_ylabel() for axes in paired.axes if axes.get_ylabel()]
    assert rows == ["random", "soft positive", "soft positive,\nnoisy labels"]


class TestLayout(Layout):
    drawn: ClassVar = {
        "pairs": lambda: pairs.draw([pairing(method) for method in METHODS[:8]]),
        "pairs of one method": lambda: pairs.draw([pairing("random", 0)]),
    }
