"""Which clips make a batch, and which clip's video goes with a clip's audio.

Every draw is a function of (seed, epoch, clip), so restarts, workers and the order of calls change nothing.
Clips are numbered by their place in the subset; labels are integers, one a clip.
"""

import numpy as np

from avbench.config.methods import BATCHES, CLIPS_PER_CLASS
from avbench.core import rng
from avbench.core.errors import UserError


def require_batches(
    batch: str,
    labels: np.ndarray,
    batch_size: int | None,
    where: str = "batch_size",
    clips_per_class: int = CLIPS_PER_CLASS,
) -> None:
    """Check that a subset can be batched.

    Args:
        batch: ``shuffled``, ``one-per-class``, ``single-class`` or ``mixed``.
        labels: shape (n,), integers.
        batch_size: clips a batch; ``None`` stands for all classes (one-per-class, mixed) or for the size of each
            class (single-class).
        where: how the message begins, such as the names of the subset and the method.
        clips_per_class: mixed only.

    Raises:
        UserError: it cannot, with the numbers that collide.
    """
    counts = np.unique(labels, return_counts=True)[1]
    if batch not in BATCHES:
        raise UserError(f"{where}: batch {batch!r} is unknown. Allowed are {', '.join(BATCHES)}.")
    if batch_size is not None and batch_size < 2:
        raise UserError(f"{where}: a batch of {batch_size} has no negatives; the batch size must be at least 2.")
    if batch == "shuffled" and batch_size is None:
        raise UserError(f"{where}: shuffled batches need a batch size.")
    if batch == "shuffled" and batch_size > len(labels):
        raise UserError(
            f"{where}: a batch of {batch_size} is larger than the subset of {len(labels)} clips. "
            "Lower the batch size or take a larger subset."
        )
    if batch in ("one-per-class", "mixed") and len(counts) < 2:
        raise UserError(f"{where}: {batch} batches need two classes or more; there are {len(counts)}.")
    if batch == "one-per-class" and batch_size is not None and batch_size > len(counts):
        raise UserError(
            f"{where}: a batch of {batch_size} with one clip a class needs as many classes; there are "
            f"{len(counts)}. Lower the batch size to {len(counts)} or less."
        )
    if batch == "mixed" and batch_size is not None and not 2 <= batch_size // clips_per_class <= len(counts):
        raise UserError(
            f"{where}: a mixed batch of {batch_size} with {clips_per_class} clips a class is of "
            f"{batch_size // clips_per_class} classes; it takes two at least, and at most the {len(counts)} that there "
            "are. Change batch_size or clips_per_class."
        )
    if batch == "mixed" and counts.max() < 2:
        raise UserError(f"{where}: mixed batches need classes of two clips or more; all {len(counts)} have one.")
    if batch == "single-class" and (len(counts) == 0 or counts.min() < 2):
        raise UserError(
            f"{where}: single-class batches need two clips or more of every class, as a batch of one has no "
            f"negatives; {int((counts == 1).sum())} of {len(counts)} classes have one. Take a larger or less "
            "imbalanced subset."
        )


def batches(
    batch: str,
    labels: np.ndarray,
    batch_size: int | None,
    seed: int,
    epoch: int,
    order: str = "fresh",
    clips_per_class: int = CLIPS_PER_CLASS,
) -> list[np.ndarray]:
    """Cut the clips into the batches of one epoch. Every epoch has the same number of batches.

    - ``shuffled``: a random permutation of the clips in full batches; the rest, less than a batch, sits out.
    - ``one-per-class``: each clip of a batch is of another class. Every batch takes a clip of each of the
      ``batch_size`` classes that have most clips left (ties at random), which gives as many full batches as
      possible. Once fewer classes have clips left, a batch takes one of each of these, down to half of
      ``batch_size`` (and never below 2); the rest sits out. Equal classes in full batches leave none.
    - ``single-class``: each class is cut at random into the fewest batches of at most ``batch_size``, whose
      sizes differ by one at most. (A batch of one, left only by batch size 2 and an odd class, sits out.)
    - ``mixed``: ``clips_per_class`` clips of each of ``batch_size // clips_per_class`` classes (the PK batches of
      Hermans et al. 2017, arXiv:1703.07737). Each class is cut at random into groups of so many clips, and what is left
      of it, less than a group, sits out; a class too small for a group is one by itself, of all its clips. Groups
      then fill batches as clips do with ``one-per-class``: each batch takes a group of each of the classes that have
      most groups left, down to half as many classes (and never below 2), and the rest sits out.

    Which clips sit out, the members and the order of the batches are drawn anew each epoch.

    Args:
        batch: ``shuffled``, ``one-per-class``, ``single-class`` or ``mixed``.
        labels: shape (n,), integers.
        batch_size: clips a batch; see :func:`require_batches` for ``None``.
        seed: the run's seed.
        epoch: from 0.
        order: ``fresh``, or ``fixed``: every epoch is like epoch 0.
        clips_per_class: mixed only.

    Returns:
        One int64 array of clip numbers a batch.

    Raises:
        UserError: the subset cannot be batched that way.
    """
    labels = np.asarray(labels)
    require_batches(batch, labels, batch_size, clips_per_class=clips_per_class)
    if order not in ("fresh", "fixed"):
        raise UserError(f"order: {order!r} is unknown. Allowed are fresh, fixed.")
    random = rng.generator(seed, "batches", 0 if order == "fixed" else epoch)
    shuffled = random.permutation(len(labels))
    if batch == "shuffled":
        full = len(labels) // batch_size
        return list(shuffled[: full * batch_size].reshape(full, batch_size))
    _, codes = np.unique(labels, return_inverse=True)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    counts = np.bincount(codes)
    if batch == "one-per-class":
        made = _one_per_class(by_class, counts, batch_size or len(counts), random)
    elif batch == "mixed":
        made = _mixed(by_class, counts, batch_size or len(counts) * clips_per_class, clips_per_class, random)
    else:
        made = _single_class(by_class, counts, batch_size or int(counts.max()))
    return [made[i] for i in random.permutation(len(made))]


def _one_per_class(
    by_class: np.ndarray, counts: np.ndarray, size: int, random: np.random.Generator
) -> list[np.ndarray]:
    left, ends, made = counts.copy(), np.cumsum(counts), []
    while (open_classes := np.count_nonzero(left)) >= max(2, size / 2):
        fullest = np.lexsort((random.random(len(left)), -left))[: min(size, open_classes)]
        made.append(random.permutation(by_class[ends[fullest] - left[fullest]]))
        left[fullest] -= 1
    return made


def _mixed(
    by_class: np.ndarray, counts: np.ndarray, size: int, clips_per_class: int, random: np.random.Generator
) -> list[np.ndarray]:
    groups = [
        members[begin : begin + clips_per_class]
        for members in np.split(by_class, np.cumsum(counts)[:-1])
        for begin in range(0, max(1, len(members) - clips_per_class + 1), clips_per_class)
    ]
    together = _one_per_class(
        np.arange(len(groups)), np.maximum(1, counts // clips_per_class), size // clips_per_class, random
    )
    return [random.permutation(np.concatenate([groups[group] for group in batch])) for batch in together]


def _single_class(by_class: np.ndarray, counts: np.ndarray, size: int) -> list[np.ndarray]:
    members = np.split(by_class, np.cumsum(counts)[:-1])
    parts = [part for group in members for part in np.array_split(group, -(-len(group) // size))]
    return [part for part in parts if len(part) > 1]
