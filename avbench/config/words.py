"""What a type allows, in words."""

import types
import typing
from collections.abc import Iterable
from typing import Any, Literal

from avbench.config.fields import OneOf, Said

_KINDS = {int: "an integer", float: "a number", str: "text", bool: "true or false", tuple: "a list"}
_BOUNDS = {"ge": "of at least {:g}", "gt": "above {:g}", "le": "at most {:g}", "lt": "below {:g}"}


def choices(kind: Any, notes: Iterable[Any] = ()) -> tuple[str, ...]:
    """Return the words of which a value must be one; none where it is of another type."""
    kind, own = _parts(kind)
    for note in [*own, *notes]:
        if isinstance(note, OneOf):
            return tuple(note.registry)
    return tuple(map(str, typing.get_args(kind))) if typing.get_origin(kind) is Literal else ()


def allowed(kind: Any, notes: Iterable[Any] = ()) -> str:
    """Say what a value must be.

    Args:
        kind: a type as a settings class annotates it.
        notes: bounds, and `Said`, which pydantic keeps apart from the type.
    """
    kind, own = _parts(kind)
    notes = [*own, *notes]
    for note in notes:
        if isinstance(note, Said):
            return note.words
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(kind) if part is not types.NoneType]
        return ", or ".join(allowed(part, notes) for part in parts)
    if found := choices(kind):
        return " or ".join(found)
    bounds = [text.format(limit) for name, text in _BOUNDS.items() if (limit := _limit(notes, name)) is not None]
    return " ".join([_KINDS.get(typing.get_origin(kind) or kind, "of another type"), " and ".join(bounds)]).strip()


def _parts(kind: Any) -> tuple[Any, list[Any]]:
    """Return a type without its notes, and these; of a type or nothing, the type alone."""
    notes: list[Any] = []
    while typing.get_origin(kind) is typing.Annotated:
        kind, *more = typing.get_args(kind)
        notes += more
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(kind) if part is not types.NoneType]
        if len(parts) == 1:
            inner, more = _parts(parts[0])
            return inner, notes + more
    return kind, notes


def _limit(notes: Iterable[Any], name: str) -> float | None:
    for note in notes:
        for part in [note, *getattr(note, "metadata", [])]:
            if (limit := getattr(part, name, None)) is not None:
                return limit
    return None
