from typing import ClassVar

import pandas as pd

from avbench.figures import style
from avbench.figures.charts import combinations
from tests.support.figures import SIZES, VARIANTS, Layout, comparisons_table

FIELDS = {
    "easy-negative": {"positive": "self", "batch": "one-per-class", "labels": "true"},
    "hard-negative": {"positive": "self", "batch": "single-class", "labels": "true"},
    "soft-positive": {"positive": "same-class", "batch": "shuffled", "labels": "flip_12.5", "probability": 1.0},
    "soft-positive-50": {"positive": "same-class", "batch": "shuffled", "labels": "true", "probability": 0.5},
    "sp70": {"positive": "same-class", "batch": "shuffled", "labels": "uniform-30", "probability": 1.0},
    "pl-soft-positive": {"positive": "same-class", "batch": "shuffled", "labels": "pseudo", "probability": [0.0, 1.0]},
    "same_class-one-per-class-with-a-long-name": {
        "positive": "neighbour",
        "batch": "mixed",
        "clips_per_class": 4,
        "labels": "clusters_again",
        "loss": "supcon",
    },
}


COMBINED = {
    "soft": {"positive": "same-class", "batch": "shuffled", "labels": "true", "loss": "info-nce", "probability": 0.5},
    "soft-better": {"positive": "same-class", "batch": "shuffled", "labels": "guess", "loss": "info-nce"},
    "contrast": {"positive": "self", "batch": "mixed", "clips_per_class": 4, "labels": "true", "loss": "supcon"},
    "easy": {"positive": "self", "batch": "one-per-class", "labels": "true", "loss": "info-nce"},
    "near": {"positive": "neighbour", "batch": "shuffled", "labels": "near", "probability": [0.0, 1.0]},
    "never-run": {"positive": "self", "batch": "shuffled", "labels": "none"},
}
GUESSED = {"guess": {"kind": "pseudo"}, "near": {"kind": "neighbours"}}
GAINS = {"soft": 0.02, "soft-better": 0.06, "contrast": -0.05, "easy": 0.01, "near": 0.0}


def compared(p=0.01):
    rows = [
        (method, modality, "small", gain, gain - 0.03, gain + 0.03, p if abs(gain) > 0.03 else 0.5)
        for method, gain in GAINS.items()
        for modality in ("audio", "video")
    ]
    columns = ["method", "modality", "subset", "difference", "ci_low", "ci_high", "p_holm"]
    return pd.DataFrame(rows, columns=columns)


def drawn():
    with style.shared():
        return combinations.draw(compared(), COMBINED, {"small": 10}, GUESSED)


def test_methods_stand_by_positives_batches_loss_and_gain_in_words():
    table, *_ = drawn().axes
    texts = [text.get_text() for text in table.texts]
    lines = len(GAINS) + 1
    columns = {texts[k * lines]: texts[k * lines + 1 : (k + 1) * lines] for k in range(5)}
    assert columns["Method"] == ["easy", "contrast", "near", "soft better", "soft"]
    positives = ["own video", "own video", "neighbour (0 to 100 %)", "same class", "same class (50 %)"]
    assert columns["Positives"] == positives
    assert columns["Batches"] == ["one clip per class", "mixed, 4 a class", "shuffled", "shuffled", "shuffled"]
    assert columns["Loss"] == ["InfoNCE", "supervised contrastive", "InfoNCE", "InfoNCE", "InfoNCE"]
    assert columns["Labels"] == ["true", "true", "neighbours", "pseudo-labels", "true"]


def test_only_significant_gains_are_filled():
    _, audio, video = drawn().axes
    for axes in (audio, video):
        filled = {
            round(line.get_xdata()[0]): line.get_markerfacecolor() != "white"
            for line in axes.lines
            if line.get_marker() == "o"
        }
        assert filled == {1: False, -5: True, 0: False, 6: True, 2: False}


def test_the_caption_counts_what_is_sure():
    text = combinations.caption(compared(), COMBINED, {"small": 10}, "tau", "linear")
    said = "10 clips per class, audio: of 5 methods 1 significantly above random, 1 below, 3 undecided"
    assert said in text
    assert "soft better +6.0 points (+3.0 to +9.0) to contrast −5.0 points (−8.0 to −2.0)" in text
    unsure = combinations.caption(compared(p=float("nan")), COMBINED, {"small": 10}, "tau", "linear")
    assert "of 5 methods 0 significantly above random, 0 below, 5 undecided" in unsure


class TestLayout(Layout):
    drawn: ClassVar = {
        "combinations": lambda: combinations.draw(comparisons_table(tasks=["controlled"]), FIELDS, SIZES, VARIANTS),
        "combinations of one": lambda: combinations.draw(
            comparisons_table(tasks=["controlled"]).query("subset == 'small'"),
            {"sp70": FIELDS["sp70"]},
            SIZES,
            VARIANTS,
        ),
    }
