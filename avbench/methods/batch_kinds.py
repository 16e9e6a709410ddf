"""Kinds of batches: which clips make a batch. Each kind is declared once, in `BATCHES`.

Clips are numbered by their place in the subset; labels are integers, one per clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from avbench.config.choices import Choice, Key, registry
from avbench.config.fields import Said
from avbench.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:  # the configuration reads what is declared here, and needs no arrays
    np = lazy("numpy")

CLIPS_PER_CLASS = Key(
    "clips_per_class",
    Annotated[int, Field(ge=2), Said("a whole number of at least 2")],
    4,
    "of mixed batches: the clips of each class",
)


class Shuffled:
    """A random permutation of the clips in full batches; the rest, less than a batch, sits out."""

    repeats = False
    """Whether every epoch has the same batches where the protocol fixes their order."""

    by_class = False
    """Whether a batch's clips stand in the order of their classes where the protocol orders them."""

    def faults(self, counts: np.ndarray, size: int | None) -> Iterator[str]:
        """Say why clips cannot be batched this way.

        Args:
            counts: the clips of each class.
            size: as of `batches`.
        """
        clips = int(counts.sum())
        if size is None:
            yield "shuffled batches need a batch size."
        elif size > clips:
            yield (
                f"a batch of {size} is larger than the subset of {clips} clips. Lower the batch size or take a larger "
                "subset."
            )

    def cut(
        self,
        shuffled: np.ndarray,
        labels: np.ndarray,
        size: int | None,
        random: np.random.Generator,
    ) -> list[np.ndarray]:
        """Return the batches of an epoch.

        Args:
            shuffled: the clips' numbers in random order.
            labels: the class of each clip.
            size: as of `batches`.
            random: what else is drawn comes from here.
        """
        size = size or len(shuffled)
        full = len(shuffled) // size
        return list(shuffled[: full * size].reshape(full, size))

    def largest(self, size: int, classes: int) -> int:
        """Return the size of the largest batch that so many classes can fill."""
        return size

    def smallest(self, made: list[np.ndarray], labels: np.ndarray) -> int:
        """Return a size that no batch of any epoch falls below, of which ``made`` are those of one."""
        return min(map(len, made))


class OnePerClass(Shuffled):
    """Each clip of a batch is of another class.

    Every batch takes a clip of each of the ``size`` classes that have most clips left (ties at random), which gives as
    many full batches as possible. Once fewer classes have clips left, a batch takes one of each of these, down to half
    of ``size`` (and never below 2); the rest sits out. Equal classes in full batches leave none.
    """

    by_class = True

    def faults(self, counts: np.ndarray, size: int | None) -> Iterator[str]:
        """Say why clips cannot be batched this way."""
        if len(counts) < 2:
            yield f"one-per-class batches need two classes or more; there are {len(counts)}."
        if size is not None and size > len(counts):
            yield (
                f"a batch of {size} with one clip a class needs as many classes; there are {len(counts)}. Lower the "
                f"batch size to {len(counts)} or less."
            )

    def cut(
        self,
        shuffled: np.ndarray,
        labels: np.ndarray,
        size: int | None,
        random: np.random.Generator,
    ) -> list[np.ndarray]:
        """Return the batches of an epoch."""
        by_class, counts = _by_class(shuffled, labels)
        return _in_random_order(_one_of_each(by_class, counts, size or len(counts), random), random)

    def largest(self, size: int, classes: int) -> int:
        """Return one clip of each class at most."""
        return min(size, classes)


