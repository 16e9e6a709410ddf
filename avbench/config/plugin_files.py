"""Positives, batches and losses of a user's own file, put into the registries beside ours.

The plan reads what a file declares from its syntax tree and runs none of it: Snakemake parses the Snakefile again in
every job of a cluster, and a file that imports torch would cost each of them seconds. So a declaration is made of
literals. The file runs where something of it is used, and only if its bytes are those that were read.
"""

import ast
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from avbench.config.axes import AXES, BELONGING, enter_keys
from avbench.config.choices import Choice, Key
from avbench.config.fields import AS_GIVEN, NAME
from avbench.core.errors import UserError

NEEDS: Mapping[str, tuple[str, ...]] = {
    "positive": ("none", "classes", "neighbours"),
    "batch": ("none", "classes"),
    "loss": ("none", "classes"),
}
"""What a choice of each axis may ask for."""
CLASSMATES = ("negatives", "positives", "left-out")
_OPTION = ("default", "meaning", "least", "most")
_KEYS_OF_METHODS = ("name", "positive", "probability", "batch", "labels", "loss", "subsets", "options", "plugins")


@dataclass(frozen=True)
class FromFile:
    """What makes a choice that a file declares: called as that function or class is, for which the file is run.

    Attributes:
        path: of the file, as the user gave it.
        digest: SHA-256 of its bytes, in hexadecimal.
        function: the name of what the decorator stands before.
    """

    path: str
    digest: str
    function: str

    def __call__(self, *given: Any, **options: Any) -> Any:
        """Call it."""
        return getattr(_run(self.path, self.digest), self.function)(*given, **options)


def use(paths: Iterable[str]) -> None:
    """Have exactly the choices that these files declare beside ours.

    Raises:
        UserError: as `load`, or a file is given twice.
    """
    for path in {made.path for made in _loaded()}:
        _forget(path)
    given = list(paths)
    if len(set(given)) < len(given):
        raise UserError(f"config: plugins: {given!r} names a file twice. Name each once.")
    for path in given:
        load(path)


def load(path: str, digest: str | None = None) -> list[tuple[str, Choice]]:
    """Have the choices that a file declares among the others; return them with their axes.

    Args:
        path: relative ones count from the working folder.
        digest: which the file must have, where it was read before.

    Raises:
        UserError: the file is missing, has changed, declares nothing, or something that is not allowed.
    """
    found = hashlib.sha256(_read(path)).hexdigest()
    if digest not in (None, found):
        raise UserError(f"{path} has changed since the workflow was planned. Start the workflow again.")
    there = [
        (axis, choice)
        for axis, choices in AXES.items()
        for choice in choices.values()
        if isinstance(choice.make, FromFile) and (choice.make.path, choice.make.digest) == (path, found)
    ]
    if there:
        return there
    _forget(path)
    declared = list(_declared(path, found))
    if not declared:
        raise UserError(
            f"plugins: {path} declares nothing. Write `from avbench.methods import plugin`, and "
            f"{', '.join(f'@plugin.{axis}(…)' for axis in AXES)} before a class or a function."
        )
    try:
        for line, axis, choice in declared:
            _enter(f"{path}, line {line}", axis, choice)
    except UserError:
        _forget(path)
        raise
    return [(axis, choice) for _, axis, choice in declared]


def extended(schema: dict[str, Any]) -> dict[str, Any]:
    """Let the JSON Schema of a configuration pass what files declare, and return it."""
    method = schema["properties"]["methods"]["additionalProperties"]["then"]["properties"]
    for axis, choices in AXES.items():
        method[axis]["enum"] = list(choices)
    for name, (key, _, _) in BELONGING.items():
        method.setdefault(name, TypeAdapter(key.type).json_schema() | {"description": key.meaning})
    return schema


def _loaded() -> list[FromFile]:
    made = (choice.make for choices in AXES.values() for choice in choices.values())
    return [each for each in made if isinstance(each, FromFile)]


def _forget(path: str) -> None:
    for choices in AXES.values():
        for name, choice in list(choices.items()):
            if isinstance(choice.make, FromFile) and choice.make.path == path:
                del choices[name]
    enter_keys()


def _enter(where: str, axis: str, choice: Choice) -> None:
    if choice.name in AXES[axis]:
        raise UserError(f"{where}: {axis}: {choice.name!r} is there already. Choose another name.")
    for key in choice.keys:
        other, on, _ = BELONGING.get(key.name, (key, axis, ()))
        if key.name in _KEYS_OF_METHODS or (other, on) != (key, axis):
            raise UserError(f"{where}: the option {key.name!r} is a key of methods already. Choose another name.")
    AXES[axis][choice.name] = choice
    enter_keys()


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        where = "" if Path(path).is_absolute() else f" in {Path.cwd()}, from where it counts"
        raise UserError(f"plugins: {path!r} cannot be read{where}: {error.strerror}. Correct the path.") from None


