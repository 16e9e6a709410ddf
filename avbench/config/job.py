"""Jobs: what a verb of the command line is given, one JSON object, read into one frozen dataclass."""

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from avbench.config.settings import build
from avbench.core.errors import UserError

T = TypeVar("T")
Reader = Callable[[Mapping[str, Any]], Any]


def read_job(cls: type[T], values: Mapping[str, Any], **readers: Reader) -> T:
    """Make a job of a JSON object.

    Paths are made of text, tuples of lists, and settings dataclasses of objects, by the types of the fields.

    Args:
        cls: a dataclass whose fields are numbers, text, paths, mappings, settings dataclasses, or tuples of these.
        values: its fields by name.
        readers: of fields given as objects whose types do not tell how to read them.

    Raises:
        UserError: a key is unknown, a required one is missing, or a value is of another kind.
    """
    job = build(cls, values, "job")
    kinds = get_type_hints(cls) | dict.fromkeys(readers, Mapping[str, Any])
    read = {name: _read(value, kinds[name], name) for name, value in values.items()}
    read |= {name: readers[name](read[name]) for name in readers if name in read}
    return dataclasses.replace(cast(Any, job), **read)


def _read(value: Any, kind: Any, key: str) -> Any:
    origin = get_origin(kind)
    if origin is types.UnionType:  # X | None
        return None if value is None else _read(value, get_args(kind)[0], key)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_read(entry, get_args(kind)[0], key) for entry in value)
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return build(cast(type, kind), value, key)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if origin is Mapping and isinstance(value, Mapping):
        return value
    if isinstance(kind, type) and type(value) is kind:  # not isinstance(): True would pass for a number
        return value
    raise UserError(f"job: {key}: {value!r} is not allowed; it must be {_words(kind)}.")


def _words(kind: Any) -> str:
    """Say what a field's value must be."""
    origin = get_origin(kind)
    if origin is tuple:
        return f"a list, each entry {_words(get_args(kind)[0])}"
    if origin is Mapping or dataclasses.is_dataclass(kind):
        return "an object"
    return {int: "a whole number", float: "a number", bool: "true or false", Path: "a path, as text"}.get(kind, "text")


def describe_job(cls: type) -> str:
    """Return what a job's keys mean, for the help of its verb: the ``Attributes`` of the class's docstring.

    Of settings the keys are listed, and at the end those of the job that may be left out.
    """
    lines, kinds = (inspect.getdoc(cls) or "").partition("Attributes:\n")[2].splitlines(), get_type_hints(cls)
    for place, line in enumerate(lines):
        if dataclasses.is_dataclass(kind := kinds.get(line.partition(":")[0].strip())):
            lines[place] += f" ({', '.join(field.name for field in dataclasses.fields(kind))})"
    optional = [field.name for field in dataclasses.fields(cls) if field.default is not dataclasses.MISSING]
    return "\n".join([*lines, f"These may be left out: {', '.join(optional)}."] if optional else lines)


def without_paths(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a job that are no files: what is recorded of it, as folders may be named after people."""
    paths = {name for name, kind in get_type_hints(cls).items() if Path in (kind, *get_args(kind))}
    return {name: value for name, value in values.items() if name not in paths}
