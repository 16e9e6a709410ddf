"""What YAML makes of a text that its writer meant otherwise."""

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from avbench.core.errors import UserError

_FOREIGN_PATH = re.compile(r"(\.{1,2}\\|[A-Za-z]:\\).*", re.DOTALL)


def refuse_repeated_keys(*paths: str | Path) -> None:
    """Check that no mapping of YAML files has a key twice: the last one would win, in silence.

    A file that cannot be read, or is no YAML, is left to its reader.

    Raises:
        UserError: names the key and both lines.
    """
    for path in paths:
        try:
            root = yaml.compose(Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        for key, first, second in _repeated(root, set()):
            raise UserError(f"{path}: the key {key!r} is there twice, in lines {first} and {second}. Keep one of them.")


def _repeated(node: Any, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    if id(node) in seen:
        return  # an alias
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                name = (key.tag, key.value)
                if name in lines:
                    yield key.value, lines[name], line
                lines.setdefault(name, line)
            yield from _repeated(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value, seen)


def advice(value: Any, wanted: Any = None) -> str:
    """Return what to write instead of a value that YAML reads otherwise than it looks; nothing for any other value.

    Args:
        value: what YAML made of it.
        wanted: the type, or the allowed values, of a JSON Schema.
    """
    types = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    if (
        isinstance(value, str)
        and {"number", "integer"} & set(map(str, types))
        and (number := _number(value)) is not None
    ):
        if yaml.safe_load(value) == float(number):  # so it is no slip of notation
            return (
                f" This {value} is text: write it without quotes, and in a file, since Snakemake takes what stands in "
                "a list after --config for text."
            )
        return f" YAML reads {value} as text: write {number}."
    if isinstance(value, bool) and "boolean" not in types:
        words = "on, yes and true" if value else "off, no and false"
        return f" YAML reads {words} as {str(value).lower()}: put the word in quotes if it is meant."
    if value is None and "null" not in types:
        return " YAML reads ~, null and an empty value as nothing: put the word in quotes, or leave the key out."
    return ""


def _number(text: str) -> str | None:
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    mantissa, mark, exponent = text.lower().partition("e")
    if not mark:
        return repr(number)
    # YAML 1.1 wants a point before the exponent, and its sign.
    point = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{point}e{exponent if exponent[:1] in '+-' else f'+{exponent}'}"


def advice_on_path(path: str | Path) -> str:
    """Return what to write instead of a path that a shell or another system would understand; else nothing."""
    text = str(path)
    if text == "~" or text.startswith(("~/", "~\\")):
        return f" A ~ is not expanded here: write {os.path.expanduser(text)}."
    if _FOREIGN_PATH.fullmatch(text):
        return f" A path has / between its parts here: write {text.replace(chr(92), '/')}."
    return ""


def foreign_paths(values: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the keys and values of a configuration that are such paths."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from foreign_paths(value, f"{key}.{name}" if key else str(name))
    elif isinstance(values, list):
        for place, value in enumerate(values):
            yield from foreign_paths(value, f"{key}.{place}")
    elif isinstance(values, str) and advice_on_path(values):
        yield key, values
