"""Preparing what comes next while the present is worked on."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(read: Callable[..., T], plan: Iterable[tuple], threads: int) -> Iterator[T]:
    """Yield ``read(*arguments)`` for the arguments of a plan, in its order.

    Args:
        read: does the work; called from several threads at a time.
        plan: one tuple of arguments a call.
        threads: how many calls are worked on ahead; without any, each is made when it is asked for.
    """
    plan = iter(plan)
    if threads == 0:
        yield from itertools.starmap(read, plan)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(read, *arguments) for arguments in itertools.islice(plan, 2 * threads)]
        while waiting:
            ready = waiting.pop(0).result()
            if (arguments := next(plan, None)) is not None:
                waiting.append(pool.submit(read, *arguments))
            yield ready
