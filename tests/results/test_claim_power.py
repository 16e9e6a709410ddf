"""What deciding claims would take: against the functions of a single claim, and what users are told."""

import math

import pandas as pd
import pytest

from avbench.cli.main import main
from avbench.core.errors import UserError
from avbench.core.files import write_json
from avbench.results import claim_power, tables
from avbench.results.power import Spread, clips_needed, power, seeds_needed
from avbench.results.verdicts import judge
from tests.results.test_verdicts import GAP, TASKS, claim, table
from tests.support.paths import CONFIG


def judged(seeds=(0, 1, 2), chance=None):
    outcomes = table(["a", "b", "c"], seeds=seeds, chance=chance or {"a": 0.8, "c": 0.52})
    claims = [claim(GAP, id="clear"), claim([("c", "smallest", 1), ("b", "smallest", -1)], id="close")]
    lacking = claim([("d", "smallest", 1), ("b", "smallest", -1)], id="lacking")
    return judge(outcomes, [*claims, lacking], TASKS, ["small"])


def test_each_tested_claim_has_its_spread_and_what_it_would_take():
    found = claim_power.table(judged(), 0.05).set_index("claim")
    assert list(found.index) == ["clear", "close"]
    assert found["decided"].to_dict() == {"clear": True, "close": False}
    for name, row in found.iterrows():
        estimate = judged().courses[name, "default"].estimate
        spread = Spread.of(estimate, 1)  # of a family of two
        assert (row["seed_sd"], row["clip_sd"], row["rest_sd"]) == (spread.seed, spread.clip, spread.rest)
        # one claim is left, which has the level of 5 % to itself
        assert row["power"] == pytest.approx(power(spread, 3, 200, 0.05, 0.05))
        assert row["seeds_needed"] == pytest.approx(seeds_needed(spread, 200, 0.05, 0.05) or math.nan, nan_ok=True)
        assert row["clips_needed"] == pytest.approx(clips_needed(spread, 3, 0.05, 0.05) or math.nan, nan_ok=True)


def test_more_is_needed_for_smaller_effects_and_for_more_claims():
    spreads = claim_power.table(judged())
    large, small = (claim_power.asked(spreads, effect)["clips_needed"].fillna(math.inf) for effect in (0.2, 0.1))
    assert (large < small).all()
    many = pd.concat([spreads[~spreads["decided"]]] * 9)
    assert (claim_power.asked(many, 0.2)["clips_needed"].fillna(math.inf) > large[1]).all()


def test_nothing_is_known_of_a_single_seed():
    assert claim_power.table(judged(seeds=(0,))).empty


def test_hours_are_those_of_the_claims_runs():
    def run(method, seconds, budget="default"):
        place = {"method": method, "subset": "small", "labels": "none", "budget": budget}
        return place | {"speed": {"seconds": seconds}}

    runs = [run("a", 3600), run("a", 7200), run("b", 1800), run("a", 90, "steps-5")]
    hours = claim_power.hours_per_seed([claim(GAP)], runs, ["small"], {"a": "none", "b": "none"})
    assert hours == {("c", "default"): pytest.approx(2.0), ("c", "steps-5"): pytest.approx(90 / 3600)}


def test_an_experiment_is_asked_from_any_folder_and_without_its_plan(tmp_path):
    results = tmp_path / "results" / "tiny"
    tables.write(results / "tables" / "power.csv", claim_power.table(judged()))
    assert claim_power.measured(results)[1] == {}  # as of a crate
    run = {"method": "random", "subset": "few", "labels": "none", "budget": "default", "speed": {"seconds": 1800}}
    write_json(results / "run.json", run)
    plan = {"runs": ["results/tiny/run.json"], "claims": str(CONFIG / "claims.yaml")}
    write_json(results / "plan" / "tables.json", plan | {"subset_files": {"few": ""}, "own_labels": {"random": "none"}})
    spreads, hours = claim_power.measured(results)
    assert len(spreads) == 2
    assert hours["soft-positive-small", "default"] == 0.5


def test_the_text_names_what_each_undecided_claim_needs():
    found = claim_power.table(judged(), 0.1)
    text = claim_power.format_power(found, {("close", "default"): 0.5})
    row = found.set_index("claim").loc["close"]
    needed = f"{row['seeds_needed']:.0f}" if row["seeds_needed"] == row["seeds_needed"] else ">1000"
    assert needed in text
    assert "an effect of 10 points in 80 % of experiments" in text
    assert "1 of 2 are decided." in text
    assert max(map(len, text.splitlines())) <= 100


def test_where_nothing_is_known_of_seeds_the_text_says_so():
    nothing = claim_power.asked(pd.DataFrame(columns=[*claim_power.COLUMNS]), 0.02)
    assert claim_power.format_power(nothing, {}).startswith("No claim was tested with two seeds or more")


def test_what_is_assumed_is_a_difference_of_two_methods(capsys):
    found = claim_power.assumed(3.0, 600, 3, 27, 30.0)
    assert len(found) == 27
    spread = Spread(*found.loc[0, ["seed_sd", "clip_sd", "rest_sd", "prior"]])
    assert spread.seed == pytest.approx(math.sqrt(2) * 0.03)
    assert spread.clip**2 + spread.rest**2 == pytest.approx(0.3)
    assert main(["power", "--seed-sd", "3", "--clips", "600", "--claims", "27", "--effect", "8"]) == 0
    expected = claim_power.asked(found, 0.08)["seeds_needed"].iloc[0]
    assert f"{expected:.0f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--seed-sd", "3", "--clips", "600", "--effect", "0"], "--effect: 0 is not allowed; it must be above 0"),
        (["--seed-sd", "3", "--clips", "600", "--effect", "-2"], "--effect: -2"),
        (["--seed-sd", "3", "--clips", "600", "--power", "100"], "--power: 100"),
        (["--seed-sd", "3"], "--clips: it is missing"),
        (["--seed-sd", "-1", "--clips", "600"], "--seed-sd: it is -1"),
        (["--seed-sd", "3", "--clips", "600", "--seeds", "1"], "--seeds: it is 1"),
        (["--seed-sd", "3", "--clips", "600", "--claims", "0"], "--claims: it is 0"),
        (["--seed-sd", "3", "--clips", "600", "--differ", "0"], "--differ: 0"),
        ([], "give either a folder of results or --seed-sd"),
        (["results/none"], r"results/none/tables/power.csv does not exist; run the experiment first."),
    ],
)
def test_what_makes_no_sense_is_refused(given, message, capsys):
    assert main(["power", *given]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_number_is_named():
    with pytest.raises(UserError, match="--clips"):
        claim_power.assumed(3.0, None, 3, 1, 30.0)
