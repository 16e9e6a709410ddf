"""Families of subsets and label variants."""

import pytest

from avbench.config import sweeps
from avbench.core.errors import UserError


def test_a_list_stands_for_one_member_a_value_named_after_it():
    declared = {
        "small": {"clips_per_class": 10},
        "tail": {"clips": [240, 480], "imbalance": [1, 10.5]},
        "uniform": {"rate": [0.1, 0.125]},
    }
    members, names = sweeps.expand(declared, "labels")
    assert names == {
        "small": ["small"],
        "tail": ["tail-240-1", "tail-240-10_5", "tail-480-1", "tail-480-10_5"],
        "uniform": ["uniform-10", "uniform-12_5"],
    }
    assert members["small"] == {"clips_per_class": 10}
    assert members["tail-480-10_5"] == {"clips": 480, "imbalance": 10.5}
    assert members["uniform-10"] == {"rate": 0.1}


def test_members_of_the_same_name_are_refused():
    with pytest.raises(UserError, match=r"labels.noise: 'noise-10' is there twice"):
        sweeps.expand({"noise-10": {"rate": 0.2}, "noise": {"rate": [0.1]}}, "labels")


def test_families_and_members_are_chosen_each_once_in_their_order():
    names = {"small": ["small"], "tail": ["tail-1", "tail-10"]}
    assert sweeps.chosen(["tail-10", "tail", "small"], names, "methods.x.subsets") == ["tail-10", "tail-1", "small"]
    with pytest.raises(UserError, match=r"methods.x.subsets: 'tail-5' is not declared. Declared are .*tail-10"):
        sweeps.chosen(["tail-5"], names, "methods.x.subsets")
