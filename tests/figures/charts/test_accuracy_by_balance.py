from typing import ClassVar

from avbench.figures.charts import accuracy_by_balance
from tests.support.figures import Layout, summary_table

BALANCES = {
    "small": accuracy_by_balance.Subset("balanced", 1000, 1.0),
    "large": accuracy_by_balance.Subset("long-tailed", 1010, 100.0),
}


class TestLayout(Layout):
    drawn: ClassVar = {
        "balance": lambda: accuracy_by_balance.draw(
            summary_table(), BALANCES, {("controlled", "linear"): {"chance": 0.1}}
        ),
        "balance of two sizes": lambda: accuracy_by_balance.draw(
            summary_table(), BALANCES | {"small": accuracy_by_balance.Subset("natural", 170_000, 10.0)}
        ),
    }
