import pytest

from avbench.pages import claim_rows
from avbench.pages.page_plan import PagePlan
from avbench.results.verdicts import FAILS, HOLDS, NOT_TESTED, UNDECIDED
from tests.support import paged

NAN = float("nan")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return claim_rows.rows(paged.write_tables(tmp_path_factory.mktemp("paged")), PagePlan(**paged.plan()))


def test_claims_keep_their_order_and_numbers(rows):
    assert [(row.claim, row.verdict) for row in rows] == [
        *((claim, verdict) for claim, (verdict, _, _) in paged.CLAIMS.items()),
        ("finetuned", NOT_TESTED),
    ]
    assert [row.effect for row in rows[:3]] == [effect for _, effect, _ in paged.CLAIMS.values()]
    assert claim_rows.counts(rows) == {HOLDS: 1, FAILS: 1, UNDECIDED: 1, NOT_TESTED: 1}


def test_the_runs_behind_a_claim_add_up_to_it(rows):
    small = rows[0]
    assert [run["weight"] for run in small.runs] == [1, -1]
    total = sum(run["weight"] * run["mean"] for run in small.runs)
    assert total == pytest.approx(small.effect)
    assert small.runs[0]["text"].startswith("soft positive, Home, small; linear probe, audio; true labels")
    assert small.runs[0]["seeds"] == pytest.approx({0: 0.48, 1: 0.49, 2: 0.5})


def test_runs_are_shown_with_the_seeds_that_the_claim_rests_on(tmp_path):
    read = paged.write_tables(tmp_path)
    read["claims"].loc[0, "seeds"] = 2  # it was decided by two; another claim asked for the third
    (small, *_) = claim_rows.rows(read, PagePlan(**paged.plan()))
    assert small.runs[0]["seeds"] == pytest.approx({0: 0.48, 1: 0.49})
    assert small.runs[0]["mean"] == pytest.approx(0.485)


def test_what_was_not_tested_has_no_runs_and_no_numbers(rows):
    assert rows[-1].runs == ()
    assert not rows[-1].tested


def test_the_plot_has_the_effect_at_each_budget_in_points(rows):
    assert [each["budget"] for each in rows[0].chart["budgets"]] == ["short", "long"]
    assert rows[0].chart["budgets"][0]["effect"] == pytest.approx(8)
    assert rows[0].chart["published"] == pytest.approx(6.7)
    assert rows[1].chart["published"] is None


def test_the_drawings_reach_as_far_as_any_bound(rows):
    assert claim_rows.limit(rows) == pytest.approx(0.11)


def test_numbers_are_written_for_readers():
    assert claim_rows.points(-0.0834) == "−8.3"
    assert claim_rows.interval(-0.01, 0.25) == "−1.0 to 25.0"
    assert (claim_rows.p_value(0.0004), claim_rows.p_value(0.0421)) == ("< 0.001", "0.042")
    assert {claim_rows.points(NAN), claim_rows.interval(NAN, NAN), claim_rows.p_value(NAN)} == {"–"}
