"""Pairs that do not match: which runs they add, what those are told, and what is refused before any job."""

import copy

import pytest
import yaml

from avbench.core.errors import UserError
from avbench.plan.jobs import Plan

SWAPPED = {"kind": "swapped", "rate": [0, 0.1, 0.25]}


@pytest.fixture
def planned(root):
    """Return what plans the tiny experiment with some pairs."""
    config = yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))
    config["methods"] = {"random": "preset", "soft-positive": "preset"}

    def plan(pairs, **changes):
        return Plan(copy.deepcopy(config) | {"pairs": pairs} | changes, root)

    return plan


def test_every_method_is_run_with_them_beside_its_own_labels(planned):
    plain, plan = planned({}), planned({"swapped": SWAPPED})
    added = [run for run in plan.runs() if run not in plain.runs()]
    own = plan.own_labels()
    assert own == plain.own_labels()
    assert {(run.method, run.labels) for run in added} == {
        (method, f"{own[method]}+swapped-{rate}") for method in plan.methods for rate in (10, 25)
    }
    assert {run.subset for run in added} == set(plan.subsets)
    for run in added:
        told = plan.mismatch_settings(run.labels)
        assert told == {"mismatch": {"kind": "swapped", "rate": int(run.labels[-2:]) / 100}}
        assert plan.method_settings(run.method, run.labels) == plain.method_settings(run.method, own[run.method])
        assert plan.label_file(run.subset, run.labels, 0) == plain.label_file(run.subset, own[run.method], 0)
    assert all(plan.mismatch_settings(run.labels) == {} for run in plain.runs())


def test_methods_and_subsets_can_be_chosen(planned):
    chosen = {**SWAPPED, "methods": ["random"], "subsets": [next(iter(planned({}).subsets))]}
    plan = planned({"swapped": chosen})
    added = [run for run in plan.runs() if "+" in run.labels]
    assert {run.method for run in added} == {"random"}
    assert {run.subset for run in added} == set(chosen["subsets"])


MUTED = {"kind": "muted", "rate": 0.5}
GIVEN = {"audio": {"features": "a.npz"}, "video": {"features": "v.npz"}}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({"kind": "swapped", "rate": 0.1, "methods": ["rendom"]}, "'rendom' is not declared"),
        ({"kind": "swapped", "rate": 0.1, "subsets": ["none"]}, "'none' is not declared"),
        ({"kind": "swapped", "rate": 0.1, "methods": ["soft-positive"]}, "'random' is not among them, and gains are"),
        ({"kind": "swapped", "rate": 1.5}, "rate"),
        ({"kind": "torn", "rate": 0.1}, "it must be one of swapped, shifted, muted, frozen"),
        ({"kind": "shifted", "rate": 0.1}, "kind: shifted and shift_s go together"),
        ({"kind": "shifted", "rate": 0.1, "shift_s": 60}, "60 s is more than .* Lower it"),
        ({"kind": "swapped", "rate": [0.1, 0.1]}, "repetitions"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(planned, pairs, message):
    with pytest.raises(UserError, match=message) as raised:
        planned({"mine": pairs})
    assert "pairs.mine" in str(raised.value)


def test_features_that_were_given_can_be_swapped_and_nothing_else(planned):
    pretraining = planned({}).config["pretraining"] | {"model": GIVEN}
    assert planned({"mine": SWAPPED}, pretraining=pretraining).mismatches
    with pytest.raises(UserError, match="'muted' changes what is heard or seen"):
        planned({"mine": MUTED}, pretraining=pretraining)


def test_labels_of_a_first_round_would_flatter(planned):
    labels = {"groups": {"kind": "clusters", "k": 4}}
    methods = {"random": "preset", "grouped": {"positive": "same-class", "labels": "groups"}}
    with pytest.raises(UserError, match="method 'grouped' pairs by labels 'groups', which a first round makes"):
        planned({"mine": MUTED}, labels=labels, methods=methods)
    assert planned({"mine": MUTED | {"methods": ["random"]}}, labels=labels, methods=methods)
