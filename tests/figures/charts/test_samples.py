from typing import ClassVar

import numpy as np

from avbench.figures.charts import samples
from tests.support.figures import RANDOM, Layout

LABELS = [
    'people "whispering", talking',
    "playing $accordion$",
    "donau-dampfschifffahrtskapitänsmütze " * 3,
    "a\nb",
]


def sample(label):
    frames = RANDOM.integers(0, 255, (4, 12, 16, 3)).astype(np.uint8)
    return samples.Sample("x", LABELS[label], frames, RANDOM.uniform(-80, 0, (50, 16)), 10.0)


class TestLayout(Layout):
    drawn: ClassVar = {
        "samples": lambda: samples.draw([sample(k % 4) for k in range(7)]),
        "one sample": lambda: samples.draw([sample(2)]),
        "samples of many classes": lambda: samples.draw([sample(k % 4) for k in range(9)], left_out=15),
        "one sample of many classes": lambda: samples.draw([sample(2)], left_out=308),
    }


def test_classes_that_are_left_out_are_counted():
    made = samples.draw([sample(k) for k in range(4)], left_out=305)
    assert made.get_suptitle() == "4 of 309 classes are shown, the first of the subset"
    assert samples.draw([sample(k) for k in range(4)]).get_suptitle() == ""
