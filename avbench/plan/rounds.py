"""Rounds of seeds: which seeds each run has, where that follows from what was decided after earlier ones."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

T = TypeVar("T")
Read = Callable[[int], Mapping[str, Any]]


class Rounds:
    """Which seeds each run has.

    Args:
        seeds: all that a run can have.
        looks: after how many of them it is decided which runs get more; none where every run has all.
    """

    def __init__(self, seeds: Sequence[int], looks: Sequence[int]) -> None:
        self.seeds, self.looks = list(seeds), list(looks)
        self._read: Read | None = None
        self._further: dict[int, frozenset[str]] = {}

    def read_by(self, read: Read) -> None:
        """Say how to learn what was decided at a look.

        Args:
            read: returns the content of the look's file. What it raises while that is still to come is passed on.
        """
        self._read = read

    def further(self, look: int) -> frozenset[str]:
        """Return the folders of the runs that get further seeds after a look."""
        if look not in self._further:
            if self._read is None:
                raise ValueError("nobody has said how to learn what was decided")
            self._further[look] = frozenset(self._read(look)["further"])
        return self._further[look]

    def had(self) -> list[int]:
        """Return the looks that it takes until no run gets further seeds."""
        for number, look in enumerate(self.looks, 1):
            if not self.further(look):
                return self.looks[:number]
        return self.looks

    def of(self, folder: str, look: int | None = None) -> list[int]:
        """Return the seeds of a run.

        Args:
            folder: the run's, without a seed.
            look: those that it has when it is looked at so many; by default those that it has in the end.
        """
        if not self.looks:
            return self.seeds
        count = self.looks[0]
        for before, after in pairwise(self.looks):
            if before == look or folder not in self.further(before):
                break
            count = after
        return self.seeds[:count]

    def late(self, files: Callable[[], T]) -> T | Callable[[Any], T]:
        """Return files, or where they depend on what is decided, a function of a job's wildcards that returns them."""
        return (lambda wildcards: files()) if self.looks else files()
