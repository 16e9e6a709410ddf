"""What a verb of the command line imports: read from the source, so that what is imported late, or found by its name,
counts too."""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator

from tests.support.paths import ROOT


def of_verb(verb: Callable) -> set[str]:
    """Return the modules that a verb may import, avbench's and others', without the standard library's."""
    tree = ast.parse(inspect.getsource(sys.modules[verb.__module__]))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    parts, queue = {}, [verb.__name__]
    while queue:
        if (name := queue.pop()) in functions and name not in parts:
            parts[name] = functions[name]
            queue += [node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)]
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    return _closure([name for node in [*parts.values(), *outside] for name in _imported(node)])


def _closure(names: list[str]) -> set[str]:
    found: set[str] = set()
    while names:
        name = names.pop()
        if name in found or name.split(".")[0] in sys.stdlib_module_names:
            continue
        if not name.startswith("avbench"):
            found.add(name.split(".")[0])
        elif path := _file(name):
            found.add(name)
            source = ast.parse(path.read_text(encoding="utf-8"))
            names += [*_imported(source), *_named(source), name.rpartition(".")[0] or name]
    return found


def _file(module: str):
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)


def _named(source: ast.AST) -> Iterator[str]:
    """Yield the modules that text names: as ``lazy("numpy")``, or avbench's own, of a package all that are in it."""
    for node in ast.walk(source):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy":
            yield from (text.value for text in node.args if isinstance(text, ast.Constant))
        elif isinstance(node, ast.Constant) and re.match(r"avbench\.[a-z_.]+(:|$)", str(node.value)):
            module = node.value.partition(":")[0]
            yield module
            yield from (f"{module}.{path.stem}" for path in ROOT.joinpath(*module.split(".")).glob("[a-z]*.py"))


def _imported(node: ast.AST) -> Iterator[str]:
    """Yield the names that a piece of code imports, which need not all be modules; not those of annotations alone."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        if node.module.startswith("avbench"):
            yield from (f"{node.module}.{name.name}" for name in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)
