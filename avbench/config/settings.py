"""Settings: frozen dataclasses whose types say what is allowed, read from the mappings that the workflow passes on."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, dataclass_transform

import pydantic
from pydantic import ConfigDict, Field, ValidationError

from avbench.config.words import allowed, choices
from avbench.core.errors import UserError

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(Field, dataclasses.field))
def settings(section: str = "", **schema: Any) -> Callable[[type[T]], type[T]]:
    """Make a class a frozen dataclass that refuses what its types do not allow, in the words of a `UserError`.

    Args:
        section: the section of the configuration, which messages name before the key.
        schema: what the JSON Schema says of the class as a whole, beside its keys.
    """
    config = ConfigDict(extra="forbid", strict=True, json_schema_extra=schema or None)

    def decorate(cls: type[T]) -> type[T]:
        made: Any = pydantic.dataclasses.dataclass(frozen=True, config=config)(cls)
        validated = made.__init__

        def __init__(self: Any, *args: Any, **values: Any) -> None:  # noqa: N807
            try:
                validated(self, *args, **values)
            except ValidationError as error:
                positional = (field.name for field in dataclasses.fields(made) if not field.kw_only)
                given = dict(zip(positional, args, strict=False)) | values
                raise UserError(_explain(error, made, section.format(**given))) from None

        made.__init__ = __init__
        return made

    return decorate


def _explain(error: ValidationError, cls: Any, section: str) -> str:
    """Say what the first mistake is, and what is allowed."""
    first = error.errors(include_url=False, include_context=False)[0]
    key = str(first["loc"][0])
    types = {field.name: field for field in dataclasses.fields(cls)}
    place = ".".join([*([section] if section else []), key])
    if key not in types:
        return f"{section or cls.__name__}: unknown key {key!r}. Allowed are {', '.join(types)}."
    if first["type"] == "missing":
        return f"{section or cls.__name__}: the key {key!r} is missing."
    field = cls.__pydantic_fields__[key]
    values, value = choices(field.annotation, field.metadata), first["input"]
    if len(values) > 1:
        return f"{place}: {value!r} is unknown. Allowed are {', '.join(values)}."
    return f"{place}: {value!r} is not allowed; it must be {allowed(field.annotation, field.metadata)}."


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Make a settings dataclass of a mapping; lists become tuples, so that settings stay hashable.

    Args:
        cls: a dataclass.
        values: its fields by name.
        where: the name of the section, for messages.

    Raises:
        UserError: a key is unknown, a required one is missing, or a value is not allowed.
    """
    fields = {field.name: field for field in dataclasses.fields(cast(Any, cls))}
    if unknown := sorted(set(values) - set(fields)):
        raise UserError(f"{where}: unknown key {unknown[0]!r}. Allowed are {', '.join(sorted(fields))}.")
    required = [
        n for n, f in fields.items() if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing := [name for name in required if name not in values]:
        raise UserError(f"{where}: the key {missing[0]!r} is missing.")
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def defaults(cls: type) -> dict[str, Any]:
    """Return the defaults of a settings dataclass by key."""
    return {field.name: field.default for field in dataclasses.fields(cls) if field.default is not dataclasses.MISSING}


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
