"""Verdicts: contrasts, pairing, families and budgets."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from avbench.config.methods import PRESETS, RESERVED
from avbench.core.errors import UserError
from avbench.results.claims import Claim, Term, read_claims
from avbench.results.estimates import estimate
from avbench.results.multiplicity import holm
from avbench.results.outcomes import Outcomes
from avbench.results.stopping import Looks
from avbench.results.verdicts import BUDGET_COLUMNS, COLUMNS, by_budget, judge, overall
from tests.support.paths import CONFIG

CLAIMS = CONFIG / "claims.yaml"
TASKS = {"home": "in-domain", "street": "out-of-domain", "farm": "out-of-domain"}
CLIPS = {"home": 200, "street": 120, "farm": 80}
GAP = [("a", "smallest", 1), ("b", "smallest", -1)]


def table(methods, subsets=("small", "large"), seeds=(0, 1, 2), protocols=("linear",), chance=None):
    """Outcomes of every cell; ``chance`` is each method's accuracy."""
    rng = np.random.default_rng(0)
    cells = {}
    for method, task, protocol, subset in itertools.product(methods, TASKS, protocols, subsets):
        right = rng.random((len(seeds), CLIPS[task])) < (chance or {}).get(method, 0.5)
        cell = Outcomes(right.astype(np.float32), tuple(seeds), pd.RangeIndex(CLIPS[task]))
        cells[method, task, protocol, "audio", subset, "true", "default"] = cell
    return cells


def claim(terms, task="in-domain", **other):
    values = {"id": "c", "text": "A sentence.", "protocol": "linear", "modality": "audio"} | other
    return Claim(task=task, terms=tuple(Term(*term) for term in terms), **values)


def verdict_of(outcomes, terms, task="in-domain", subsets=("small", "large"), **other):
    return evaluate(outcomes, [claim(terms, task, **other)], TASKS, subsets)[0].iloc[0]


def evaluate(*args, **more):
    """The table over all budgets, and that of each."""
    judged = judge(*args, **more)
    return overall(judged), by_budget(judged)


def correct(outcomes, method, task, subset, protocol="linear"):
    return outcomes[method, task, protocol, "audio", subset, "true", "default"].correct


@pytest.mark.parametrize("task", ["in-domain", "out-of-domain", "farm"])
def test_effect_interval_and_p_are_of_the_weighted_sum_clip_by_clip(task):
    outcomes = table(["a", "b"])
    terms = [("a", "smallest", 1), ("b", "smallest", -1), ("a", "largest", -0.5), ("b", "large", 0.5)]
    row = verdict_of(outcomes, terms, task)
    names = {"in-domain": ["home"], "out-of-domain": ["street", "farm"], "farm": ["farm"]}[task]
    parts = {}
    for name in names:
        small, large = (correct(outcomes, "a", name, s) - correct(outcomes, "b", name, s) for s in ("small", "large"))
        parts[name] = (small - 0.5 * large) / len(names)
    expected = estimate(parts)
    assert row["effect"] == pytest.approx(sum(part.mean() for part in parts.values()), abs=1e-6)
    assert tuple(row[["effect", "ci_low", "ci_high", "p"]]) == pytest.approx(
        (expected.mean, expected.low, expected.high, expected.p), abs=1e-6
    )
    assert (row["seeds"], row["clips"]) == (3, sum(CLIPS[name] for name in names))


@pytest.mark.parametrize(
    ("chance", "seeds", "verdict"),
    [
        ({"a": 0.7, "b": 0.4}, (0, 1, 2), "holds"),
        ({"a": 0.4, "b": 0.7}, (0, 1, 2), "does not hold"),
        ({"a": 0.5, "b": 0.5}, (0, 1, 2), "undecided"),
        ({"a": 0.7, "b": 0.4}, (0,), "undecided"),
    ],
)
def test_verdicts(chance, seeds, verdict):
    row = verdict_of(table(["a", "b"], seeds=seeds, chance=chance), GAP)
    assert row["verdict"] == verdict
    assert row["ci_low"] < row["effect"] < row["ci_high"]
    assert math.isnan(row["p"]) == math.isnan(row["p_holm"]) == (len(seeds) == 1)


