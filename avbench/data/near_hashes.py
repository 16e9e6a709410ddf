"""Pairs of hashes of 256 bits that differ in few of them: every one, of hundreds of thousands on either side.

Hashes of different clips differ in about half of their bits, and at a quarter of 256 an index over parts of a hash
leaves hardly a pair out: of sixteen parts of 16 bits, each has to be looked up at a distance of 4, where 4 % of all
values lie. So all pairs are compared. But a part of the bits leaves out nearly all, and as numbers of -1 and 1 they are
compared by products of matrices, for which processors have instructions: a product is the bits that agree less those
that differ.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Pairs = tuple[np.ndarray, np.ndarray]

_FEW = 2e8  # pairs for which importing torch would take longer than comparing them without
_TILE = 16, 4096  # pairs compared at a time by counting: they stay in the processor's cache
_PRODUCT_TILE = 1024, 1024  # and by products
_TILES = 8  # compared by one call: in the worst case all of their pairs are near, and wait in memory
_COMPARED = 192  # bits that the products look at


def near(one: np.ndarray, other: np.ndarray, bits: int) -> Iterator[Pairs]:
    """Yield the rows of pairs that may be near, among them all that are.

    Args:
        one: hashes, uint64 (n, 4).
        other: hashes, uint64 (m, 4).
        bits: at most so many may differ.

    Yields:
        Rows of ``one`` and rows of ``other``, int64 (k,) each. Of those that differ in more than ``bits`` bits there
        may be a few.
    """
    # Who acquires data has no torch, and compares no hashes.
    few = len(one) * len(other) < _FEW or find_spec("torch") is None
    return by_counting(one, other, bits) if few else by_products(one, other, bits)


def by_counting(one: np.ndarray, other: np.ndarray, bits: int) -> Iterator[Pairs]:
    """Yield as :func:`near` does, exactly those that differ in at most ``bits``; by counting bits."""
    across = np.ascontiguousarray(other.T)
    height, width = _TILE
    for top in range(0, len(one), height):
        for begin in range(0, len(other), width):
            distance = np.uint16(0)  # bitwise_count gives bytes, and 256 is no byte
            for word in range(4):
                differing = one[top : top + height, word, None] ^ across[word, begin : begin + width]
                distance = distance + np.bitwise_count(differing)
            i, j = np.nonzero(distance <= bits)
            if len(i):
                yield top + i, begin + j


def by_products(one: np.ndarray, other: np.ndarray, bits: int) -> Iterator[Pairs]:
    """Yield as :func:`near` does, those that differ in at most ``bits`` of the first 192 bits; by products of matrices.

    As many threads as torch has (``OMP_NUM_THREADS``) take rows of their own.
    """
    torch = import_module("torch")
    height, width = _PRODUCT_TILE
    tiles = [
        torch.from_numpy(np.ascontiguousarray(_signs(other[begin : begin + width]).T))
        for begin in range(0, len(other), width)
    ]
    threads = torch.get_num_threads()
    # Threads of one product would wait for one another, which on a busy machine takes most of the time.
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as executor:
            calls = (
                partial(_of_rows, one[top : top + height], tiles[first : first + _TILES], bits, (top, width * first))
                for top in range(0, len(one), height)
                for first in range(0, len(tiles), _TILES)
            )
            for found in _in_order(executor, calls, 2 * threads):
                yield from found
    finally:
        torch.set_num_threads(threads)


def _of_rows(words: np.ndarray, tiles: "Sequence[torch.Tensor]", bits: int, begin: tuple[int, int]) -> list[Pairs]:
    """Compare hashes with some tiles, whose first rows are at ``begin``."""
    torch = import_module("torch")
    rows, found = torch.from_numpy(_signs(words)), []
    spaces = {tile.shape[1]: torch.empty((len(rows), tile.shape[1]), dtype=torch.int32) for tile in tiles}
    for number, tile in enumerate(tiles):
        agreeing = torch._int_mm(rows, tile, out=spaces[tile.shape[1]])
        # Pairs are searched in the few rows that have any.
        some = torch.nonzero(agreeing.amax(1) >= _COMPARED - 2 * bits)[:, 0]
        if len(some):
            i, j = torch.nonzero(agreeing[some] >= _COMPARED - 2 * bits, as_tuple=True)
            found.append((begin[0] + some[i].numpy(), begin[1] + _PRODUCT_TILE[1] * number + j.numpy()))
    return found


def _in_order(executor: Executor, work: Iterable[Callable[[], T]], ahead: int) -> Iterator[T]:
    """Yield what calls return, in their order; so many are under way that few outcomes wait."""
    waiting: deque[Future[T]] = deque()
    for call in work:
        waiting.append(executor.submit(call))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _signs(words: np.ndarray) -> np.ndarray:
    """Return the bits that are compared as int8 of -1 and 1, (n, 192)."""
    data = np.ascontiguousarray(words).view(np.uint8)[:, : _COMPARED // 8]
    return np.unpackbits(data, axis=1).view(np.int8) * np.int8(2) - np.int8(1)
