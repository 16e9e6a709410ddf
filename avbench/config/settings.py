"""Settings as frozen dataclasses, read from the mappings that the workflow passes on."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from avbench.core.errors import UserError

T = TypeVar("T")


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Make a settings dataclass of a mapping; lists become tuples, so that settings stay hashable.

    Args:
        cls: a dataclass.
        values: its fields by name.
        where: the name of the section, for messages.

    Raises:
        UserError: a key is unknown or a required one is missing.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := sorted(set(values) - set(fields)):
        raise UserError(f"{where}: unknown key {unknown[0]!r}. Allowed are {', '.join(sorted(fields))}.")
    required = [
        n for n, f in fields.items() if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing := [name for name in required if name not in values]:
        raise UserError(f"{where}: the key {missing[0]!r} is missing.")
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """List what differs between two nested mappings, one ``key: old → new`` an entry."""
    found = []
    for key in sorted(set(old) | set(new)):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(f"{prefix}{key}: {a!r} → {b!r}")
    return found
