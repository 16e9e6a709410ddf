import math
from typing import ClassVar

from avbench.figures.charts import accuracy_by_size
from tests.support.figures import SIZES, Layout, summary_table


class TestLayout(Layout):
    drawn: ClassVar = {
        "accuracy": lambda: accuracy_by_size.draw(
            summary_table(),
            SIZES,
            {("controlled", "linear"): {"chance": 1 / 24, "always the largest class": 0.2}},
            {"controlled": "in-domain"},
        ),
        "accuracy of one task": lambda: accuracy_by_size.draw(summary_table(tasks=["tau"]), SIZES),
        "accuracy of many tasks": lambda: accuracy_by_size.draw(summary_table(tasks=list("abcdefg")), SIZES),
        "accuracy of one size and seed": lambda: accuracy_by_size.draw(
            summary_table().assign(ci_low=math.nan, ci_high=math.nan), {"small": 10}
        ),
        "accuracy of two balances": lambda: accuracy_by_size.draw(summary_table(), {"small": 10, "large": 10.3}),
        "accuracy of all protocols": lambda: accuracy_by_size.draw(
            summary_table(protocols=["linear", "linear-sgd", "finetune", "knn", "retrieval-10"]), SIZES
        ),
    }
