"""The file that declares claims."""

import numpy as np
import pandas as pd
import pytest
import yaml

from avbench.core.errors import UserError
from avbench.results.claims import Claim, Term, cells_of, read_claims
from avbench.results.outcomes import Outcomes
from tests.support.paths import CONFIG

CLAIMS = CONFIG / "claims.yaml"


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


def outcome(chance):
    right = np.random.default_rng(0).random((2, 50)) < chance
    return Outcomes(right.astype(float), (0, 1), pd.Index([f"clip-{clip}" for clip in range(50)]))


@pytest.mark.parametrize(
    ("protocol", "tasks"),
    [("linear", ["home", "near"]), ("linear-map", ["sets"]), ("retrieval-1", ["home", "near", "sets"])],
)
def test_a_claim_about_a_role_is_about_the_tasks_that_its_protocol_scores(protocol, tasks):
    scored = {"home": "linear", "near": "linear", "sets": "linear-map"}
    places = [(task, scores) for task, of in scored.items() for scores in (of, "retrieval-1")]
    found = {
        (method, task, scores, "audio", "few", "none", "default"): outcome(chance)
        for method, chance in (("random", 0.3), ("soft", 0.6))
        for task, scores in places
    }
    terms = (Term("soft", "few", 1.0), Term("random", "few", -1.0))
    claim = Claim("c", "it pays", "in-domain", protocol, "audio", terms)
    roles = dict.fromkeys(scored, "in-domain")
    told = cells_of(found, claim, {"default": 1.0}, roles, ["few"], {})
    assert list(told) == tasks
    assert all([sign for _, sign in cells] == [1 / len(tasks), -1 / len(tasks)] for cells in told.values())


def test_claims_on_words_are_those_on_every_set_with_the_sizes_named():
    named = {"smallest": "small", "largest": "large"}
    general = {claim["id"]: claim for claim in yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))["claims"]}
    words = yaml.safe_load((CONFIG / "real-words-claims.yaml").read_text(encoding="utf-8"))["claims"]
    shared = [claim for claim in words if claim["id"] in general]
    assert len(shared) > 15
    for claim in shared:
        terms = [term | {"subset": named[term["subset"]]} for term in general[claim["id"]]["terms"]]
        assert claim == general[claim["id"]] | {"terms": terms}
