"""Seeds as a list or until claims are decided, and the looks of sequential experiments."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.experiment import Experiment
from avbench.config.seeds import looks
from avbench.core.errors import UserError


@pytest.mark.parametrize(
    ("first", "most", "expected"), [(3, 20, (3, 5, 8, 12, 18, 20)), (2, 3, (2, 3)), (3, 5, (3, 5)), (4, 6, (4, 6))]
)
def test_each_look_has_about_half_as_many_seeds_again(first, most, expected):
    assert looks(first, most) == expected


@given(first=st.integers(2, 30), more=st.integers(1, 100))
def test_looks_rise_from_the_first_to_the_most(first, more):
    found = looks(first, first + more)
    assert (found[0], found[-1]) == (first, first + more)
    assert list(found) == sorted(set(found))


GIVEN = {"first": 3, "most": 20, "until": "decided", "effect": 2}


def experiment(root, seeds):
    config = yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))
    return Experiment(config | {"seeds": seeds}, root)


def test_an_experiment_has_a_list_of_seeds_or_looks(root):
    listed = experiment(root, [4, 1])
    assert (listed.seeds, listed.looks, listed.until) == ([4, 1], (), None)
    sequential = experiment(root, GIVEN)
    assert (sequential.seeds, sequential.looks) == (list(range(20)), (3, 5, 8, 12, 18, 20))
    assert sequential.until.effect == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"most": 3}, r"config: seeds\.most: 3 is not allowed; it must be more than seeds\.first, which is 3"),
        ({"most": 2}, r"config: seeds\.most: 2 is not allowed; it must be more than seeds\.first, which is 3"),
        ({"first": 1}, r"key 'seeds\.first': 1 is not allowed; it must be at least 2"),
        ({"effect": 0}, r"key 'seeds\.effect': 0 is not allowed; it must be more than 0"),
        ({"effect": -1.5}, r"key 'seeds\.effect': -1\.5 is not allowed; it must be more than 0"),
        ({"until": "bored"}, r"key 'seeds\.until': 'bored' is not allowed; it must be 'decided'"),
        ({"upto": 3}, r"key 'seeds': unknown key 'upto'\. Allowed are effect, first, most, until"),
    ],
)
def test_rounds_that_make_no_sense_are_refused(root, change, message):
    with pytest.raises(UserError, match=message):
        experiment(root, GIVEN | change)


@pytest.mark.parametrize(("seeds", "message"), [([], "at least 1"), ([0, 0], "without repetitions"), (3, "array")])
def test_a_list_of_seeds_has_some_and_each_once(root, seeds, message):
    with pytest.raises(UserError, match=message):
        experiment(root, seeds)
