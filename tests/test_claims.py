"""Claims: contrasts, pairing, verdicts, and the file that declares them."""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats as reference

from avbench.claims import Claim, Term, evaluate, read_claims
from avbench.errors import UserError
from avbench.methods import PRESETS, RESERVED

CLAIMS = Path(__file__).parents[1] / "config" / "claims.yaml"
TASKS = {"home": "in-domain", "street": "out-of-domain", "farm": "out-of-domain"}


def table(methods, subsets=("small", "large"), seeds=(0, 1, 2), **fixed):
    rng = np.random.default_rng(0)
    rows = [
        (*cell, "linear", "audio", "true", round(float(rng.random()), 6))
        for cell in itertools.product(methods, TASKS, subsets, seeds)
    ]
    columns = ["method", "task", "subset", "seed", "protocol", "modality", "labels", "accuracy"]
    return pd.DataFrame(rows, columns=columns).assign(**fixed).sample(frac=1, random_state=0)


def claim(terms, task="in-domain", **other):
    values = {"id": "c", "text": "A sentence.", "protocol": "linear", "modality": "audio"} | other
    return Claim(task=task, terms=tuple(Term(*term) for term in terms), **values)


def verdict_of(accuracy, terms, task="in-domain", subsets=("small", "large"), **other):
    return evaluate(accuracy, [claim(terms, task, **other)], TASKS, subsets).iloc[0]


def lookup(accuracy, method, task, subset, seed):
    for row in accuracy.to_dict("records"):
        if (row["method"], row["task"], row["subset"], row["seed"]) == (method, task, subset, seed):
            return row["accuracy"]
    raise KeyError


@pytest.mark.parametrize("task", ["in-domain", "out-of-domain", "farm"])
def test_effect_and_interval_against_a_loop(task):
    accuracy = table(["a", "b"])
    row = verdict_of(
        accuracy,
        [("a", "smallest", 1), ("b", "smallest", -1), ("a", "largest", -0.5), ("b", "large", 0.5)],
        task,
    )
    names = {"in-domain": ["home"], "out-of-domain": ["street", "farm"], "farm": ["farm"]}[task]
    effects = []
    for seed in range(3):
        gaps = []
        for subset in ("small", "large"):
            values = [lookup(accuracy, "a", n, subset, seed) - lookup(accuracy, "b", n, subset, seed) for n in names]
            gaps.append(sum(values) / len(values))
        effects.append(gaps[0] - 0.5 * gaps[1])
    expected = reference.t.interval(0.95, 2, np.mean(effects), reference.sem(effects))
    assert row["effect"] == pytest.approx(np.mean(effects), abs=1e-8)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected, abs=1e-7)
    assert row["seeds"] == 3


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        ([0.10, 0.11, 0.12], "holds"),
        ([-0.10, -0.11, -0.12], "does not hold"),
        ([0.10, -0.05, 0.02], "undecided"),
        ([0.0, 0.0, 0.0], "undecided"),
        ([0.1], "undecided"),
    ],
)
def test_verdicts(gaps, verdict):
    accuracy = table(["a", "b"], seeds=range(len(gaps)), accuracy=0.5)
    accuracy.loc[accuracy["method"] == "a", "accuracy"] += accuracy["seed"].map(dict(enumerate(gaps)))
    row = verdict_of(accuracy, [("a", "smallest", 1), ("b", "smallest", -1)])
    assert row["verdict"] == verdict
    assert row["effect"] == pytest.approx(np.mean(gaps))
    assert math.isnan(row["ci_low"]) == (len(gaps) == 1)


def test_gaps_that_are_equal_are_not_an_effect_of_rounding():
    accuracy = table(["a", "b"], accuracy=0.0)
    for (method, subset), value in {
        ("a", "small"): 0.3,
        ("b", "small"): 0.2,
        ("a", "large"): 0.4,
        ("b", "large"): 0.3,
    }.items():
        accuracy.loc[(accuracy["method"] == method) & (accuracy["subset"] == subset), "accuracy"] = value
    terms = [("a", "smallest", 1), ("b", "smallest", -1), ("a", "largest", -1), ("b", "largest", 1)]
    assert (0.3 - 0.2) - (0.4 - 0.3) != 0
    assert verdict_of(accuracy, terms)["verdict"] == "undecided"


