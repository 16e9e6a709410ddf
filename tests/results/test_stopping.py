"""Courses of claims, look by look."""

import itertools

import numpy as np
import pytest

from avbench.results.crossed import components
from avbench.results.estimates import moderated
from avbench.results.multiplicity import holm
from avbench.results.sequential import nominal_level, sequential_p
from avbench.results.stopping import DECIDED, FUTILE, LISTED, OPEN, OUT_OF_SEEDS, TOO_SMALL, Looks, at_once, follow

PLANNED = (3, 5, 8, 12)


def contrast(effect, seed_sd=0.02, clip_sd=0.3, clips=4000, number=0):
    """Components of a contrast with the first so many seeds: normal seeds and clips."""
    rng = np.random.default_rng(number)
    values = effect + seed_sd * rng.standard_normal((PLANNED[-1], 1)) + clip_sd * rng.standard_normal(clips)
    values = values + 0.3 * rng.standard_normal((PLANNED[-1], clips))
    return lambda seeds: components({"a": values[:seeds]}, 2)


def claims(effects, **kinds):
    return {f"claim {n}": contrast(effect, number=n, **kinds) for n, effect in enumerate(effects)}


def test_clear_effects_are_decided_early_and_small_ones_given_up():
    found = follow(claims([0.3, -0.3, 0.0, 0.0, 0.0]), Looks(PLANNED, 4, 0.05))
    assert [found[f"claim {n}"].state for n in range(2)] == [DECIDED, DECIDED]
    assert [found[f"claim {n}"].estimate.seeds for n in range(2)] == [3, 3]
    assert {found[f"claim {n}"].state for n in range(2, 5)} <= {TOO_SMALL, FUTILE, OUT_OF_SEEDS}
    assert found["claim 0"].estimate.mean > 0 > found["claim 1"].estimate.mean
    assert found["claim 0"].p_holm < 0.05 < found["claim 2"].p_holm


def test_a_claim_too_small_has_its_interval_within_the_effect_of_interest():
    found = follow(claims([0.0] * 6, seed_sd=0.002, clip_sd=0.05), Looks(PLANNED, 1, 0.05))
    assert {course.state for course in found.values()} == {TOO_SMALL}
    assert all(-0.05 < course.estimate.low < course.estimate.high < 0.05 for course in found.values())
    wide = follow(claims([0.0] * 6, seed_sd=0.1, clip_sd=0.05), Looks(PLANNED, 1, 0.15))
    assert {course.state for course in wide.values()} == {OPEN}


def test_claims_that_the_test_clips_cannot_decide_are_futile():
    found = follow(claims([0.0] * 6, seed_sd=0.0, clip_sd=1.0, clips=200), Looks(PLANNED, 1, 0.02))
    assert {course.state for course in found.values()} == {FUTILE}


def test_at_the_last_look_nothing_stays_open():
    found = follow(claims([0.05] * 6, seed_sd=0.2, clip_sd=0.05), Looks(PLANNED, 4, 0.15))
    assert OPEN not in {course.state for course in found.values()}
    assert OUT_OF_SEEDS in {course.state for course in found.values()}


def test_what_was_stopped_stays_as_it_was_when_others_go_on():
    contrasts = claims([0.3, 0.03, 0.03, 0.0], seed_sd=0.05)
    courses = [follow(contrasts, Looks(PLANNED, had, 0.001)) for had in (1, 2, 3, 4)]
    for name in contrasts:
        for earlier, later in itertools.pairwise(courses):
            if earlier[name].state != OPEN:
                assert later[name].estimate.seeds == earlier[name].estimate.seeds
                assert later[name].p == earlier[name].p
            else:
                assert later[name].p <= earlier[name].p
    assert len({courses[3][name].estimate.seeds for name in contrasts}) > 1


@pytest.mark.parametrize("had", [1, 3])
def test_p_values_are_sequential_ones_of_the_smallest_adjusted_by_holm(had):
    contrasts = claims([0.05, 0.02, 0.0, -0.04], seed_sd=0.06)
    found = follow(contrasts, Looks(PLANNED, had, 0.0001))
    smallest = follow(contrasts, Looks(PLANNED, had, 0.0001), adjust=lambda p, planned: p)
    for name, course in found.items():
        if course.estimate.seeds == smallest[name].estimate.seeds:
            assert course.p == pytest.approx(sequential_p(smallest[name].p, PLANNED))
    assert [one.p_holm for one in found.values()] == pytest.approx(holm([one.p for one in found.values()]).tolist())
    assert nominal_level(0.05, PLANNED) < 0.05


def test_without_claims_there_is_nothing_to_follow():
    assert follow({}, Looks(PLANNED, 2, 0.02)) == {}
    assert at_once({}) == {}


def test_with_all_seeds_given_the_p_values_are_plain_ones():
    parts = {name: find(5) for name, find in claims([0.1, 0.0, 0.05]).items()}
    found = at_once(parts)
    assert {course.state for course in found.values()} == {LISTED}
    assert [course.estimate for course in found.values()] == moderated(list(parts.values()))
    assert [course.p_holm for course in found.values()] == holm([course.p for course in found.values()]).tolist()
