"""Pairs that do not match: a share of the pretraining clips whose sound does not belong to its picture.

A run is named by its labels and, where its pairs do not match, by these too: ``true+swapped-10``.
"""

from dataclasses import field
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from avbench.config.choices import Choice, names, registry
from avbench.config.fields import AS_GIVEN, SWEPT, UNIQUE, Name, OneOf, Said, Whole, meaning
from avbench.config.settings import settings
from avbench.core.errors import UserError

BESIDE = "+"
"""Between the labels of a run and its mismatches, where it has any: no name holds it."""

MISMATCHES = registry(
    Choice("swapped", "two and two of these clips have each other's sound", display="swapped sounds", place=0),
    Choice(
        "shifted",
        "the sound is taken `shift_s` later than the picture; earlier where the clip ends before",
        display="shifted sounds",
        place=1,
    ),
    Choice("muted", "the sound is silence", display="muted sounds", place=2),
    Choice("frozen", "the picture stands still: the clip's middle frame", display="still pictures", place=3),
)


@settings()
class MismatchSettings:
    """Which share of the pretraining clips does not match, and how. By hand, without a seed it is the draw of seed 0.

    Raises:
        UserError: a value is not allowed, or two do not go together.
    """

    kind: Annotated[str, OneOf(MISMATCHES), meaning(f"what does not match: {names(MISMATCHES)}")]
    rate: Annotated[
        float,
        Field(ge=0, le=1),
        AS_GIVEN,
        Said("a number from 0 to 1"),
        SWEPT,
        meaning(
            "the share of the subset's clips, from 0 to 1; those of a lower rate are among those of a higher one, "
            "and they are the same for every method and kind"
        ),
    ]
    shift_s: Annotated[
        Annotated[float, Field(gt=0), AS_GIVEN] | None,
        WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
        meaning("of shifted: by how many seconds; at most half of what the shortest clip has beside its window"),
    ] = None
    seed: Annotated[
        Whole | None, meaning("one draw of the clips for all runs; without it, each run seed has its own")
    ] = None

    def __post_init__(self) -> None:
        """Check the combination of values."""
        if (self.kind == "shifted") != (self.shift_s is not None):
            raise UserError("shift_s: kind: shifted and shift_s go together.")


@settings("pairs")
class Mismatches(MismatchSettings):
    """Pairs that do not match, as the user writes them: with which methods are run with them, and where."""

    methods: Annotated[
        tuple[Name, ...], UNIQUE, meaning("which methods are run with them, with their own labels; all unless given")
    ] = field(default=(), kw_only=True)
    subsets: Annotated[
        tuple[Name, ...], UNIQUE, meaning("on which subsets; all that the method is run on unless given")
    ] = field(default=(), kw_only=True)


def beside(labels: str, mismatches: str) -> str:
    """Return what a run with some labels and mismatches has for its labels in paths and tables."""
    return f"{labels}{BESIDE}{mismatches}"


def apart(labels: str) -> tuple[str, str]:
    """Return the labels of a run and its mismatches; the latter are empty where its pairs match."""
    own, _, mismatches = labels.partition(BESIDE)
    return own, mismatches


def declared(variant: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of what a user wrote, without where it is run."""
    return {key: value for key, value in variant.items() if key not in ("methods", "subsets")}
