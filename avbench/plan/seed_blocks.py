"""Blocks of seeds: which seeds of a method share a job, so that a further seed is a further job and repeats nothing.

Blocks follow from the list of seeds alone. What there is already does not count: a plan is the same on every machine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class SeedBlock:
    """Seeds that a job serves, as a rule of the workflow names them.

    Attributes:
        seeds: of one job. None: each job serves the one seed that its wildcard says.
        others: seeds that have a block of their own; only where ``seeds`` is None.
    """

    seeds: tuple[int, ...] | None
    others: tuple[int, ...] = ()

    @property
    def values(self) -> list[int | str]:
        """What stands for the wildcard ``seed`` in names of files: numbers, or the wildcard itself."""
        return ["{seed}"] if self.seeds is None else list(self.seeds)

    @property
    def count(self) -> int:
        """How many seeds a job serves."""
        return len(self.values)

    @property
    def name(self) -> str:
        """What tells the block's jobs apart, for their logs: the first seed and the last."""
        return "seed-{seed}" if self.seeds is None else f"seeds-{self.seeds[0]}-to-{self.seeds[-1]}"

    @property
    def constraint(self) -> str:
        """The pattern of the wildcard ``seed``."""
        others = "|".join(map(str, self.others))
        return f"(?!(?:{others})(?![0-9]))[0-9]+" if others else "[0-9]+"

    def rule(self, verb: str) -> str:
        """Return the name of the block's rule: a verb's own where it serves one seed."""
        return verb if self.seeds is None else f"{verb}_{self.name.replace('-', '_')}"

    def served(self, wildcards: Any) -> list[int]:
        """Return the seeds of a job, by its wildcards."""
        return [int(wildcards.seed)] if self.seeds is None else list(self.seeds)


def first_together(seeds: Sequence[int], first: int) -> list[tuple[int, ...]]:
    """Cut seeds into the first so many, together, and each later one alone."""
    return [tuple(seeds[:first]), *((seed,) for seed in seeds[first:])]


def rounds(looks: Sequence[int]) -> list[tuple[int, ...]]:
    """Cut seeds 0, 1, 2, … at the numbers of seeds at which an experiment is looked at: those of a round together."""
    return [tuple(range(begin, end)) for begin, end in pairwise((0, *looks))]


def blocks(parts: Iterable[tuple[int, ...]]) -> list[SeedBlock]:
    """Return a block for each part of several seeds, and the one that serves all other seeds, each alone."""
    together = [part for part in parts if len(part) > 1]
    return [*map(SeedBlock, together), SeedBlock(None, tuple(seed for part in together for seed in part))]
