"""The batches of an epoch, of any kind.

Every draw is a function of (seed, epoch, clip), so restarts, workers and the order of calls change nothing.
Clips are numbered by their place in the subset; labels are integers, one per clip.
"""

from typing import Any

import numpy as np

from avbench.core import rng
from avbench.core.errors import UserError
from avbench.methods.batch_kinds import BATCHES


def require_batches(
    batch: str,
    labels: np.ndarray,
    batch_size: int | None,
    where: str = "batch_size",
    **options: Any,
) -> None:
    """Check that a subset can be batched.

    Args:
        batch: a name of `BATCHES`.
        labels: shape (n,), integers.
        batch_size: clips per batch; ``None`` stands for all classes (one-per-class, mixed) or for the size of each
            class (single-class).
        where: how the message begins, such as the names of the subset and the method.
        options: the keys of this kind of batch.

    Raises:
        UserError: it cannot, with the numbers that collide.
    """
    if batch not in BATCHES:
        raise UserError(f"{where}: batch {batch!r} is unknown. Allowed are {', '.join(BATCHES)}.")
    if batch_size is not None and batch_size < 2:
        raise UserError(f"{where}: a batch of {batch_size} has no negatives; the batch size must be at least 2.")
    counts = np.unique(labels, return_counts=True)[1]
    for fault in BATCHES[batch].make(**options).faults(counts, batch_size):
        raise UserError(f"{where}: {fault}")


def batches(
    batch: str,
    labels: np.ndarray,
    batch_size: int | None,
    seed: int,
    epoch: int,
    order: str = "fresh",
    **options: Any,
) -> list[np.ndarray]:
    """Cut the clips into the batches of one epoch. Every epoch has the same number of batches.

    Which clips sit out, the members and the order of the batches are drawn anew each epoch.

    Args:
        batch: a name of `BATCHES`; its class says how batches are made.
        labels: shape (n,), integers.
        batch_size: clips per batch; see :func:`require_batches` for ``None``.
        seed: the run's seed.
        epoch: from 0.
        order: ``fresh``, or ``fixed``: every epoch is like epoch 0.
        options: the keys of this kind of batch, such as ``clips_per_class`` of mixed ones.

    Returns:
        One int64 array of clip numbers per batch.

    Raises:
        UserError: the subset cannot be batched that way.
    """
    labels = np.asarray(labels)
    require_batches(batch, labels, batch_size, **options)
    if order not in ("fresh", "fixed"):
        raise UserError(f"order: {order!r} is unknown. Allowed are fresh, fixed.")
    random = rng.generator(seed, "batches", 0 if order == "fixed" else epoch)
    shuffled = random.permutation(len(labels))
    return BATCHES[batch].make(**options).cut(shuffled, labels, batch_size, random)
