import math
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from avbench.figures import style
from avbench.figures.charts import noise
from avbench.results.robustness import NEVER_PAYS, PAYS, PAYS_UP_TO, UNDECIDED
from tests.support.figures import METHODS, NOISES, RANDOM, UNEQUAL, Layout, robustness_table

VERDICTS = ("pays throughout", "pays up to the rate", "never pays", "undecided")


def break_even_table(table):
    cells = table[["method", "noise", "task", "modality", "subset"]].drop_duplicates()
    low, rate, high = np.sort(RANDOM.uniform(0, 0.5, (3, len(cells))), axis=0)
    verdict = RANDOM.choice(VERDICTS, len(cells))
    ends = np.isin(verdict, VERDICTS[::2])
    cells = cells.assign(highest_rate=0.5, rate=rate, ci_low=low, ci_high=high, verdict=verdict)
    return cells.assign(rate=cells["rate"].mask(ends), ci_high=cells["ci_high"].mask(RANDOM.random(len(cells)) < 0.2))


def noise_figure(**kwargs):
    table = robustness_table(**kwargs)
    random = table.drop_duplicates(["task", "modality", "subset"]).assign(method="random")
    return noise.draw(table, break_even_table(table), random)


PLACE = {"task": "tau", "protocol": "linear", "modality": "audio", "subset": "small"}
RATES = (0.0, 0.2, 0.4)


def scores(*methods):
    rows = [
        {"method": method, "noise": "uniform", "rate": rate, "mean": 0.5 - rate / 4, "ci_low": 0.4, "ci_high": 0.6}
        for method in methods
        for rate in RATES
    ]
    table = pd.DataFrame(rows).assign(clips=240, imbalance=1.0, **PLACE)
    return table.assign(draws=3 * (table["rate"] > 0))


def verdict(method, verdict, rate=math.nan, low=math.nan, high=math.nan):
    found = {"method": method, "rate": rate, "ci_low": low, "ci_high": high, "verdict": verdict}
    return found | PLACE | {"noise": "uniform", "highest_rate": 0.4}


def random_pairs():
    return pd.DataFrame([PLACE | {"method": "random", "mean": 0.45, "ci_low": 0.42, "ci_high": 0.48}])


CROSSED = pd.DataFrame(
    [
        verdict("soft-positive", PAYS_UP_TO, 0.25, 0.15, 0.35),
        verdict("soft-positive-50", PAYS),
        verdict("easy-negative", NEVER_PAYS, math.nan, 0.0, 0.0),
        verdict("sp70", UNDECIDED, 0.3, 0.0, math.nan),
        verdict("pl-soft-positive", UNDECIDED),
    ]
)
CROSSING = CROSSED["method"].tolist()


def test_the_caption_says_until_which_rate_each_method_pays():
    text = noise.caption(scores(*CROSSING), CROSSED, ["linear"])
    assert "soft positive pays up to 25 % (15 to 35 %)" in text
    assert "soft positive (50 %) pays at every rate tried (up to 40 %)" in text
    assert "easy negative does not pay at any rate tried (up to 40 %)" in text
    assert "soft positive, noisy labels crosses zero at 30 %, undecided" in text
    assert "soft positive, pseudo-labels is undecided" in text
    assert "Undecided means" in text
    assert "nan" not in text


def test_caption_and_axis_say_how_often_wrong_labels_were_drawn():
    once = scores("soft-positive").assign(draws=[0, 1, 1])
    for table, said in ((scores("soft-positive"), "3 draws, one per seed"), (once, "one draw for all runs")):
        assert f"wrong labels that pairing saw ({said})" in noise.caption(table, CROSSED[:1], ["linear"])
        with style.shared():
            made = noise.draw(table, CROSSED[:1], random_pairs())
        assert said in made.get_supxlabel()


def test_the_caption_counts_verdicts_over_all_panels():
    other = {"task": "other"}
    table = pd.concat([scores(*CROSSING), scores(*CROSSING).assign(**other)])
    text = noise.caption(table, pd.concat([CROSSED, CROSSED.assign(**other)]), ["linear"])
    assert "of 10 lines: 2 pay at every rate, 2 pay up to a rate, 2 never pay, 4 undecided" in text


def strip(table):
    with style.shared():
        _, axes = noise.draw(scores(*table["method"]), table, random_pairs()).axes
    return axes


@pytest.mark.parametrize(
    ("row", "marker", "place", "filled"),
    [(0, "s", 25.0, True), (1, ">", 40.0, True), (2, "<", 0.0, True), (3, "P", 30.0, False)],
)
def test_break_even_rates_are_marked_below_the_panel(row, marker, place, filled):
    (mark,) = strip(CROSSED[row : row + 1]).lines
    assert mark.get_marker() == marker
    assert mark.get_xdata() == [pytest.approx(place)]
    assert (mark.get_markerfacecolor() != "white") == filled


def test_intervals_without_a_bound_reach_to_the_ends():
    (line,) = strip(CROSSED[3:4]).collections
    assert line.get_segments()[0][:, 0].tolist() == [0.0, 40.0]
    (line,) = strip(CROSSED[0:1]).collections
    assert line.get_segments()[0][:, 0] == pytest.approx([15.0, 35.0])


def test_random_pairing_is_a_band_and_methods_are_lines_in_per_cent():
    with style.shared():
        panel, _ = noise.draw(scores("soft-positive"), CROSSED[:1], random_pairs()).axes
    band, line = panel.lines
    assert list(band.get_ydata()) == [45, 45]
    assert list(line.get_xdata()) == [0, 20, 40]
    assert list(line.get_ydata()) == pytest.approx([50, 45, 40])


def test_subsets_are_told_apart_by_what_differs():
    large = scores("soft-positive").assign(subset="large", clips=768)
    crossed = pd.concat([CROSSED[:1], CROSSED[:1].assign(subset="large")])
    text = noise.caption(pd.concat([scores("soft-positive"), large]), crossed, ["linear"])
    assert "audio, 240 clips" in text
    assert "audio, 768 clips" in text
    assert "clips)" not in noise.caption(scores("soft-positive"), CROSSED[:1], ["linear"])


class TestLayout(Layout):
    drawn: ClassVar = {
        "noise": lambda: noise_figure(subsets=[UNEQUAL[0], UNEQUAL[3]], tasks=["tau"], noises=NOISES[:2]),
        "noise of one method": lambda: noise_figure(methods=METHODS[3:4], tasks=["tau"], noises=NOISES[2:]),
    }
