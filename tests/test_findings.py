"""What README and findings say is what the committed tables say, to the digit."""

import re

import pandas as pd
import pytest

STUDIES = ("real-words", "reference", "factors")
PAGES = ("README.md", "docs/findings.md", "docs/controlled-dataset.md")
# An effect in points with its interval; the older tables of how the generator was tuned write [a, b].
INTERVAL = re.compile(r"([+−]?\d+\.\d)(?: points)?(?: of [a-z]+)?\*? \(([+−]?\d+\.\d) to ([+−]?\d+\.\d)\)")
SHARE = re.compile(r"(\d+\.\d) %")
# table → its effect and the bounds of the interval
EFFECTS = {
    "claims": [("effect", "ci_low", "ci_high"), ("change", "change_low", "change_high")],
    "claims_by_budget": [("effect", "ci_low", "ci_high")],
    "comparisons": [("difference", "ci_low", "ci_high")],
    "budgets": [("gain", "ci_low", "ci_high")],
    "gains": [("difference", "ci_low", "ci_high"), ("change", "change_low", "change_high")],
}


@pytest.fixture(scope="module")
def tables(root):
    return {
        (study, path.stem): pd.read_csv(path)
        for study in STUDIES
        for path in sorted((root / "results" / study).glob("**/*.csv"))
    }


@pytest.fixture(scope="module")
def known(tables):
    """Every effect with its interval, in tenths of a point, in either direction."""
    found = set()
    for (_, name), table in tables.items():
        for columns in EFFECTS.get(name, []):
            for effect, low, high in table.reindex(columns=list(columns)).dropna().itertuples(index=False):
                found |= {(_point(effect), _point(low), _point(high)), (_point(-effect), _point(-high), _point(-low))}
    return found


def _point(share):
    """Write a share in percentage points as the pages do."""
    return f"{100 * share:.1f}".replace("-0.0", "0.0")


def _plain(text):
    return text.replace("−", "-").removeprefix("+").replace("-0.0", "0.0")


@pytest.mark.parametrize("page", PAGES)
def test_intervals_are_those_of_the_tables(page, root, known):
    text = " ".join((root / page).read_text(encoding="utf-8").split())
    told = [tuple(map(_plain, match)) for match in INTERVAL.findall(text)]
    assert [interval for interval in told if interval not in known] == []
    assert told or page != "docs/findings.md"


def test_accuracies_of_findings_are_those_of_the_tables(root, tables):
    means = {_point(mean) for (_, name), table in tables.items() if name == "summary" for mean in table["mean"]}
    told = SHARE.findall((root / "docs/findings.md").read_text(encoding="utf-8"))
    assert [share for share in told if share not in means] == []


def test_the_table_of_claims_is_made_of_the_tables(root):
    from docs.figures import make_findings

    text = (root / "docs/findings.md").read_text(encoding="utf-8")
    assert text.split(make_findings.BEGIN)[1].split(make_findings.END)[0].strip() == make_findings.table()


def test_results_that_are_committed_are_small(root):
    for study in STUDIES:
        files = [path for path in (root / "results" / study).glob("**/*") if path.is_file()]
        assert sum(path.stat().st_size for path in files if path.suffix == ".csv") < 1_000_000
        assert max(path.stat().st_size for path in files) < 1_000_000
