"""What the schema says of a configuration, in words."""

import difflib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from avbench.config.yaml_text import advice, advice_on_path, foreign_paths
from avbench.core.errors import UserError


def validate(
    values: Mapping[str, Any],
    schema: Path,
    where: str,
    extended: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> None:
    """Check a mapping against a JSON Schema.

    Args:
        values: what the user wrote.
        schema: a JSON or YAML file.
        where: what is being checked, for the message.
        extended: what allows more than the file does.

    Raises:
        UserError: with every offending key, its value and what is allowed.
    """
    text = schema.read_text(encoding="utf-8")
    allowed = json.loads(text) if schema.suffix == ".json" else yaml.safe_load(text)
    validator = Draft202012Validator(extended(allowed) if extended else allowed)
    errors = sorted(validator.iter_errors(values), key=lambda error: list(map(str, error.absolute_path)))
    said = [_explain(_deepest(error)) for error in errors]
    for key, value in foreign_paths(values):
        said.append(f"key '{key}': {value!r} is a path of a shell or of another system.{advice_on_path(value)}")
    if said:
        raise UserError(f"{where}: " + " ".join(said))


def _deepest(error: ValidationError) -> ValidationError:
    """Of a failed alternative, return the error of the branch that fits best: the one that fails deepest."""
    while error.validator in ("oneOf", "anyOf") and error.context:
        candidates = [
            e for e in error.context if e.relative_path or e.validator in ("additionalProperties", "required")
        ]
        if not candidates or len({e.validator for e in error.context} - {"required"}) == 0:
            return error
        error = max(candidates, key=lambda e: len(e.absolute_path))
    return error


def _explain(error: ValidationError) -> str:
    key = ".".join(map(str, error.absolute_path))
    at = f"key '{key}'" if key else "top level"
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(allowed), key=str)
        hints = []
        for name in unknown:
            near = difflib.get_close_matches(str(name), allowed, 1)
            hints.append(f"'{name}'" + (f" (did you mean '{near[0]}'?)" if near else ""))
        return f"{at}: unknown key {', '.join(hints)}. Allowed are {', '.join(allowed)}."
    if error.validator == "required":
        missing = sorted(set(error.validator_value) - set(error.instance))
        return f"{at}: the key '{missing[0]}' is missing."
    if error.validator == "oneOf" and all(list(branch) == ["required"] for branch in error.validator_value):
        choices = ", ".join(f"'{branch['required'][0]}'" for branch in error.validator_value)
        return f"{at}: exactly one of {choices} must be given."
    if error.validator == "enum":
        near = difflib.get_close_matches(str(error.instance), map(str, error.validator_value), 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        choices = ", ".join(map(str, error.validator_value))
        meant = advice(error.instance, error.validator_value)
        return f"{at}: {error.instance!r} is not allowed; it must be one of {choices}.{hint}{meant}"
    bounds = {
        "const": lambda v: f"{v!r}",
        "type": lambda v: f"of type {v}",
        "minimum": lambda v: f"at least {v}",
        "maximum": lambda v: f"at most {v}",
        "exclusiveMinimum": lambda v: f"more than {v}",
        "exclusiveMaximum": lambda v: f"less than {v}",
        "minItems": lambda v: f"a list of at least {v}",
        "minProperties": lambda v: f"a mapping with at least {v} entry",
        "uniqueItems": lambda v: "a list without repetitions",
        "pattern": lambda v: f"text that matches {v}",
        "not": lambda v: "another name, since this one is reserved",
    }
    if error.validator in bounds:
        must = bounds[error.validator](error.validator_value)
        meant = advice(error.instance, error.validator_value if error.validator == "type" else None)
        return f"{at}: {error.instance!r} is not allowed; it must be {must}.{meant}"
    return f"{at}: {error.message}."
