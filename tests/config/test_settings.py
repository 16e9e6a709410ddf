from dataclasses import dataclass

import pytest

from avbench.config.settings import build, differences
from avbench.core.errors import UserError


@dataclass(frozen=True)
class Example:
    size: int
    names: tuple[str, ...] = ()


def test_lists_become_tuples():
    assert build(Example, {"size": 3, "names": ["a", "b"]}, "example") == Example(3, ("a", "b"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sise": 3}, "example: unknown key 'sise'. Allowed are names, size"),
        ({}, "the key 'size' is missing"),
    ],
)
def test_mistakes_are_named(values, message):
    with pytest.raises(UserError, match=message):
        build(Example, values, "example")


def test_differences_name_nested_keys():
    old, new = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 5}, "e": 4}
    assert differences(old, new) == ["a.c: 2 → 5", "d: 3 → None", "e: None → 4"]
