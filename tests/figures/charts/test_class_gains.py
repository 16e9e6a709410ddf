from typing import ClassVar

import numpy as np
import pandas as pd

from avbench.figures.charts import class_gains
from avbench.results import by_class
from tests.support.figures import METHODS, RANDOM, SIZES, Layout, names


def class_table(number):
    """What class_gains.gains returns, of random outcomes."""
    labels = np.repeat(names(number), 12)
    clips = [f"clip {k}" for k in range(len(labels))]
    parts = [
        pd.DataFrame({"seed": seed, "clip_id": clips, "label": labels, "correct": RANDOM.integers(0, 2, len(labels))})
        for seed in range(3)
    ]
    other = pd.concat([part.assign(correct=RANDOM.integers(0, 2, len(part))) for part in parts])
    return by_class.gains(pd.concat(parts), other)


class TestLayout(Layout):
    drawn: ClassVar = {
        "class gains": lambda: class_gains.draw(
            {"large": class_table(24), "small": class_table(24)}, SIZES, "soft-positive", "random"
        ),
        "class gains of one subset": lambda: class_gains.draw({"small": class_table(24)}, SIZES, METHODS[7], "random"),
        "gains of many classes": lambda: class_gains.draw(
            {"large": class_table(309), "small": class_table(309)}, SIZES, "soft-positive", "random"
        ),
        "gains of many classes on one subset": lambda: class_gains.draw(
            {"large": class_table(60)}, SIZES, "soft-positive", "random"
        ),
    }
