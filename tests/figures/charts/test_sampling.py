import math

import pandas as pd
import pytest

from avbench.figures import style
from avbench.figures.charts import sampling

VARIANTS = {"noisy": {"kind": "noise", "noise": "uniform", "rate": 0.3}}
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


def test_shares_of_positives_add_up_and_are_means_over_seeds():
    table = sampling.counted(COUNTED, COMPARED).set_index(["method", "labels"])
    assert table[["own", "same", "other"]].sum(axis=1).tolist() == pytest.approx([1.0] * 5)
    assert table.loc[("soft-positive", "true"), ["own", "same", "other"]].tolist() == pytest.approx([0.15, 0.85, 0])
    assert table.loc[("soft-positive", "noisy"), ["own", "same", "other"]].tolist() == pytest.approx([0.1, 0.6, 0.3])
    assert table.loc[("soft-positive", "true"), "negatives"] == pytest.approx(0.05)
    assert table["difference"].notna().sum() == 2


def test_labels_are_told_where_a_method_has_several():
    with style.shared():
        positives, negatives, gain = sampling.draw(sampling.counted(COUNTED, COMPARED), VARIANTS).axes
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
    assert len(sampling.counted(COUNTED, COMPARED, own)) == 5
    monkeypatch.setattr(sampling, "RUNS", 4)
    kept = sampling.counted(COUNTED, COMPARED, own)
    assert kept["labels"].tolist() == ["none", "true", "true", "true"]


def test_the_caption_says_what_is_paired_and_claims_no_cause():
    text = sampling.caption(sampling.counted(COUNTED, COMPARED), VARIANTS, 10, "tau", "linear", "audio")
    assert "Most positives of another class: soft positive with 30 % uniform noise, 30.0 %." in text
    assert "from 4.0 % (random) to 100.0 % (hard negative with true labels)" in text
    assert "Of 2 runs compared with random, 1 gain and 0 lose significantly; 1 leave it open." in text
    assert "none of this tells what causes a gain" in text
