import math
from typing import ClassVar

import numpy as np
import pandas as pd

from avbench.figures import style
from avbench.figures.charts import sampling
from avbench.results import pair_counts
from tests.support.figures import METHODS, RANDOM, VARIANTS, Layout


def counted(table, compared, own_labels=None):
    return sampling.arranged(pair_counts.beside_gains(table, compared), own_labels)


def counted_table(methods=METHODS[:8]):
    runs = [(method, labels) for method in methods for labels in ("true", "uniform-30", "clusters_again")]
    table = pd.DataFrame([(*run, seed) for run in runs for seed in range(2)], columns=["method", "labels", "seed"])
    foreign, right = RANDOM.uniform(0, 1, (2, len(table)))
    negatives = RANDOM.choice([0.0, 0.04, 1.0, math.nan], len(table))
    table = table.assign(
        foreign_positives=foreign, positives_of_class=1 - foreign * right, negatives_of_class=negatives
    )
    low, gain, high = np.sort(RANDOM.normal(0, 0.1, (3, len(runs) - 3)), axis=0)
    gained = pd.DataFrame(runs[3:], columns=["method", "labels"]).assign(difference=gain, ci_low=low, ci_high=high)
    return counted(table, gained.assign(p_holm=RANDOM.choice([0.01, 0.4, math.nan], len(gained))))


NOISY = {"noisy": {"kind": "noise", "noise": "uniform", "rate": 0.3}}
COUNTED = pd.DataFrame(
    [
        ("random", "none", 0, 0.0, 1.0, 0.04),
        ("soft-positive", "true", 0, 0.9, 1.0, 0.04),
        ("soft-positive", "true", 1, 0.8, 1.0, 0.06),
        ("soft-positive", "noisy", 0, 0.9, 0.7, 0.04),
        ("hard-negative", "true", 0, 0.0, 1.0, 1.0),
        ("easy-negative", "true", 0, 0.0, 1.0, math.nan),
    ],
    columns=["method", "labels", "seed", "foreign_positives", "positives_of_class", "negatives_of_class"],
)
COMPARED = pd.DataFrame(
    [("soft-positive", "true", 0.05, 0.02, 0.08, 0.01), ("soft-positive", "noisy", 0.01, -0.02, 0.04, 0.6)],
    columns=["method", "labels", "difference", "ci_low", "ci_high", "p_holm"],
)


def test_labels_are_told_where_a_method_has_several():
    with style.shared():
        positives, negatives, gain = sampling.draw(counted(COUNTED, COMPARED), NOISY).axes
    rows = [text.get_text() for text in positives.get_yticklabels()]
    assert rows == [
        "random",
        "easy negative",
        "hard negative",
        "soft positive, true labels",
        "soft positive, 30 % uniform noise",
    ]
    assert [text.get_text() for text in negatives.texts] == ["4.0", "none", "100.0", "5.0", "4.0"]
    filled = {
        line.get_xdata()[0]: line.get_markerfacecolor() != "white" for line in gain.lines if line.get_marker() == "o"
    }
    assert filled == {5.0: True, 1.0: False}


def test_of_too_many_runs_those_with_own_labels_stay(monkeypatch):
    own = {"random": "none", "soft-positive": "true", "hard-negative": "true", "easy-negative": "true"}
    assert len(counted(COUNTED, COMPARED, own)) == 5
    monkeypatch.setattr(sampling, "RUNS", 4)
    kept = counted(COUNTED, COMPARED, own)
    assert kept["labels"].tolist() == ["none", "true", "true", "true"]


def test_the_caption_says_what_is_paired_and_claims_no_cause():
    text = sampling.caption(counted(COUNTED, COMPARED), NOISY, 10, "tau", "linear", "audio")
    assert "Most positives of another class: soft positive with 30 % uniform noise, 30.0 %." in text
    assert "from 4.0 % (random) to 100.0 % (hard negative with true labels)" in text
    assert "Of 2 runs compared with random, 1 gain and 0 lose significantly; 1 leave it open." in text
    assert "none of this tells what causes a gain" in text


class TestLayout(Layout):
    drawn: ClassVar = {
        "sampling": lambda: sampling.draw(counted_table(METHODS[4:8]), VARIANTS),
        "sampling of one method": lambda: sampling.draw(counted_table(METHODS[:1]), VARIANTS),
    }
