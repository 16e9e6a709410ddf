"""The JSON Schema of settings: made of their types, so that no fact about a key stands twice."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Pydantic's, in the user's terms: what may be left out is left out, and never null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Say nothing of null."""
        return self.generate_inner(schema["schema"])

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """Say which words, and not that they are words besides."""
        return {"enum": list(schema["expected"])} if len(schema["expected"]) > 1 else {"const": schema["expected"][0]}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave titles, which repeat the keys."""
        return False


def of(cls: type) -> dict[str, Any]:
    """Return the JSON Schema of a settings class, as the user may write it."""
    return _tidy(TypeAdapter(cls).json_schema(schema_generator=_Generator))


def partly(cls: type) -> dict[str, Any]:
    """Return the JSON Schema of some keys of a settings class, none of them required."""
    return {key: value for key, value in of(cls).items() if key != "required"}


def requiring(cls: type, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON Schema of a settings class some of whose keys the user has to give."""
    return of(cls) | ({"required": list(keys)} if keys else {})


def _tidy(node: Any) -> Any:
    """Leave out titles and empty defaults, and of descriptions all but the first paragraph."""
    if isinstance(node, list):
        return [_tidy(part) for part in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if (key == "title" and isinstance(value, str)) or (key == "default" and value in (None, {})):
            continue
        is_text = key == "description" and isinstance(value, str)
        kept[key] = " ".join(value.split("\n\n")[0].split()) if is_text else _tidy(value)
    return kept
