"""Files of scores, and the published results."""

import itertools

import numpy as np
import pandas as pd
import pytest

from avbench.evaluation.scores import ACCURACY_COLUMNS
from avbench.results import published
from tests.support.paths import CONFIG
from tests.support.score_files import METHODS, SUBSETS, TASKS


@pytest.fixture
def scores(tmp_path):
    """Score files, one per method and task, and what they hold."""
    rng = np.random.default_rng(0)
    rows = [
        (
            method,
            task,
            "linear",
            modality,
            subset,
            "none",
            "default",
            seed,
            float(rng.random()),
            float(rng.random()),
            240,
            60,
            0.98,
            float(10.0 ** rng.integers(-4, 3)),
            str(rng.choice(["", "lowest"])),
        )
        for method, task, modality, subset, seed in itertools.product(
            METHODS, TASKS, ["audio", "video"], SUBSETS, range(3)
        )
    ]
    table = pd.DataFrame(rows, columns=ACCURACY_COLUMNS)
    files = []
    for number, (_, part) in enumerate(table.groupby(["method", "task"])):
        files.append(tmp_path / f"scores-{number}.csv")
        part.sample(frac=1, random_state=number).to_csv(files[-1], index=False)
    return files, table


@pytest.fixture(scope="session")
def paper():
    """The published results that are part of the configuration."""
    return published.read(CONFIG / "published.yaml")