def test_p_values_are_adjusted_for_the_tested_claims_and_decide_with_the_interval():
    outcomes = table(["a", "b", "c"], chance={"a": 0.61, "c": 0.9})
    tested = [claim(GAP, id="weak"), claim([("c", "smallest", 1), ("b", "smallest", -1)], id="strong")]
    lacking = claim([("d", "smallest", 1), ("b", "smallest", -1)], id="lacking")
    alone = evaluate(outcomes, [tested[0], lacking], TASKS, ["small", "large"])[0].set_index("claim")
    assert alone.loc["weak", "p_holm"] == alone.loc["weak", "p"]
    assert math.isnan(alone.loc["lacking", "p_holm"])
    many = [claim(GAP, id=f"weak-{i}") for i in range(40)]
    table_of_all = evaluate(outcomes, [*tested, lacking, *many], TASKS, ["small", "large"])[0].set_index("claim")
    assert table_of_all["p_holm"].tolist() == pytest.approx(holm(table_of_all["p"]).tolist(), nan_ok=True)
    weak = table_of_all.loc["weak"]
    assert weak["ci_low"] > 0
    assert weak["p"] < 0.05 < weak["p_holm"]
    assert (alone.loc["weak", "verdict"], weak["verdict"]) == ("holds", "undecided")
    assert table_of_all.loc["strong", "verdict"] == "holds"


def test_a_term_may_have_a_protocol_of_its_own():
    outcomes = table(["a", "b"], protocols=("finetune", "supervised"))
    terms = [("a", "smallest", 1), ("b", "smallest", -1, "supervised")]
    row = verdict_of(outcomes, terms, protocol="finetune")
    gap = correct(outcomes, "a", "home", "small", "finetune") - correct(outcomes, "b", "home", "small", "supervised")
    assert row["effect"] == pytest.approx(gap.mean(), abs=1e-6)


def test_gaps_that_are_equal_are_not_an_effect_of_rounding():
    outcomes = table(["a", "b"])
    for cell in [cell for cell in outcomes if cell[0] == "a"]:
        outcomes[cell] = outcomes["b", *cell[1:]]
    row = verdict_of(outcomes, [("a", "smallest", 0.1), ("a", "smallest", 0.2), ("b", "smallest", -0.3)])
    assert (row["effect"], row["p"], row["verdict"]) == (0, 1, "undecided")


def test_only_seeds_that_all_terms_have_count_on_all_tasks():
    outcomes = table(["a", "b"], seeds=range(4))
    key = ("b", "farm", "linear", "audio", "small", "true", "default")
    outcomes[key] = Outcomes(outcomes[key].correct[:3], (0, 1, 2), outcomes[key].clips)
    row = verdict_of(outcomes, GAP, "out-of-domain")
    gaps = [
        (correct(outcomes, "a", name, "small")[:3] - correct(outcomes, "b", name, "small")[:3]).mean() / 2
        for name in ("street", "farm")
    ]
    assert row["seeds"] == 3
    assert row["effect"] == pytest.approx(sum(gaps), abs=1e-6)


def test_outcomes_of_all_subsets_count_for_every_subset():
    outcomes = table(["a"], chance={"a": 0.5})
    outcomes |= {(*cell[:4], "all", "true", "default"): value for cell, value in table(["b"], ["small"]).items()}
    row = verdict_of(outcomes, [("a", "largest", 1), ("b", "largest", -1)])
    gap = correct(outcomes, "a", "home", "large") - correct(outcomes, "b", "home", "all")
    assert row["effect"] == pytest.approx(gap.mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("terms", "other"),
    [
        ([("a", "smallest", 1), ("c", "smallest", -1)], {}),
        ([("a", "middle", 1), ("b", "middle", -1)], {}),
        (GAP, {"task": "elsewhere"}),
        (GAP, {"protocol": "finetune"}),
        ([("a", "smallest", 1), ("b", "smallest", -1, "supervised")], {}),
        (GAP, {"modality": "video"}),
        ([("a", "largest", 1), ("b", "largest", -1)], {"subsets": ["small"]}),
    ],
)
def test_what_the_experiment_lacks_is_not_tested(terms, other):
    row = verdict_of(table(["a", "b"]), terms, **other)
    assert row["verdict"] == "not tested"
    assert row[["effect", "ci_low", "ci_high", "p", "p_holm"]].isna().all()
    assert (row["seeds"], row["clips"]) == (0, 0)


def with_noise():
    """Outcomes of two methods with true labels, and of the first with wrong ones too."""
    outcomes = table(["a", "b"], chance={"a": 0.7, "b": 0.5})
    noisy = table(["a"], chance={"a": 0.6})
    return outcomes | {(*cell[:5], "noisy", "default"): value for cell, value in noisy.items()}


def test_two_cells_for_one_term_are_refused_unless_the_methods_own_labels_are_known():
    message = "claim c: method 'a' has 2 accuracies on task 'home', subset 'small', with the labels true and noisy"
    with pytest.raises(UserError, match=message):
        verdict_of(with_noise(), GAP)
    for own in ("true", "noisy"):
        found = evaluate(with_noise(), [claim(GAP)], TASKS, ["small", "large"], {"a": own})[0].iloc[0]
        alone = {
            cell: value for cell, value in with_noise().items() if (cell[0], cell[5]) in (("a", own), ("b", "true"))
        }
        assert found["effect"] == verdict_of(alone, GAP)["effect"]


