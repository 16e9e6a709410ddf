"""Who claims what, and the publication's own numbers for it."""

import math

import pandas as pd
import pytest

from avbench.results import claims, published, published_claims, verdicts
from avbench.results.claims import Claim, Term
from avbench.results.published_claims import beside, effect
from tests.support.paths import CONFIG

PUBLISHED = published.read(CONFIG / "published.yaml")
SIZES = ["fewest", "few", "many"]
TASKS = {
    "home": {"role": "in-domain", "published_task": "vggsound"},
    "street": {"role": "out-of-domain", "published_task": "fsdnoisy18k-clean"},
}


def claim(*terms, task="in-domain", protocol="linear", modality="audio", **other):
    terms = tuple(Term(method, subset, weight, **more) for method, subset, weight, more in terms)
    return Claim("c", "A sentence.", task, protocol, modality, terms, **other)


def over(method, baseline, **more):
    return (method, "smallest", 1, more), (baseline, "smallest", -1, {})


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (claim(*over("soft-positive", "random")), 0.205 - 0.138),
        (claim(*over("easy-negative", "random")), 0.131 - 0.138),
        (claim(*over("easy-negative", "random"), protocol="linear-sgd"), 0.131 - 0.138),  # what they call linear
        (claim(*over("soft-positive", "random"), task="street"), 0.529 - 0.449),
        (claim(*over("soft-positive", "random"), task="out-of-domain"), 0.529 - 0.449),  # of the tasks that there are
        (claim(("soft-positive", "smallest", 0.5, {}), protocol="finetune"), 0.5 * 0.323),
        (
            claim(("soft-positive", "smallest", 1, {}), ("supervised", "smallest", -1, {"protocol": "supervised"})),
            0.205 - 0.317,
        ),
    ],
)
def test_the_published_effect_is_the_same_weighted_sum(stated, expected):
    assert effect(stated, PUBLISHED, TASKS, SIZES) == pytest.approx(expected)


def test_a_subset_may_be_named_for_the_published_one_if_it_is_not_the_largest_of_several():
    named = claim(("soft-positive", "few", 1, {}), ("random", "few", -1, {}))
    assert effect(named, PUBLISHED, TASKS, SIZES) == pytest.approx(0.205 - 0.138)
    assert effect(named, PUBLISHED, TASKS, ["few"]) == pytest.approx(0.205 - 0.138)
    assert math.isnan(effect(named, PUBLISHED, TASKS, ["fewest", "few"]))


@pytest.mark.parametrize(
    "stated",
    [
        claim(*over("soft-positive", "untrained")),
        claim(*over("soft-positive", "random", labels="pair-flip-30")),
        claim(*over("soft-positive", "random"), modality="video"),
        claim(*over("soft-positive", "random"), protocol="knn"),
        claim(("soft-positive", "largest", 1, {}), ("random", "largest", -1, {})),  # published is one set, a small one
        claim(("soft-positive", "many", 1, {}), ("random", "many", -1, {})),
        claim(("soft-positive", "few", 1, {}), ("random", "fewest", -1, {})),
        claim(*over("soft-positive", "random"), task="elsewhere"),
    ],
)
def test_what_is_not_published_has_no_effect(stated):
    assert math.isnan(effect(stated, PUBLISHED, TASKS, SIZES))


def test_without_counterparts_all_published_tasks_of_the_role_count():
    stated = claim(*over("soft-positive", "random"), task="out-of-domain")
    mean = ((0.598 - 0.596) + (0.529 - 0.449)) / 2
    for tasks in ({}, {"street": {"role": "out-of-domain"}}, TASKS | {"farm": {"role": "out-of-domain"}}):
        assert effect(stated, PUBLISHED, tasks, SIZES) == pytest.approx(mean)


def test_the_papers_claims_come_first_each_with_its_number():
    stated = [
        claim(*over("easy-negative", "random")),
        claim(*over("soft-positive", "random"), source="paper"),
    ]
    stated = [Claim(**{**vars(one), "id": name}) for name, one in zip("ab", stated, strict=True)]
    tested = pd.DataFrame({"claim": ["a", "b"], "verdict": ["holds", "undecided"]})
    table = beside(tested, stated, PUBLISHED, TASKS, SIZES)
    assert table[["claim", "verdict", "source"]].to_numpy().tolist() == [
        ["b", "undecided", "paper"],
        ["a", "holds", "ours"],
    ]
    assert table["published"].tolist() == pytest.approx([0.067, -0.007])
    assert beside(tested[:0], [], PUBLISHED, TASKS, SIZES).empty


def test_no_claim_of_the_paper_goes_against_its_own_numbers():
    stated = claims.read_claims(CONFIG / "claims.yaml")
    told = {one.id: (one.source, effect(one, PUBLISHED, {}, SIZES)) for one in stated}
    papers = [number for source, number in told.values() if source == "paper"]
    assert len(papers) == 14
    assert all(number > 0 or math.isnan(number) for number in papers)
    # Where pretraining sets of two sizes are compared there are words, and no numbers.
    assert {name for name, (_, number) in told.items() if math.isnan(number)} >= {"gap-shrinks"}
    assert told["easy-negative"] == ("ours", pytest.approx(-0.007))
    assert published_claims.COLUMNS[: len(verdicts.COLUMNS)] == verdicts.COLUMNS
