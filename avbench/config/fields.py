"""Types of keys: what a value may be, once, for the settings that take it and for the schema that is made of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WrapValidator
from pydantic_core import PydanticOmit, core_schema

Schema = dict[str, Any]


def meaning(text: str) -> Any:
    """Say in one line what a key means, as the table of keys in config/README.md does."""
    return Field(description=text)


def _as_given(value: Any, check: Callable[[Any], Any]) -> Any:
    check(value)
    return value


# A whole number stays one where any number is allowed: settings are compared and hashed as the text that they become.
AS_GIVEN = WrapValidator(_as_given)

Positive = Annotated[float, Field(gt=0), AS_GIVEN]
NotNegative = Annotated[float, Field(ge=0), AS_GIVEN]
Finite = Annotated[float, Field(ge=0, allow_inf_nan=False), AS_GIVEN]
Share = Annotated[float, Field(ge=0, le=1), AS_GIVEN]
Rate = Annotated[float, Field(ge=0, lt=1), AS_GIVEN]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]

NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$", "maxLength": 64}


@dataclass(frozen=True)
class Said:
    """Say what a value must be in other words than those that its type gives."""

    words: str


@dataclass(frozen=True)
class Shown:
    """Say in the schema what a value may be; the settings' own class, or the plan, checks it beyond that.

    Args:
        schema: makes the part of the schema when it is asked for, since a registry may have grown by then.
    """

    schema: Callable[[], Schema]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let any value pass."""
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """Return the part of the schema."""
        return self.schema()


@dataclass(frozen=True)
class OneOf:
    """Say that a value is one of the names of a registry."""

    registry: Iterable[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let these names pass, and those that the registry gets later."""
        return core_schema.no_info_plain_validator_function(self._known)

    def __get_pydantic_json_schema__(self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """Return the names."""
        return {"enum": list(self.registry)}

    def _known(self, value: Any) -> Any:
        if not isinstance(value, str) or value not in self.registry:
            raise ValueError(value)
        return value


class _Decided:
    """See `DECIDED`."""

    def __get_pydantic_json_schema__(self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        raise PydanticOmit


DECIDED = _Decided()
"""A setting that the workflow decides: it is no key of the configuration."""


class _Swept:
    """See `SWEPT`."""

    def __get_pydantic_json_schema__(self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        one = handler(core)
        return {
            "if": {"type": "array"},
            "then": {"type": "array", "minItems": 1, "uniqueItems": True, "items": one},
            "else": one,
        }


SWEPT = _Swept()
"""A key for which the user may give a list, of one subset or label variant a value (`avbench.config.sweeps`)."""


@dataclass(frozen=True)
class Written:
    """Say more in the schema than the type does, such as that a list has no repetitions."""

    more: tuple[tuple[str, Any], ...]

    def __get_pydantic_json_schema__(self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """Return the type's schema with what is added."""
        return handler(core) | dict(self.more)


UNIQUE = Written((("uniqueItems", True), ("minItems", 1)))


def named(reserved: Sequence[str] = (), least: int = 1) -> Written:
    """Say of a mapping that its keys are names, except some that mean something else."""
    names: Mapping[str, Any] = NAME | ({"not": {"enum": list(reserved)}} if reserved else {})
    return Written((("propertyNames", names), *((("minProperties", least),) if least else ())))


def name() -> Schema:
    """Return the schema of a name."""
    return dict(NAME)


Name = Annotated[str, Shown(name)]
