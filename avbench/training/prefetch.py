"""Preparing what comes next while the present is worked on."""

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def prefetch(read: Callable[..., T], plan: Iterable[tuple], threads: int) -> Generator[T]:
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
    pool = ThreadPoolExecutor(threads)
    try:
        waiting = [pool.submit(read, *arguments) for arguments in itertools.islice(plan, 2 * threads)]
        while waiting:
            ready = waiting.pop(0).result()
            if (arguments := next(plan, None)) is not None:
                waiting.append(pool.submit(read, *arguments))
            yield ready
    finally:
        pool.shutdown(cancel_futures=True)  # what nobody will ask for is not read


def ahead(items: Iterator[S], move: Callable[[S], T]) -> Generator[T]:
    """Yield ``move(item)`` for every item; the next is taken and moved, in a thread, while the present is worked on.

    Args:
        items: used, and closed, by that thread alone.
        move: called by that thread alone.
    """

    def take() -> list[T]:
        return [move(item) for item in itertools.islice(items, 1)]

    with ThreadPoolExecutor(1) as worker:
        try:
            upcoming = worker.submit(take)
            while present := upcoming.result():
                upcoming = worker.submit(take)
                yield present[0]
        finally:
            if close := getattr(items, "close", None):
                worker.submit(close)
