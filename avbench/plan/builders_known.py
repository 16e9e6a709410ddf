"""Whether builders of encoders are there, by the source of their libraries: nothing is imported."""

import ast
import difflib
import importlib.util
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from avbench.config.encoders import BuiltSettings
from avbench.core.errors import UserError

_DEFINED = re.compile(r"^(?:async )?(?:def|class) (\w+)|^(\w+)(?:: [^=]+)? = ", re.MULTILINE)


def check_builder(key: str, encoder: BuiltSettings) -> None:
    """Check that a builder is defined where it is said to be.

    Where torch is not installed, as where a workflow is planned alone, names of libraries are left to the jobs.

    Args:
        key: for messages.
        encoder: its settings. The user's file is there.

    Raises:
        UserError: there is no such function, the file is no Python, or its library is not installed.
    """
    if encoder.file is not None:
        found, where = _of_file(Path(encoder.file), key), encoder.file
    else:
        where = encoder.builder.rpartition(".")[0]
        found = _of_library(where)
    if found is not None and encoder.function not in found:
        near = difflib.get_close_matches(encoder.function, found, 3)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise UserError(
            f"{key}.builder: {encoder.builder!r}: there is no function {encoder.function!r} in {where}.{hint}"
        )


def _of_file(file: Path, key: str) -> frozenset[str] | None:
    """Return the names that a file gives something; None where it imports all that another module has."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UserError(f"{key}.builder: {file} is no Python file: {error}.") from None
    found: set[str] = set()
    for node in _statements(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return None if "*" in found else frozenset(found)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield what a module runs, also under a condition or where an import may fail; not what functions do."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            within = [getattr(node, part, []) for part in ("body", "orelse", "finalbody")]
            within += [handler.body for handler in getattr(node, "handlers", [])]
            for part in within:
                yield from _statements(part)


@lru_cache
def _of_library(module: str) -> frozenset[str] | None:
    """Return what the modules of a package define; None where that cannot be told."""
    top, *parts = module.split(".")
    spec = importlib.util.find_spec(top)  # of a top-level package, which imports nothing
    if spec is None:
        if importlib.util.find_spec("torch") is None:
            return None
        raise UserError(
            f"pretraining.model: the package {top!r} is not installed. Install it, or name another builder."
        )
    if not spec.submodule_search_locations:
        return None
    place = Path(next(iter(spec.submodule_search_locations)), *parts)
    files = [place.with_suffix(".py")] if place.with_suffix(".py").is_file() else sorted(place.rglob("*.py"))
    if not files:
        raise UserError(f"pretraining.model: there is no module {module!r} in the package {top!r}.")
    found = (_DEFINED.findall(file.read_text(encoding="utf-8", errors="replace")) for file in files)
    return frozenset(name for names in found for pair in names for name in pair if name)
