"""The seeds of an experiment: a list, or as many as it takes until its claims are decided."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from avbench.config import schema
from avbench.config.fields import Count, Positive, meaning
from avbench.config.settings import build, settings
from avbench.core.errors import UserError


@settings("seeds")
class UntilDecided:
    """Seeds 0, 1, 2, … in rounds: after each, the runs that open claims name get further ones.

    Raises:
        UserError: there is nothing between the first round and the last.
    """

    first: Annotated[int, Field(ge=2), meaning("seeds of every run in the first round")]
    most: Annotated[Count, meaning("seeds that a run gets at most; more than `first`")]
    until: Annotated[
        Literal["decided"],
        meaning("`decided`: a claim gets no further seeds once it is decided, too small to matter, or futile"),
    ]
    effect: Annotated[
        Positive,
        meaning("the smallest interesting effect, in percentage points: what is surely smaller gets no further seeds"),
    ]

    def __post_init__(self) -> None:
        """Check that there is more than one round."""
        if self.most <= self.first:
            raise UserError(
                f"config: seeds.most: {self.most} is not allowed; it must be more than seeds.first, which is "
                f"{self.first}. For a fixed number of seeds, give a list."
            )


def parse(given: Any) -> UntilDecided | None:
    """Return how seeds are given out in rounds; None where they are listed.

    Raises:
        UserError: as `UntilDecided`.
    """
    return None if isinstance(given, list) else build(UntilDecided, given, "config: seeds")


def listed_or_until_decided() -> dict[str, Any]:
    """Return the JSON Schema of ``seeds``."""
    listed = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "uniqueItems": True}
    return {"if": {"type": "object"}, "then": schema.of(UntilDecided), "else": listed}


def looks(first: int, most: int) -> tuple[int, ...]:
    """Return the numbers of seeds after which it is decided who gets more: each about half as many again."""
    found = [first]
    while found[-1] < most:
        found.append(min(math.ceil(1.5 * found[-1]), most))
    return tuple(found)