class Mixed(Shuffled):
    """``clips_per_class`` clips of each of ``size // clips_per_class`` classes.

    These are the PK batches of Hermans et al. 2017, arXiv:1703.07737. Each class is cut at random into groups of so
    many clips, and what is left of it, less than a group, sits out; a class too small for a group is one by itself, of
    all its clips. Groups then fill batches as clips do with `OnePerClass`: each batch takes a group of each of the
    classes that have most groups left, down to half as many classes (and never below 2), and the rest sits out.
    """

    def __init__(self, clips_per_class: int = CLIPS_PER_CLASS.default) -> None:
        """Take how many clips each class has in a batch."""
        self.each = clips_per_class

    def faults(self, counts: np.ndarray, size: int | None) -> Iterator[str]:
        """Say why clips cannot be batched this way."""
        if len(counts) < 2:
            yield f"mixed batches need two classes or more; there are {len(counts)}."
        if size is not None and not 2 <= size // self.each <= len(counts):
            yield (
                f"a mixed batch of {size} with {self.each} clips a class is of {size // self.each} "
                f"classes; it takes two at least, and at most the {len(counts)} that there are. Change batch_size or "
                "clips_per_class."
            )
        if counts.max() < 2:
            yield f"mixed batches need classes of two clips or more; all {len(counts)} have one."

    def cut(
        self,
        shuffled: np.ndarray,
        labels: np.ndarray,
        size: int | None,
        random: np.random.Generator,
    ) -> list[np.ndarray]:
        """Return the batches of an epoch."""
        by_class, counts = _by_class(shuffled, labels)
        groups = [
            members[begin : begin + self.each]
            for members in np.split(by_class, np.cumsum(counts)[:-1])
            for begin in range(0, max(1, len(members) - self.each + 1), self.each)
        ]
        classes = (size or len(counts) * self.each) // self.each
        whole = np.maximum(1, counts // self.each)
        together = _one_of_each(np.arange(len(groups)), whole, classes, random)
        made = [random.permutation(np.concatenate([groups[group] for group in batch])) for batch in together]
        return _in_random_order(made, random)

    def largest(self, size: int, classes: int) -> int:
        """Return a group of each class at most."""
        return min(size, classes * self.each)

    def smallest(self, made: list[np.ndarray], labels: np.ndarray) -> int:
        """Return a size that no batch falls below.

        Every epoch's batches are of as many classes. Those too small for a group of clips meet in other batches each
        time: in all of a batch, at worst.
        """
        fewest = min(len(np.unique(labels[batch])) for batch in made)
        return int(np.sort(np.minimum(np.bincount(labels), self.each))[:fewest].sum())


class SingleClass(Shuffled):
    """Each class is cut at random into the fewest batches of at most ``size``, whose sizes differ by one at most.

    A batch of one, left only by batch size 2 and an odd class, sits out.
    """

    repeats = True

    def faults(self, counts: np.ndarray, size: int | None) -> Iterator[str]:
        """Say why clips cannot be batched this way."""
        if len(counts) == 0 or counts.min() < 2:
            yield (
                "single-class batches need two clips or more of every class, as a batch of one has no negatives; "
                f"{int((counts == 1).sum())} of {len(counts)} classes have one. Take a larger or less imbalanced "
                "subset."
            )

    def cut(
        self,
        shuffled: np.ndarray,
        labels: np.ndarray,
        size: int | None,
        random: np.random.Generator,
    ) -> list[np.ndarray]:
        """Return the batches of an epoch."""
        by_class, counts = _by_class(shuffled, labels)
        most, members = size or int(counts.max()), np.split(by_class, np.cumsum(counts)[:-1])
        parts = [part for group in members for part in np.array_split(group, -(-len(group) // most))]
        return _in_random_order([part for part in parts if len(part) > 1], random)


def _by_class(shuffled: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return clips class by class, in their random order within each; and the clips of each class."""
    _, codes = np.unique(labels, return_inverse=True)
    return shuffled[np.argsort(codes[shuffled], kind="stable")], np.bincount(codes)


def _one_of_each(by_class: np.ndarray, counts: np.ndarray, size: int, random: np.random.Generator) -> list[np.ndarray]:
    left, ends, made = counts.copy(), np.cumsum(counts), []
    while (open_classes := np.count_nonzero(left)) >= max(2, size / 2):
        fullest = np.lexsort((random.random(len(left)), -left))[: min(size, open_classes)]
        made.append(random.permutation(by_class[ends[fullest] - left[fullest]]))
        left[fullest] -= 1
    return made


def _in_random_order(made: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
    return [made[place] for place in random.permutation(len(made))]


BATCHES = registry(
    Choice("shuffled", "clips in random order", display="shuffled", make=Shuffled, place=0),
    Choice(
        "one-per-class",
        "every clip of a batch is of another class: easy negatives",
        display="one clip per class",
        needs="classes",
        make=OnePerClass,
        place=1,
    ),
    Choice(
        "single-class",
        "all clips of a batch are of one class: hard negatives",
        display="a single class",
        needs="classes",
        make=SingleClass,
        place=2,
    ),
    Choice(
        "mixed",
        "`clips_per_class` clips of each of batch_size / clips_per_class classes",
        display="mixed, {clips_per_class} a class",
        needs="classes",
        keys=(CLIPS_PER_CLASS,),
        make=Mixed,
        place=3,
    ),
)
