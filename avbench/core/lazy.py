"""Libraries that are imported when they are first used."""

from importlib import import_module
from typing import Any


def lazy(name: str) -> Any:
    """Return what stands for a module, which is imported when something of it is asked for.

    What the configuration reads, whenever the Snakefile is parsed, can so lie beside what computes.
    """
    return _Lazy(name)


class _Lazy:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
