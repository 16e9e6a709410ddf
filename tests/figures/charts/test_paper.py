from typing import ClassVar

import numpy as np
import pandas as pd

from avbench.figures.charts import paper
from tests.support.figures import METHODS, RANDOM, Layout


def published_table(same=True, protocols=("linear-sgd", "linear", "finetune", "supervised")):
    rows = [
        (method, task, protocol, "vggsound", same or k > 0)
        for protocol in protocols
        for k, task in enumerate(("controlled", "tau-av-2021", "fsdnoisy18k-clean"))
        for method in (["supervised"] if protocol == "supervised" else METHODS[:7])
    ]
    table = pd.DataFrame(rows, columns=["method", "task", "protocol", "published_task", "same_dataset"])
    low, measured, high = np.sort(RANDOM.uniform(0, 1, (3, len(rows))), axis=0)
    return table.assign(published=RANDOM.uniform(0, 1, len(rows)), measured=measured, ci_low=low, ci_high=high)


class TestLayout(Layout):
    drawn: ClassVar = {
        "paper": lambda: paper.draw(published_table()),
        "paper of other data": lambda: paper.draw(published_table(same=False, protocols=["linear", "supervised"])),
    }
