"""Stable hashes: the same key gives the same number on every machine, in every process, for ever."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def hash64(*key: object) -> int:
    """Hash a tuple of strings and integers to an unsigned 64-bit integer (BLAKE2b).

    Parts are length-prefixed, so ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in key:
        data = str(part).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return int.from_bytes(digest.digest(), "little")


def keyed_ranks(seed: int, purpose: str, names: Iterable[str]) -> "np.ndarray":
    """Return a uint64 array, shape (n,), with one keyed hash a name.

    Sorting names by it is a shuffle in which a name's place relative to another's never depends on which
    others are present. That is what makes smaller subsets nested in larger ones.
    """
    import numpy as np  # here: the workflow plans without it

    return np.fromiter((hash64(seed, purpose, name) for name in names), dtype=np.uint64)


def shard_of(clip_id: str, shards: int) -> int:
    """Return the shard, in [0, shards), that holds a clip."""
    return hash64("shard", clip_id) % shards


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
