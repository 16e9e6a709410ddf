"""Choices: the values of a key that stand for something, each declared once, where it is made.

The axes of a method are open: what `avbench.methods` declares is found here by the package's name alone, so that a new
loss is a new file. Declarations are read whenever the Snakefile is parsed, and must import nothing heavy.
"""

import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal


@dataclass(frozen=True)
class Key:
    """A key of a method that belongs to some choices, and means nothing beside others.

    Attributes:
        name: the key.
        type: what its value may be, as in a settings class.
        default: what it is where it is not given.
        meaning: in one line.
    """

    name: str
    type: Any
    default: Any
    meaning: str


@dataclass(frozen=True)
class Choice:
    """One value of a key.

    Attributes:
        name: as the configuration has it.
        meaning: in one line, as docs/methods.md has it.
        display: as figures write it.
        needs: what it has to be told of the clips of a subset: ``classes``, ``neighbours`` or ``none``.
        keys: those that belong to it.
        make: the class or function that does it.
        place: among the others where they are listed; those of the same place come by name.
        classmates: of a loss: what the other clips of an anchor's pairing class are to it.
        exact_gradient: of a loss: whether its gradient is that of its value, of which nothing is held constant.
        remembers: of a loss: whether it compares with past batches, as `avbench.pretraining.momentum_queue` keeps them.
    """

    name: str
    meaning: str
    display: str
    needs: Literal["none", "classes", "neighbours"] = "none"
    keys: tuple[Key, ...] = ()
    make: Any = None
    place: int = 100
    classmates: Literal["negatives", "positives", "left-out"] = "negatives"
    exact_gradient: bool = True
    remembers: bool = False


Registry = dict[str, Choice]


def names(registry: Iterable[str]) -> str:
    """Return the names of a registry as a list in Markdown."""
    return " or ".join(", ".join(f"`{name}`" for name in registry).rsplit(", ", 1))


def registry(*choices: Choice) -> Registry:
    """Return choices by name, in their order.

    Raises:
        ValueError: two have the same name.
    """
    listed = sorted(choices, key=lambda choice: (choice.place, choice.name))
    found = {choice.name: choice for choice in listed}
    if len(found) < len(listed):
        raise ValueError(f"a name is declared twice among {', '.join(choice.name for choice in listed)}")
    return found


def found(module: str, name: str) -> Registry:
    """Return the registry that a module has under a name."""
    return getattr(import_module(module), name)


def collected(package: str, name: str) -> Registry:
    """Return the choices that the modules of a package declare, each under the same name."""
    modules = pkgutil.iter_modules(import_module(package).__path__, f"{package}.")
    return registry(*(getattr(import_module(module.name), name) for module in modules))
