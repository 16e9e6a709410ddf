from typing import ClassVar

import numpy as np
import pandas as pd

from avbench.figures.charts import confusion
from tests.support.figures import METHODS, RANDOM, SIZES, Layout, names


def confusion_table(number):
    labels = np.repeat(names(number), 9)
    wrong = RANDOM.random(len(labels)) < 0.5
    predicted = np.where(wrong, RANDOM.choice(names(number), len(labels)), labels)
    return confusion.shares(pd.DataFrame({"label": labels, "prediction": predicted}))


class TestLayout(Layout):
    drawn: ClassVar = {
        "confusion": lambda: confusion.draw(
            {"large": confusion_table(24), "small": confusion_table(24)}, SIZES, "soft-positive"
        ),
        "confusion on one subset": lambda: confusion.draw({"large": confusion_table(10)}, SIZES, METHODS[7]),
        "confusion of 40 classes": lambda: confusion.draw(
            {"large": confusion_table(40), "small": confusion_table(40)}, SIZES, "soft-positive"
        ),
        "confusion of many classes": lambda: confusion.draw(
            {"large": confusion_table(309), "small": confusion_table(309)}, SIZES, "soft-positive"
        ),
        "confusion of many classes on one subset": lambda: confusion.draw(
            {"large": confusion_table(309)}, SIZES, "soft-positive"
        ),
    }
