"""Tuning: the settings of training that every method is tried with, before one of them is chosen for it.

Imported while the Snakefile is parsed: nothing heavy.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from avbench.config.fields import Name, Positive, Whole, Written, meaning
from avbench.config.pretraining import PretrainSettings
from avbench.config.settings import build, defaults, settings
from avbench.core.errors import UserError

KEYS = ("learning_rate", "temperature")
"""Keys of `pretraining` that can be tuned."""

_Values = Annotated[
    tuple[Positive, ...],
    Written((("minItems", 2), ("uniqueItems", True))),
]


@settings("tuning")
class Tuning:
    """What every method is tuned over, equally.

    Raises:
        UserError: nothing is to be tuned, a list has fewer than two values or one twice, or the grid has fewer points
            than trials.
    """

    learning_rate: Annotated[_Values | None, meaning("values to try, with that of `pretraining` among them")] = None
    temperature: Annotated[_Values | None, meaning("values to try, with that of `pretraining` among them")] = None
    trials: Annotated[
        Annotated[int, Field(ge=2)] | None,
        meaning(
            "so many points of the grid, drawn once for all methods, the setting of `pretraining` always among them; "
            "the whole grid unless given"
        ),
    ] = None
    seed: Annotated[Whole, meaning("the run seed of all trials; it also draws their points")] = 0
    subset: Annotated[
        Name | None,
        meaning("the subset that trials are trained on, for runs on all of them; each for itself unless given"),
    ] = None

    def __post_init__(self) -> None:
        """Check that there is something to choose from."""
        lists = {key: values for key in KEYS if (values := getattr(self, key)) is not None}
        if not lists:
            raise UserError(f"config: tuning: nothing is to be tuned. Give {' or '.join(KEYS)}, or both.")
        points = 1
        for key, values in lists.items():
            if len(values) < 2 or len(set(values)) < len(values) or math.inf in values:
                raise UserError(
                    f"config: tuning.{key}: {list(values)} is not allowed; it must be two or more finite numbers."
                )
            points *= len(values)
        if self.trials is not None and self.trials > points:
            raise UserError(
                f"config: tuning.trials: {self.trials} is not allowed; the grid has {points} points, and it must be "
                f"from 2 to {points}."
            )


class Point(NamedTuple):
    """A setting that is tried."""

    learning_rate: float
    temperature: float

    @property
    def name(self) -> str:
        """What its folder is called. It depends on the point alone, so that a larger grid repeats no trial."""
        return f"learning-rate-{self.learning_rate!r}-temperature-{self.temperature!r}"


def parse(given: Mapping[str, Any] | None, pretraining: Mapping[str, Any]) -> tuple[Tuning | None, list[Point]]:
    """Read the section, and the points that are tried: the setting of `pretraining` first, others as the grid has them.

    Args:
        given: the section of the configuration; None for no tuning, and no points.
        pretraining: its section.

    Raises:
        UserError: as `Tuning`, or a list lacks the value of `pretraining`.
    """
    if given is None:
        return None, []
    tuning = build(Tuning, given, "config: tuning")
    general: dict[str, Any] = {**defaults(PretrainSettings), **pretraining}
    for key in KEYS:
        values = getattr(tuning, key)
        if values is not None and general[key] not in values:
            raise UserError(
                f"config: tuning.{key}: {list(values)} is not allowed; {general[key]}, the value of "
                f"pretraining.{key}, must be among them: it is the first trial of every method."
            )
    return tuning, points(tuning, Point(*(float(general[key]) for key in KEYS)))


def points(tuning: Tuning, default: Point) -> list[Point]:
    """Return the points of the grid that are tried: the default setting first, then as the grid has them.

    More trials of the same seed have all points of fewer.
    """
    values = (map(float, getattr(tuning, key) or (getattr(default, key),)) for key in KEYS)
    grid = [point for pair in product(*values) if (point := Point(*pair)) != default]
    if tuning.trials is None:
        return [default, *grid]
    drawn = sorted(grid, key=lambda point: _rank(tuning.seed, point))[: tuning.trials - 1]
    return [default, *(point for point in grid if point in drawn)]


def _rank(seed: int, point: Point) -> bytes:
    """Return a point's place in a shuffle that a seed decides; `avbench.core.hashing` would load NumPy."""
    return hashlib.blake2b(f"{seed}/trial/{point.name}".encode(), digest_size=8).digest()


def best(accuracies: Mapping[Point, float], grid: Sequence[Point]) -> Point | None:
    """Return the point of the highest accuracy; of those as high, the first of the grid. None if none has one.

    Args:
        accuracies: of each point; NaN where its training came to nothing, which is never chosen.
        grid: the points in the order of :func:`points`.
    """
    known = [point for point in grid if accuracies[point] == accuracies[point]]
    return max(known, key=lambda point: accuracies[point], default=None)


def at_edge(point: Point, tried: Iterable[Point]) -> list[str]:
    """Return the keys of which several values were tried, and the point has the lowest or the highest."""
    columns = zip(KEYS, point, map(set, zip(*tried, strict=True)), strict=True)
    return [key for key, value, values in columns if len(values) > 1 and value in (min(values), max(values))]
