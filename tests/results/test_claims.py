"""Claims: contrasts, pairing, verdicts, and the file that declares them."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import yaml

from avbench.config.methods import PRESETS, RESERVED
from avbench.core.errors import UserError
from avbench.results.bootstrap import bootstrap, holm
from avbench.results.claims import Claim, Term, evaluate, read_claims
from avbench.results.outcomes import Outcomes
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
        cells[method, task, protocol, "audio", subset, "true"] = cell
    return cells


def claim(terms, task="in-domain", **other):
    values = {"id": "c", "text": "A sentence.", "protocol": "linear", "modality": "audio"} | other
    return Claim(task=task, terms=tuple(Term(*term) for term in terms), **values)


def verdict_of(outcomes, terms, task="in-domain", subsets=("small", "large"), **other):
    return evaluate(outcomes, [claim(terms, task, **other)], TASKS, subsets).iloc[0]


def correct(outcomes, method, task, subset, protocol="linear"):
    return outcomes[method, task, protocol, "audio", subset, "true"].correct


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
    expected = bootstrap(parts)
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
    alone = evaluate(outcomes, [tested[0], lacking], TASKS, ["small", "large"]).set_index("claim")
    assert alone.loc["weak", "p_holm"] == alone.loc["weak", "p"]
    assert math.isnan(alone.loc["lacking", "p_holm"])
    many = [claim(GAP, id=f"weak-{i}") for i in range(40)]
    table_of_all = evaluate(outcomes, [*tested, lacking, *many], TASKS, ["small", "large"]).set_index("claim")
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
    key = ("b", "farm", "linear", "audio", "small", "true")
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
    outcomes |= {(*cell[:4], "all", "true"): value for cell, value in table(["b"], ["small"]).items()}
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
    return outcomes | {(*cell[:5], "noisy"): value for cell, value in noisy.items()}


def test_two_cells_for_one_term_are_refused_unless_the_methods_own_labels_are_known():
    message = "claim c: method 'a' has 2 accuracies on task 'home', subset 'small', with the labels true and noisy"
    with pytest.raises(UserError, match=message):
        verdict_of(with_noise(), GAP)
    for own in ("true", "noisy"):
        found = evaluate(with_noise(), [claim(GAP)], TASKS, ["small", "large"], {"a": own}).iloc[0]
        alone = {
            cell: value for cell, value in with_noise().items() if (cell[0], cell[5]) in (("a", own), ("b", "true"))
        }
        assert found["effect"] == verdict_of(alone, GAP)["effect"]


def test_a_term_may_name_labels():
    outcomes = with_noise()
    terms = [("a", "smallest", 1, None, "noisy"), ("a", "smallest", -1, None, "true")]
    row = evaluate(outcomes, [claim(terms)], TASKS, ["small", "large"], {"a": "true"}).iloc[0]
    noisy = outcomes["a", "home", "linear", "audio", "small", "noisy"].correct
    assert row["effect"] == pytest.approx((noisy - correct(outcomes, "a", "home", "small")).mean(), abs=1e-6)
    unknown = [("a", "smallest", 1, None, "pseudo"), ("b", "smallest", -1)]
    assert evaluate(outcomes, [claim(unknown)], TASKS, ["small"], {"a": "true"}).iloc[0]["verdict"] == "not tested"


def test_methods_without_a_common_seed_are_not_tested():
    outcomes = table(["a"], seeds=[0]) | table(["b"], seeds=[1])
    assert verdict_of(outcomes, GAP)["verdict"] == "not tested"


def test_the_claims_that_come_with_the_project():
    claims = read_claims(CLAIMS)
    for one in claims:
        assert {term.method for term in one.terms} <= set(PRESETS) | set(RESERVED)
        assert sum(term.weight for term in one.terms) == 0
        assert one.task in ("in-domain", "out-of-domain")
    outcomes = table([*PRESETS, *RESERVED], protocols=("linear", "finetune", "supervised"))
    verdicts = evaluate(outcomes, claims, TASKS, ["small", "large"])
    columns = "claim, text, verdict, effect, ci_low, ci_high, p, p_holm, seeds, clips"
    assert list(verdicts.columns) == columns.split(", ")
    assert verdicts["claim"].tolist() == [one.id for one in claims]
    assert "not tested" not in set(verdicts["verdict"])
    without = {cell: value for cell, value in outcomes.items() if cell[2] == "linear"}
    lacking = evaluate(without, claims, TASKS, ["small", "large"])
    assert set(lacking["claim"][lacking["verdict"] == "not tested"]) == {
        one.id for one in claims if one.protocol == "finetune"
    }


@pytest.mark.parametrize(("given", "labels"), [("uniform-30", "uniform-30"), (True, "true")])
def test_a_file_may_name_a_terms_labels(tmp_path, given, labels):
    path = written(tmp_path, lambda c: c["claims"][0]["terms"][0].update(labels=given))
    first, second = read_claims(path)[0].terms
    assert (first.labels, second.labels) == (labels, None)


def written(tmp_path, change):
    content = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["claims"][2].update(tsk="x"), r"claims\[2\].*'tsk' was unexpected"),
        (lambda c: c.update(extra=1), "'extra' was unexpected"),
        (lambda c: c["claims"][0].pop("terms"), r"claims\[0\].*'terms' is a required"),
        (lambda c: c["claims"][0].pop("source"), r"claims\[0\].*'source' is a required"),
        (lambda c: c["claims"][0].update(source="theirs"), r"claims\[0\].source.*'theirs' is not one of"),
        (lambda c: c["claims"][0].update(expect="less"), r"claims\[0\].expect.*'greater' was expected"),
        (
            lambda c: c["claims"][0]["terms"][1].update(weight="one"),
            r"terms\[1\].weight.*'one' is not of type",
        ),
        (lambda c: c["claims"][0]["terms"][1].update(weight=0), r"terms\[1\].weight"),
        (lambda c: c["claims"][0]["terms"][1].update(labels=""), r"terms\[1\].labels"),
        (lambda c: c.update(claims=[]), "claims"),
        (lambda c: c["claims"].append(c["claims"][0]), "'soft-positive-small' is there twice"),
    ],
)
def test_a_file_that_breaks_the_schema_is_refused_with_the_place(tmp_path, change, message):
    path = written(tmp_path, change)
    with pytest.raises(UserError, match=message) as refusal:
        read_claims(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("text", ["claims: [", "", "- a", None])
def test_a_file_that_is_no_list_of_claims_is_refused(tmp_path, text):
    path = tmp_path / "claims.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"claims\.yaml"):
        read_claims(path)