def test_a_term_may_name_labels():
    outcomes = with_noise()
    terms = [("a", "smallest", 1, None, "noisy"), ("a", "smallest", -1, None, "true")]
    row = evaluate(outcomes, [claim(terms)], TASKS, ["small", "large"], {"a": "true"})[0].iloc[0]
    noisy = outcomes["a", "home", "linear", "audio", "small", "noisy", "default"].correct
    assert row["effect"] == pytest.approx((noisy - correct(outcomes, "a", "home", "small")).mean(), abs=1e-6)
    unknown = [("a", "smallest", 1, None, "pseudo"), ("b", "smallest", -1)]
    assert evaluate(outcomes, [claim(unknown)], TASKS, ["small"], {"a": "true"})[0].iloc[0]["verdict"] == "not tested"


LENGTHS = ("steps-5", "steps-20", "steps-80")


def at_lengths(*chances, seeds=(0, 1, 2)):
    """Outcomes of two methods at several budgets; ``chances`` are those of the first, the other's is a half."""
    found = {}
    for number, (length, chance) in enumerate(zip(LENGTHS, chances, strict=False)):
        for cell, value in table(["a", "b"], seeds=seeds, chance={"a": chance}).items():
            rows = np.roll(value.correct, 7 * number, axis=1)  # of each budget other clips
            found[*cell[:6], length] = Outcomes(rows, value.seeds, value.clips)
    return found


@pytest.mark.parametrize(
    ("chances", "each", "verdict"),
    [
        ((0.8, 0.85, 0.9), ["holds"] * 3, "holds"),
        ((0.2, 0.2), ["does not hold"] * 2, "does not hold"),
        ((0.2, 0.9), ["does not hold", "holds"], "depends on the budget"),
        ((0.5, 0.9), ["undecided", "holds"], "depends on the budget"),
        ((0.9, 0.5), ["holds", "undecided"], "depends on the budget"),
        ((0.5, 0.5), ["undecided"] * 2, "undecided"),
        ((0.9, 0.5, 0.9), ["holds", "undecided", "holds"], "undecided"),  # the ends agree, what lies between does not
        ((0.7, 0.9), ["holds", "holds"], "holds"),  # by other amounts, but at every budget
    ],
)
def test_over_several_budgets_a_verdict_is_what_all_of_them_say(chances, each, verdict):
    outcomes, lengths = at_lengths(*chances), LENGTHS[: len(chances)]
    whole, each_budget = evaluate(outcomes, [claim(GAP)], TASKS, ["small", "large"], budgets=lengths)
    assert each_budget["budget"].tolist() == list(lengths)
    assert each_budget["verdict"].tolist() == each
    (row,) = whole.to_dict("records")
    assert (row["verdict"], row["budgets"]) == (verdict, len(lengths))
    last = each_budget.iloc[-1]
    for name in ("effect", "ci_low", "ci_high", "seeds", "clips"):
        assert row[name] == last[name]
    signs = set(np.sign(each_budget["effect"]))
    assert row["p"] == (each_budget["p"].max() if len(signs) == 1 else 1)

    def gap(length):
        first, other = (outcomes[name, "home", "linear", "audio", "small", "true", length] for name in "ab")
        return first.correct.astype(float) - other.correct

    expected = estimate({"home": gap(lengths[-1]) - gap(lengths[0])})
    found = [row[name] for name in ("change", "change_low", "change_high", "change_p")]
    assert found == pytest.approx([expected.mean, expected.low, expected.high, expected.p], abs=1e-6)


def test_both_families_of_p_values_are_adjusted_over_the_claims():
    outcomes = at_lengths(0.58, 0.62)
    lacking = claim([("c", "smallest", 1), ("b", "smallest", -1)], id="lacking")
    claims = [*(claim([("a", "smallest", 1 + i), ("b", "smallest", -1 - i)], id=f"c{i}") for i in range(9)), lacking]
    whole, each_budget = evaluate(outcomes, claims, TASKS, ["small", "large"], budgets=LENGTHS[:2])
    for name in ("p", "change_p"):
        assert whole[f"{name}_holm"].tolist() == pytest.approx(holm(whole[name]).tolist(), nan_ok=True)
    for _, part in each_budget.groupby("budget"):
        assert part["p_holm"].tolist() == pytest.approx(holm(part["p"]).tolist(), nan_ok=True)
    assert whole["verdict"].iloc[-1] == "not tested"
    assert whole.iloc[-1][["effect", "p", "change", "change_p_holm"]].isna().all()


