"""Decorators that declare positives, batches and losses in a file of the user's own (docs/extending.md).

What they are given is read from the file by `avbench.config.plugin_files` without running it, so it must be literals;
when the file runs, they change nothing.
"""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def positive(name: str, meaning: str, needs: str = "none", **options: Any) -> Callable[[T], T]:
    """Declare a class of positives, made and asked as `avbench.methods.positives.Own` is.

    Args:
        name: by which a method's line names it.
        meaning: in one line.
        needs: what it is told of the clips: ``none``, ``classes`` or ``neighbours``.
        options: keys that a method's line may give, each an `option`; the class is made with all of them.
    """
    return _unchanged


def batch(name: str, meaning: str, needs: str = "none", **options: Any) -> Callable[[T], T]:
    """Declare a class of batches, derived from `avbench.methods.batch_kinds.Shuffled`; arguments as of `positive`."""
    return _unchanged


def loss(
    name: str,
    meaning: str,
    needs: str = "none",
    classmates: str = "negatives",
    exact_gradient: bool = True,
    **options: Any,
) -> Callable[[T], T]:
    """Declare a loss, a function as `avbench.methods.losses.info_nce.info_nce` is; arguments as of `positive`.

    Args:
        classmates: what it does with the other clips of an anchor's class, by which pairs are counted: ``negatives``,
            ``positives`` or ``left-out``.
        exact_gradient: whether its gradient is that of its value; not so where parts are detached.
    """
    return _unchanged


def option(default: Any, meaning: str, least: float | None = None, most: float | None = None) -> Any:
    """Declare a key: a number, a text, or true or false; bounds are inclusive, and of numbers alone."""
    return default


def _unchanged(declared: T) -> T:
    return declared
