"""How a pretraining subset is drawn."""

from dataclasses import field
from typing import Annotated

from pydantic import Field

from avbench.config.choices import Choice, names, registry
from avbench.config.fields import AS_GIVEN, SWEPT, Count, OneOf, Text, Whole, meaning
from avbench.config.settings import settings
from avbench.core.errors import UserError

BALANCES = registry(
    Choice("balanced", "exactly `clips_per_class` clips of every class", display="balanced", place=0),
    Choice(
        "natural",
        "`clips` clips (or `clips_per_class` × classes) as they come",
        display="natural",
        place=1,
    ),
    Choice(
        "long-tailed",
        "class c of C has `largest · imbalance^(−c/(C−1))` clips, rounded, at least one; `largest` is "
        "`clips_per_class`, or the most with which the total stays within `clips`; the order of the classes is drawn",
        display="long-tailed",
        place=2,
    ),
)
SIZES = ("clips_per_class", "clips", "ids")


@settings()
class SubsetSettings:
    """What a subset looks like.

    Raises:
        UserError: the settings contradict each other.
    """

    clips_per_class: Annotated[
        Annotated[Count, SWEPT] | None,
        meaning(
            "clips of each class; of the largest class where `balance` is `long-tailed`; on average where `natural`"
        ),
    ] = None
    at_least: Annotated[
        Count | None,
        meaning(
            "for `balanced`: where a class has fewer than `clips_per_class` stored clips, as many of every class as it "
            "has, from here up"
        ),
    ] = None
    without: Annotated[tuple[Text, ...], meaning("classes to leave out, by their labels")] = ()
    clips: Annotated[
        Annotated[Count, SWEPT] | None,
        meaning("clips in all, for `natural`; at most so many for `long-tailed`"),
    ] = None
    balance: Annotated[str, OneOf(BALANCES), meaning(f"how classes compare: {names(BALANCES)}")] = "balanced"
    imbalance: Annotated[
        Annotated[float, Field(ge=1, allow_inf_nan=False), AS_GIVEN, SWEPT] | None,
        meaning("for `long-tailed`: the largest class has this many times the clips of the smallest"),
    ] = None
    ids: Annotated[
        Text | None,
        meaning(
            "a file with the clip ids to take, one a line or a CSV with a column `clip_id`, instead of all of the above"
        ),
    ] = None
    min_share: Annotated[
        Annotated[float, Field(gt=0, le=1), AS_GIVEN],
        meaning("with `ids`: the share of them that must be stored, the others being left out; 1 is all"),
    ] = 1.0
    seed: Annotated[Whole, meaning("of the draw; one subset serves all training seeds")] = 0

    def __post_init__(self) -> None:
        """Check the combination of values."""
        given = [key for key in ("clips_per_class", "clips", "imbalance", "at_least") if getattr(self, key) is not None]
        if self.ids is None and self.min_share != 1:
            raise UserError(f"min_share: {self.min_share!r} is not allowed; it goes with ids.")
        if self.ids is not None:
            if given := [*given, *(["without"] if self.without else [])]:
                raise UserError(f"{given[0]} and ids: the list of ids fixes the subset already; leave one of them out.")
            return
        if self.clips_per_class is not None and self.clips is not None:
            raise UserError("clips_per_class and clips: both set the subset's size; leave one of them out.")
        if self.balance == "balanced" and self.clips_per_class is None:
            raise UserError("balance: balanced takes its size from clips_per_class, which is missing.")
        if self.at_least is not None and (self.balance != "balanced" or self.at_least > (self.clips_per_class or 0)):
            raise UserError(
                f"at_least: {self.at_least} is not allowed; it goes with balance balanced, and is at most "
                f"clips_per_class, which is {self.clips_per_class}."
            )
        if self.balance == "long-tailed" and self.clips_per_class is None and self.clips is None:
            raise UserError("balance: long-tailed needs clips_per_class (of the largest class) or clips (in all).")
        if self.balance == "long-tailed" and self.imbalance is None:
            raise UserError(f"imbalance: {self.imbalance!r} is not allowed; long-tailed needs a number from 1 up.")
        if self.balance != "long-tailed" and self.imbalance is not None:
            raise UserError(f"imbalance: only balance long-tailed takes it, not {self.balance}.")


@settings(oneOf=[{"required": [key]} for key in SIZES])
class Subset(SubsetSettings):
    """A subset as the user writes it: with the length of its runs."""

    epochs: Annotated[Count | None, meaning("instead of `pretraining.epochs`")] = field(default=None, kw_only=True)