@lru_cache
def _run(path: str, digest: str) -> ModuleType:
    text = _read(path)
    if hashlib.sha256(text).hexdigest() != digest:
        raise UserError(f"{path} has changed since it was read. Start again.")
    module = ModuleType(f"avbench_plugin_{digest[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # where dataclasses and compilers look for it
    try:
        exec(compile(text, path, "exec"), module.__dict__)  # the user's own file, which is what a plug-in is
    except Exception as error:
        del sys.modules[module.__name__]
        raise UserError(f"{path} cannot be run: {type(error).__name__}: {error}.") from error
    return module


# ------------------------------------------------------------------------------------------------ reading declarations


def _declared(path: str, digest: str) -> Iterator[tuple[int, str, Choice]]:
    """Read the declarations of a file in their order: the line, the axis, the choice."""
    try:
        tree = ast.parse(_read(path), path)
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path} is no Python file: {error}.") from None
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and (axis := _of_plugin(call.func)) in AXES:
                where = f"{path}, line {call.lineno}: @plugin.{axis}"
                yield call.lineno, axis, _choice(where, axis, call, FromFile(path, digest, node.name))


def _of_plugin(node: ast.expr) -> str:
    """Return what of the module ``plugin`` an expression names; nothing if of no such."""
    is_ours = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "plugin"
    return node.attr if is_ours and isinstance(node, ast.Attribute) else ""


def _choice(where: str, axis: str, call: ast.Call, make: FromFile) -> Choice:
    given = _given(where, call, ("name", "meaning", "needs"), apart=lambda value: isinstance(value, ast.Call))
    plain = {name: value for name, value in given.items() if not isinstance(value, ast.Call)}
    keys = tuple(_option(where, name, value) for name, value in given.items() if isinstance(value, ast.Call))
    allowed = {"name": None, "meaning": None, "needs": NEEDS[axis]} | (
        {"classmates": CLASSMATES, "exact_gradient": (True, False)} if axis == "loss" else {}
    )
    for name, value in plain.items():
        if name not in allowed:
            raise UserError(f"{where}: {name}: {value!r} is not allowed; an option is {name}=plugin.option(…).")
        words = allowed[name]
        if not (any(value is word or (value == word and word != 1) for word in words) if words else type(value) is str):
            raise UserError(
                f"{where}: {name}: {value!r} is not allowed; it must be {' or '.join(map(str, words or ['text']))}."
            )
    for name in ("name", "meaning"):
        if name not in plain:
            raise UserError(f"{where}: give a name and, in one line, what it does.")
    name = plain.pop("name")
    if not re.fullmatch(NAME["pattern"], name):
        raise UserError(f"{where}: the name {name!r} is not allowed; use letters, digits and, inside, - and _.")
    return Choice(name, **plain, display=name.replace("-", " ").replace("_", " "), keys=keys, make=make)


def _option(where: str, name: str, call: ast.expr) -> Key:
    where = f"{where}: {name}"
    if not isinstance(call, ast.Call) or _of_plugin(call.func) != "option":
        raise UserError(f"{where}: write {name}=plugin.option(default, meaning, least=…, most=…).")
    given = _given(where, call, _OPTION)
    kind = type(given.get("default"))
    if set(given) - set(_OPTION) or kind not in (bool, int, float, str) or not isinstance(given.get("meaning"), str):
        raise UserError(
            f"{where}: plugin.option takes a default (a number, a text, true or false), its meaning as text, and least "
            "and most for numbers."
        )
    bounds = {word: given[key] for key, word in (("least", "ge"), ("most", "le")) if key in given}
    if bounds and (kind in (bool, str) or not all(type(value) in (int, float) for value in bounds.values())):
        raise UserError(f"{where}: least and most are numbers, and belong to numbers.")
    annotated: Any = Annotated[kind, Field(**bounds), AS_GIVEN] if bounds else Annotated[kind, AS_GIVEN]
    key = Key(name, annotated, given["default"], given["meaning"])
    if not allows(key, key.default):
        raise UserError(f"{where}: the default {key.default!r} is not within least and most.")
    return key


def allows(key: Key, value: Any) -> bool:
    """Return whether a key may have a value."""
    try:
        TypeAdapter(key.type).validate_python(value, strict=True)
    except ValueError:
        return False
    return True


def _given(where: str, call: ast.Call, positional: tuple[str, ...], apart: Any = lambda value: False) -> dict[str, Any]:
    """Return what a call is given by name, literals read; expressions that are kept apart stay what they are."""
    if len(call.args) > len(positional) or any(keyword.arg is None for keyword in call.keywords):
        raise UserError(f"{where} takes {' and '.join(positional)}, and options by name.")
    named = list(zip(positional, call.args, strict=False))
    named += [(str(keyword.arg), keyword.value) for keyword in call.keywords]
    found: dict[str, Any] = {}
    for name, node in named:
        if name in found:
            raise UserError(f"{where}: {name} is given twice.")
        try:
            found[name] = node if apart(node) else ast.literal_eval(node)
        except ValueError:
            raise UserError(
                f"{where}: {name}: {ast.unparse(node)} is no literal. The workflow reads declarations without running "
                "the file; write the value itself."
            ) from None
    return found
