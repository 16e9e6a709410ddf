"""Pairs that do not match are drawn as wrong labels are, but random pairing changes with them."""

from typing import ClassVar

import pandas as pd
import pytest

from avbench.figures import style
from avbench.figures.charts import noise
from avbench.figures.charts.mismatched_pairs import PAIRS
from avbench.results import tables
from avbench.results.robustness import PAYS
from tests.figures.charts.test_noise import random_pairs, scores, verdict
from tests.support.figures import Layout


def robustness():
    table = scores("soft-positive", "random").assign(noise="swapped")
    return table.assign(mean=table["mean"] - 0.1 * (table["method"] == "random"))


def crossed():
    return pd.DataFrame([verdict("soft-positive", PAYS) | {"noise": "swapped"}])


def draw():
    return noise.draw(robustness(), crossed(), random_pairs(), PAIRS)


def test_random_pairing_is_a_band_that_follows_the_rate():
    with style.shared():
        made = draw()
    panel = made.axes[0]
    lines = {line.get_color(): line for line in panel.lines}
    grey = lines[style.GREY]
    assert len(grey.get_xdata()) > 2
    ours = lines[style.METHODS["soft-positive"].colour]
    assert grey.get_ydata() == pytest.approx(ours.get_ydata() - 10)
    assert [text.get_text() for text in made.legends[0].get_texts()].count("random") == 1
    assert "Swapped sounds" in panel.get_ylabel()
    assert "do not match" in made.get_supxlabel()


def test_the_caption_says_what_is_compared():
    text = noise.caption(robustness(), crossed(), ["linear"], PAIRS)
    assert "random pairing of the same clips" in text
    assert "soft positive pays at every rate tried" in text
    assert "labels" not in text


def test_random_pairing_alone_leaves_nothing_to_compare(tmp_path):
    alone = scores("random").assign(noise="swapped", budget="default")
    tables.write(tmp_path / "robustness.csv", alone)
    noise.draw_along({"robustness": tmp_path / "robustness.csv", "budgets": ["default"]}, tmp_path / "pairs", PAIRS)
    assert "No method but random was run at several rates" in (tmp_path / "pairs.rst").read_text(encoding="utf-8")


class TestLayout(Layout):
    drawn: ClassVar = {"mismatched pairs": draw}
