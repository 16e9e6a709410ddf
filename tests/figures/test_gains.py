import numpy as np
import pandas as pd
import pytest

from avbench.figures.gains import gains

COLUMNS = ["method", "task", "protocol", "modality", "subset", "labels", "seed", "accuracy"]


def test_gains_pair_seeds():
    cell = ("tau", "linear", "audio", "small")
    rows = [("random", *cell, "none", seed, value) for seed, value in enumerate((0.2, 0.4, 0.6))]
    rows += [("soft-positive", *cell, "true", seed, value) for seed, value in ((2, 0.7), (0, 0.3), (1, 0.5), (3, 0.0))]
    table = gains(pd.DataFrame(rows, columns=COLUMNS))
    assert table.columns.tolist() == [*COLUMNS[:6], "gain", "ci_low", "ci_high"]
    assert len(table) == 1
    # Each seed gains 0.1, though accuracies scatter widely; seed 3 has no partner.
    np.testing.assert_allclose(table.loc[0, ["gain", "ci_low", "ci_high"]].astype(float), 0.1, atol=1e-12)


def test_gains_stay_within_task_and_subset():
    rows = [
        (method, task, "linear", "audio", subset, "none", 0, value)
        for method, task, subset, value in (
            ("random", "a", "small", 0.1),
            ("random", "a", "large", 0.2),
            ("random", "b", "small", 0.3),
            ("sp70", "a", "small", 0.5),
            ("sp70", "a", "large", 0.5),
            ("sp70", "b", "small", 0.5),
            ("sp70", "c", "small", 0.5),
        )
    ]
    table = gains(pd.DataFrame(rows, columns=COLUMNS))
    assert table["gain"].tolist() == pytest.approx([0.4, 0.3, 0.2])
    assert table["ci_low"].isna().all()