def test_seeds_are_paired_and_only_common_ones_count():
    accuracy = table(["a", "b"], seeds=range(4))
    accuracy.loc[accuracy["method"] == "a", "accuracy"] = accuracy["seed"] / 10 + 0.1 + accuracy["seed"] ** 2 / 1000
    accuracy.loc[accuracy["method"] == "b", "accuracy"] = accuracy["seed"] / 10
    accuracy = accuracy[(accuracy["method"] != "b") | (accuracy["seed"] != 3)]
    row = verdict_of(accuracy, [("a", "smallest", 1), ("b", "smallest", -1)])
    assert row["seeds"] == 3
    assert row["effect"] == pytest.approx(0.1 + (0 + 1 + 4) / 3000)
    assert row["verdict"] == "holds"


def test_rows_of_all_subsets_count_for_every_subset():
    accuracy = table(["a", "b"], accuracy=0.5)
    accuracy = accuracy[(accuracy["method"] != "b") | (accuracy["subset"] == "small")]
    accuracy.loc[accuracy["method"] == "b", ["subset", "accuracy"]] = ["all", 0.2]
    row = verdict_of(accuracy, [("a", "largest", 1), ("b", "largest", -1)])
    assert row["effect"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("terms", "other"),
    [
        ([("a", "smallest", 1), ("c", "smallest", -1)], {}),
        ([("a", "middle", 1), ("b", "middle", -1)], {}),
        ([("a", "smallest", 1), ("b", "smallest", -1)], {"task": "elsewhere"}),
        ([("a", "smallest", 1), ("b", "smallest", -1)], {"protocol": "finetune"}),
        ([("a", "smallest", 1), ("b", "smallest", -1)], {"modality": "video"}),
        ([("a", "largest", 1), ("b", "largest", -1)], {"subsets": ["small"]}),
    ],
)
def test_what_the_experiment_lacks_is_not_tested(terms, other):
    row = verdict_of(table(["a", "b"]), terms, **other)
    assert row["verdict"] == "not tested"
    assert math.isnan(row["effect"])
    assert math.isnan(row["ci_low"])
    assert row["seeds"] == 0


def test_two_accuracies_for_one_seed_are_refused():
    accuracy = table(["a", "b"])
    with pytest.raises(UserError, match="claim c: method 'a' has two accuracies for one seed on task 'home'"):
        verdict_of(pd.concat([accuracy, accuracy]), [("a", "smallest", 1), ("b", "smallest", -1)])


def test_methods_without_a_common_seed_are_not_tested():
    accuracy = table(["a", "b"], seeds=range(2))
    accuracy = accuracy[(accuracy["method"] == "a") == (accuracy["seed"] == 0)]
    assert verdict_of(accuracy, [("a", "smallest", 1), ("b", "smallest", -1)])["verdict"] == "not tested"


def test_the_claims_that_come_with_the_project():
    claims = read_claims(CLAIMS)
    for one in claims:
        assert {term.method for term in one.terms} <= set(PRESETS) | set(RESERVED)
        assert sum(term.weight for term in one.terms) == 0
        assert one.task in ("in-domain", "out-of-domain")
    accuracy = table([*PRESETS, *RESERVED])
    verdicts = evaluate(accuracy, claims, TASKS, ["small", "large"])
    assert list(verdicts.columns)[:6] == ["claim", "text", "verdict", "effect", "ci_low", "ci_high"]
    assert verdicts["claim"].tolist() == [one.id for one in claims]
    assert "not tested" not in set(verdicts["verdict"])


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
        (lambda c: c["claims"][0].update(expect="less"), r"claims\[0\].expect.*'greater' was expected"),
        (
            lambda c: c["claims"][0]["terms"][1].update(weight="one"),
            r"terms\[1\].weight.*'one' is not of type",
        ),
        (lambda c: c["claims"][0]["terms"][1].update(weight=0), r"terms\[1\].weight"),
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
