"""Budgets: how long the runs of an experiment are trained, where several lengths are compared.

Imported while the Snakefile is parsed, so it needs nothing but the settings.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any

from avbench.config.fields import Count, Written, meaning
from avbench.config.settings import build, settings
from avbench.core.errors import UserError

DEFAULT = "default"  # the name of the budget where there is only one
ALL_BUDGETS = "all"  # of what depends on no budget: it counts for every one

_Amounts = Annotated[tuple[Count, ...], Written((("minItems", 1),))]


@settings("pretraining.budgets", oneOf=[{"required": ["steps"]}, {"required": ["epochs"]}])
class Budgets:
    """The lengths that runs are trained for, each a run of its own with its own schedule.

    Raises:
        UserError: not exactly one kind of length is given, or lengths do not increase.
    """

    steps: Annotated[
        _Amounts | None,
        meaning(
            "steps of the optimiser, shortest first: for every subset and method the nearest whole number of epochs, "
            "at least one"
        ),
    ] = None
    epochs: Annotated[_Amounts | None, meaning("passes over the subset, shortest first")] = None

    def __post_init__(self) -> None:
        """Check that lengths of one kind increase."""
        given = [unit for unit in ("steps", "epochs") if getattr(self, unit) is not None]
        if len(given) != 1:
            raise UserError("config: pretraining.budgets: exactly one of steps, epochs must be given.")
        amounts = getattr(self, given[0])
        if not amounts or any(later <= earlier for earlier, later in pairwise(amounts)):
            raise UserError(
                f"config: pretraining.budgets.{given[0]}: {list(amounts)} is not allowed; it must be whole numbers, "
                "each larger than the one before."
            )


def parse(pretraining: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return the budgets by name, shortest first: each as the keys that it sets in how to train.

    Without any, there is one that sets nothing, `DEFAULT`.

    Args:
        pretraining: the section of the configuration.

    Raises:
        UserError: as `Budgets`, or the length of runs is given beside them.
    """
    given = pretraining.get("budgets")
    if given is None:
        return {DEFAULT: {}}
    if "epochs" in pretraining:
        raise UserError(
            f"config: pretraining.epochs: {pretraining['epochs']!r} is not allowed beside pretraining.budgets, which "
            "says how long runs are. Leave one of them out."
        )
    budgets = build(Budgets, given, "config: pretraining.budgets")
    amounts = {"epochs": budgets.epochs or (), "steps": budgets.steps or ()}
    return {f"{unit}-{amount}": {unit: amount} for unit, listed in amounts.items() for amount in listed}


def whole_epochs(steps: int, steps_per_epoch: int) -> int:
    """Return how many epochs come nearest to so many steps; at least one, and of two as near the even number."""
    return max(1, round(steps / steps_per_epoch))
