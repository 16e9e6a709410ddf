from typing import ClassVar

import numpy as np

from avbench.figures.charts import embedding_map
from tests.support.figures import RANDOM, Layout, names


def maps(classes, clips=300):
    labels = np.array(names(classes))[RANDOM.integers(0, classes, clips)]
    coloured = embedding_map.choose(labels, [str(k) for k in range(clips)])[1]
    methods = ("untrained", "random", "soft-positive")
    return {method: RANDOM.normal(size=(clips, 2)) for method in methods}, labels, coloured


def without_one(found, labels, coloured):
    return found | {"untrained": "Of 300 clips only 1 can be told apart; a map needs 4."}, labels, coloured


class TestLayout(Layout):
    drawn: ClassVar = {
        "embedding map": lambda: embedding_map.draw(*maps(24)),
        "embedding map of few classes": lambda: embedding_map.draw(*maps(5)),
        "embedding map that one method lacks": lambda: embedding_map.draw(*without_one(*maps(5))),
    }