def test_a_claim_may_be_about_one_budget():
    outcomes = at_lengths(0.9, 0.5)
    first, everywhere = claim(GAP, id="first", budget=LENGTHS[0]), claim(GAP)
    whole, each_budget = evaluate(outcomes, [first, everywhere], TASKS, ["small", "large"], budgets=LENGTHS[:2])
    assert each_budget.groupby("claim").size().to_dict() == {"first": 1, "c": 2}
    row = whole.set_index("claim").loc["first"]
    assert (row["verdict"], row["budgets"]) == ("holds", 1)
    assert math.isnan(row["change"])
    elsewhere = evaluate(outcomes, [claim(GAP, budget="hours-3")], TASKS, ["small"], budgets=LENGTHS[:2])[0]
    assert elsewhere["verdict"].tolist() == ["not tested"]


def test_what_depends_on_no_budget_counts_for_every_one():
    outcomes = at_lengths(0.9, 0.9)
    for cell in [cell for cell in outcomes if cell[0] == "b"]:
        value = outcomes.pop(cell)
        outcomes[*cell[:6], "all"] = value
    whole, _ = evaluate(outcomes, [claim(GAP)], TASKS, ["small", "large"], budgets=LENGTHS[:2])
    assert (whole["verdict"].item(), whole["budgets"].item()) == ("holds", 2)


def test_with_a_single_seed_nothing_depends_on_the_budget():
    whole, _ = evaluate(at_lengths(0.1, 0.9, seeds=(0,)), [claim(GAP)], TASKS, ["small"], budgets=LENGTHS[:2])
    assert whole["verdict"].item() == "undecided"
    assert whole["change"].item() > 0.5


def test_methods_without_a_common_seed_are_not_tested():
    outcomes = table(["a"], seeds=[0]) | table(["b"], seeds=[1])
    assert verdict_of(outcomes, GAP)["verdict"] == "not tested"


def test_the_claims_that_come_with_the_project():
    claims = read_claims(CLAIMS)
    for one in claims:
        assert {term.method for term in one.terms} <= set(PRESETS) | set(RESERVED) | {"supcon"}
        assert sum(term.weight for term in one.terms) == 0
        assert one.task in ("in-domain", "out-of-domain")
    outcomes = table([*PRESETS, *RESERVED, "supcon"], protocols=("linear", "finetune", "supervised"))
    verdicts, each_budget = evaluate(outcomes, claims, TASKS, ["small", "large"])
    assert list(verdicts.columns) == list(COLUMNS)
    assert list(each_budget.columns) == list(BUDGET_COLUMNS)
    same = ["claim", "verdict", "effect", "ci_low", "ci_high", "p", "p_holm", "seeds", "clips"]
    pd.testing.assert_frame_equal(verdicts[same], each_budget[same])  # with one budget they say the same
    assert set(verdicts["budgets"]) == {1}
    assert verdicts[["change", "change_low", "change_high", "change_p", "change_p_holm"]].isna().all(axis=None)
    assert verdicts["claim"].tolist() == [one.id for one in claims]
    unseen = {one.id for one in claims if one.modality == "video"}  # the outcomes are of sound
    assert set(verdicts["claim"][verdicts["verdict"] == "not tested"]) == unseen
    without = {cell: value for cell, value in outcomes.items() if cell[2] == "linear"}
    lacking, _ = evaluate(without, claims, TASKS, ["small", "large"])
    assert set(lacking["claim"][lacking["verdict"] == "not tested"]) == unseen | {
        one.id for one in claims if one.protocol == "finetune"
    }


def test_with_looks_each_claim_has_the_seeds_that_it_needed():
    outcomes = table(["a", "b", "c"], seeds=range(8), chance={"a": 0.9, "b": 0.5, "c": 0.52})
    claims = [claim(GAP, id="clear"), claim([("c", "smallest", 1), ("b", "smallest", -1)], id="close")]
    found = evaluate(outcomes, claims, TASKS, ["small"], looks=Looks((3, 5, 8), 3, 0.3))[1].set_index("claim")
    assert (found.loc["clear", "seeds"], found.loc["clear", "stopped"]) == (3, "decided")
    assert found.loc["clear", "verdict"] == "holds"
    assert found.loc["close", "verdict"] == "undecided"
    assert found.loc["close", "stopped"] in ("too small", "futile", "out of seeds")
    first = evaluate(outcomes, claims, TASKS, ["small"], looks=Looks((3, 5, 8), 1, 0.3))[1].set_index("claim")
    assert set(first["seeds"]) == {3}
    listed = evaluate(outcomes, claims, TASKS, ["small"])[1]
    assert set(listed["stopped"]) == {"listed"}
    assert set(listed["seeds"]) == {8}
