"""Gains at every rate of wrong labels, and the rate at which they end."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.evaluation.scores import CELL
from avbench.results import outcomes, robustness
from avbench.results.outcomes import Outcomes
from avbench.results.robustness import NEVER_PAYS, PAYS, PAYS_UP_TO, UNDECIDED, Size
from benchmarks.break_even import coverage

SIZES = {"small": Size(240, 1.0), "tail": Size(180, 10.0)}
VARIANTS = {
    "uniform-20": {"kind": "noise", "rate": 0.2},
    "uniform-40": {"kind": "noise", "noise": "uniform", "rate": 0.4, "seed": 1},
    "flip-40": {"kind": "noise", "noise": "pair-flip", "rate": 0.4},
    "pseudo": {"kind": "pseudo"},
}
NOISE = robustness.noises(VARIANTS)
CLIPS = pd.Index([f"clip-{i}" for i in range(300)])
PLACE = ("home", "linear", "audio", "small")


def cell(chance, seed=0, seeds=3, clips=CLIPS):
    rng = np.random.default_rng(seed)
    difficulty = rng.random(len(clips)) / 5 - 0.1
    right = rng.random((seeds, len(clips))) < chance + difficulty
    return Outcomes(right.astype(np.uint8), tuple(range(seeds)), clips)


def study(gains, seeds=3, place=PLACE):
    """Outcomes of random pairing at 40 % and of a method that gains so much with each of its labels."""
    found = {("random", *place, "none", "default"): cell(0.4, 0, seeds)}
    for number, (labels, gain) in enumerate(gains.items()):
        found["soft", *place, labels, "default"] = cell(0.4 + gain, 10 + number, seeds)
    return found


def tabled(found):
    return robustness.table(outcomes.summary(found), outcomes.comparisons(found), NOISE, SIZES)


def test_the_noise_of_label_variants():
    assert NOISE == {
        "uniform-20": ("uniform", 0.2, False),
        "uniform-40": ("uniform", 0.4, True),
        "flip-40": ("pair-flip", 0.4, False),
    }


def test_each_run_has_a_row_and_true_labels_one_a_kind_of_noise():
    gains = {"uniform-40": 0.1, "true": 0.3, "uniform-20": 0.2, "flip-40": 0.05, "pseudo": 0.2}
    found = study(gains) | study({"true": 0.3}, place=("home", "linear", "audio", "tail"))
    table = tabled(found)
    assert list(table.columns) == robustness.COLUMNS
    assert table[["noise", "rate", "labels", "draws"]].to_numpy().tolist() == [
        ["uniform", 0.0, "true", 0],
        ["uniform", 0.2, "uniform-20", 3],
        ["uniform", 0.4, "uniform-40", 1],  # whose seed fixes one draw for all runs
        ["pair-flip", 0.0, "true", 0],
        ["pair-flip", 0.4, "flip-40", 3],
    ]
    assert set(table["method"]) == {"soft"}
    assert table[["clips", "imbalance"]].drop_duplicates().to_numpy().tolist() == [[240, 1.0]]
    summary = outcomes.summary(found).set_index(CELL)
    comparisons = outcomes.comparisons(found).set_index(CELL)
    for row in table.itertuples():
        key = ("soft", *PLACE, row.labels, "default")
        assert (row.mean, row.ci_low, row.ci_high) == tuple(summary.loc[key, ["mean", "ci_low", "ci_high"]])
        expected = comparisons.loc[key, ["difference", "ci_low", "ci_high", "p", "p_holm"]]
        assert (row.gain, row.gain_low, row.gain_high, row.p, row.p_holm) == tuple(expected)


def test_without_random_pairing_there_are_accuracies_and_no_gains():
    found = {key: value for key, value in study({"true": 0.3, "uniform-20": 0.2}).items() if key[0] == "soft"}
    table = tabled(found)
    assert table["mean"].notna().all()
    assert table[["gain", "gain_low", "gain_high", "p", "p_holm"]].isna().all().all()
    assert robustness.break_even(found, NOISE, SIZES).empty


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ({"true": 0.3, "uniform-20": 0.25, "uniform-40": 0.2}, PAYS),
        ({"true": 0.3, "uniform-20": 0.15, "uniform-40": -0.3}, PAYS_UP_TO),
        ({"true": -0.2, "uniform-20": -0.25, "uniform-40": -0.3}, NEVER_PAYS),
        ({"true": 0.0, "uniform-20": 0.0, "uniform-40": 0.0}, UNDECIDED),
        ({"true": 0.3, "uniform-20": 0.2, "uniform-40": 0.0}, UNDECIDED),
    ],
)
def test_verdicts(gains, verdict):
    (row,) = robustness.break_even(study(gains), NOISE, SIZES).to_dict("records")
    assert list(row) == robustness.BREAK_EVEN_COLUMNS
    assert (row["method"], row["noise"], row["clips"], row["highest_rate"]) == ("soft", "uniform", 240, 0.4)
    assert row["verdict"] == verdict
    if verdict == PAYS_UP_TO:
        assert 0.2 < row["ci_low"] < row["rate"] < row["ci_high"] < 0.4
    if verdict == PAYS:
        assert math.isnan(row["rate"])
        assert row["ci_low"] == 0.4
        assert math.isnan(row["ci_high"])
    if verdict == NEVER_PAYS:
        assert math.isnan(row["rate"])
        assert row["ci_low"] == row["ci_high"] == 0
    (single,) = robustness.break_even(study(gains, seeds=1), NOISE, SIZES).to_dict("records")
    assert single["verdict"] == UNDECIDED


def test_the_rate_is_where_the_curve_of_mean_gains_crosses_zero():
    found = study({"true": 0.3, "uniform-20": 0.1, "uniform-40": -0.1, "flip-40": -0.2})
    table = robustness.break_even(found, NOISE, SIZES).set_index("noise")
    means = {key[5]: value.correct.mean() for key, value in found.items() if key[0] == "soft"}
    gain = {labels: mean - found["random", *PLACE, "none", "default"].correct.mean() for labels, mean in means.items()}
    uniform = 0.2 + 0.2 * gain["uniform-20"] / (gain["uniform-20"] - gain["uniform-40"])
    assert table.loc["uniform", "rate"] == pytest.approx(uniform, abs=1e-6)
    assert table.loc["pair-flip", "rate"] == pytest.approx(
        0.4 * gain["true"] / (gain["true"] - gain["flip-40"]), abs=1e-6
    )


def test_a_single_rate_makes_no_curve_and_variants_of_one_rate_count_as_their_mean():
    assert robustness.break_even(study({"uniform-20": 0.2}), NOISE, SIZES).empty
    noise = NOISE | {"again-40": robustness.Noise("uniform", 0.4)}
    found = study({"true": 0.3, "uniform-40": 0.1, "again-40": -0.5})
    (row,) = robustness.break_even(found, noise, SIZES).to_dict("records")
    gains = [found["soft", *PLACE, labels, "default"].correct.mean() for labels in ("true", "uniform-40", "again-40")]
    first, *others = np.array(gains) - found["random", *PLACE, "none", "default"].correct.mean()
    assert row["rate"] == pytest.approx(0.4 * first / (first - np.mean(others)), abs=1e-6)


def test_budgets_have_rows_of_their_own():
    long, short = study({"true": 0.3, "uniform-40": 0.2}), study({"true": 0.3, "uniform-40": -0.3})
    apart = {"default": long, "steps-5": short}
    both = {(*cell[:6], budget): value for budget, found in apart.items() for cell, value in found.items()}
    tables = {budget: (tabled(found), robustness.break_even(found, NOISE, SIZES)) for budget, found in apart.items()}
    for place, made in enumerate((tabled(both), robustness.break_even(both, NOISE, SIZES))):
        for budget, alone in tables.items():
            own = made[made["budget"] == budget].reset_index(drop=True)
            pd.testing.assert_frame_equal(own, alone[place].assign(budget=budget))


def test_only_seeds_that_all_runs_have_count():
    found = study({"true": 0.3, "uniform-40": -0.3})
    shared = {key: Outcomes(value.correct[:2], value.seeds[:2], value.clips) for key, value in found.items()}
    mixed = found | {key: value for key, value in shared.items() if key[5] == "true"}
    expected = robustness.break_even(shared, NOISE, SIZES)
    pd.testing.assert_frame_equal(robustness.break_even(mixed, NOISE, SIZES), expected)
    apart = {key: Outcomes(value.correct, (7, 8, 9), value.clips) for key, value in found.items() if key[5] == "true"}
    assert robustness.break_even(found | apart, NOISE, SIZES).empty


def test_a_single_test_clip_decides_nothing():
    found = {key: Outcomes(value.correct[:, :1], value.seeds, CLIPS[:1]) for key, value in study(NOISE_GAINS).items()}
    (row,) = robustness.break_even(found, NOISE, SIZES).to_dict("records")
    assert row["verdict"] == UNDECIDED
    assert math.isnan(row["ci_low"])


NOISE_GAINS = {"true": 0.3, "uniform-20": 0.1, "uniform-40": -0.2}


def crossing_by_steps(rates, curve):
    if curve[0] <= 0:
        return -math.inf
    for left in range(len(rates) - 1):
        if curve[left + 1] <= 0:
            fall = curve[left] - curve[left + 1]
            return rates[left] + (rates[left + 1] - rates[left]) * curve[left] / fall
    return math.inf


@given(
    curves=st.integers(1, 6).flatmap(
        lambda points: st.lists(
            st.lists(st.integers(-3, 3).map(float), min_size=points, max_size=points), min_size=1, max_size=8
        )
    )
)
def test_crossings_are_those_found_step_by_step(curves):
    rates = np.cumsum([0.0, 0.1, 0.2, 0.05, 0.3, 0.1])[: len(curves[0])]
    expected = [crossing_by_steps(rates, curve) for curve in curves]
    assert robustness.crossings(rates, np.array(curves)).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("seeds", "deviation"), [(3, 0.0), (5, 0.02), (10, 0.05)])
def test_the_interval_holds_the_true_rate_about_as_often_as_it_says(seeds, deviation):
    found = coverage(seeds, 250, deviation, repetitions=100)
    assert 0.90 <= found["coverage"] <= 1
    assert found["width"] < 0.35
    assert found["right_verdict"] + found["undecided"] >= 0.97


MISMATCHES = {"swapped-50": {"kind": "swapped", "rate": 0.5}, "muted-50": {"kind": "muted", "rate": 0.5, "seed": 1}}


def test_pairs_that_do_not_match_are_compared_with_random_pairing_of_the_same_clips():
    noise = robustness.noises(VARIANTS, MISMATCHES)
    found = study({"true": 0.3, "uniform-40": 0.1, "true+swapped-50": 0.0, "true+muted-50": 0.2})
    found["random", *PLACE, "none+swapped-50", "default"] = cell(0.2, 1)
    found["random", *PLACE, "none+muted-50", "default"] = cell(0.7, 2)
    comparisons = outcomes.comparisons(found)
    assert sorted(comparisons["labels"]) == ["true", "true+muted-50", "true+swapped-50", "uniform-40"]
    table = robustness.table(outcomes.summary(found), comparisons, noise, SIZES)
    rows = table.set_index(["method", "noise", "rate"]).sort_index()
    assert rows.loc[("soft", "swapped"), "labels"].tolist() == ["true", "true+swapped-50"]
    assert rows.loc[("random", "swapped"), "labels"].tolist() == ["none", "none+swapped-50"]
    assert rows.loc[("soft", "uniform"), "labels"].tolist() == ["true", "uniform-40"]
    assert rows.loc[("soft", "swapped", 0.5), "draws"] == 3
    assert rows.loc[("soft", "muted", 0.5), "draws"] == 1
    for kind, gain in (("swapped", 0.2), ("muted", -0.1)):
        (row,) = table[(table["method"] == "soft") & (table["noise"] == kind) & (table["rate"] > 0)].to_dict("records")
        baseline = found["random", *PLACE, f"none+{kind}-50", "default"].correct
        own = found["soft", *PLACE, f"true+{kind}-50", "default"].correct
        assert row["gain"] == pytest.approx(own.mean() - baseline.mean())
        assert row["gain"] == pytest.approx(gain, abs=0.08)
        # Holm's correction is for those that are compared with the same baseline: here it alone.
        assert row["p_holm"] == row["p"]
    crossed = robustness.break_even(found, noise, SIZES).set_index("noise")
    assert crossed["verdict"].to_dict() == {"uniform": PAYS, "swapped": PAYS, "muted": PAYS_UP_TO}
    assert 0 < crossed.loc["muted", "rate"] < 0.5


def test_without_random_pairing_of_the_same_clips_there_is_no_break_even():
    noise = robustness.noises({}, MISMATCHES)
    found = study({"true": 0.3, "true+swapped-50": 0.1})
    assert robustness.break_even(found, noise, SIZES).empty
    table = robustness.table(outcomes.summary(found), outcomes.comparisons(found), noise, SIZES)
    assert table.set_index("rate")["gain"].notna().to_dict() == {0.0: True, 0.5: False}
