"""The file that declares claims."""

import pytest
import yaml

from avbench.core.errors import UserError
from avbench.results.claims import read_claims
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
