"""Whether a dataset can hold a subset, as far as its number of clips tells before any job runs.

Imported while the Snakefile is parsed, so it needs nothing but the standard library.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from avbench.config.long_tail import class_sizes, largest_class
from avbench.core.errors import UserError


@dataclass(frozen=True)
class Held:
    """The training clips of a dataset: in all, and of its smallest and its largest class."""

    dataset: str
    classes: int
    clips: int
    smallest: int
    largest: int


def planned(name: str, subset: Mapping[str, Any], held: Held) -> list[int]:
    """Return the clips of each class of a subset, largest first: those of a natural one on average.

    Args:
        name: the subset's, for messages.
        subset: its fields in the config; not a list of ids.
        held: what there is to draw from; of the classes that the subset leaves out nothing is known.

    Raises:
        UserError: it is more than the dataset holds, with the bound. Which class of a long tail is the largest is
            drawn, so that some that cannot be drawn are refused only by the drawing itself.
    """
    held = replace(held, classes=held.classes - len(subset.get("without", ())))
    balance, imbalance = subset.get("balance", "balanced"), subset.get("imbalance", 1)
    where, of = f"config: subsets.{name}", f"of dataset {held.dataset!r}"
    if balance == "natural":
        asked = subset.get("clips") or held.classes * subset["clips_per_class"]
        if asked > held.clips:
            key, each = ("clips", 1) if "clips" in subset else ("clips_per_class", held.classes)
            raise UserError(f"{where}.{key}: {subset[key]} is more than the {held.clips // each} training clips {of}.")
        return [asked // held.classes] * held.classes
    # A profile without a tail takes as many clips of every class; otherwise the largest class bounds it for certain.
    most = held.smallest if imbalance == 1 else held.largest
    if "clips" not in subset:
        if subset.get("at_least", math.inf) <= most < subset["clips_per_class"]:
            return class_sizes(most, imbalance, held.classes)
        if subset["clips_per_class"] > most:
            raise UserError(
                f"{where}.clips_per_class: {subset['clips_per_class']} is more than the {most} training clips per "
                f"class {of}."
            )
        return class_sizes(subset["clips_per_class"], imbalance, held.classes)
    wanted = largest_class(subset["clips"], imbalance, held.classes)
    if wanted == 0:
        raise UserError(
            f"{where}.clips: {subset['clips']} is less than one for each of the {held.classes} classes {of}."
        )
    if wanted > most:
        bound = sum(class_sizes(most, imbalance, held.classes))
        raise UserError(
            f"{where}.clips: {subset['clips']} with imbalance {imbalance:g} asks for {wanted} clips of the largest "
            f"class. At most {bound} are possible with the {most} training clips per class {of}."
        )
    return class_sizes(wanted, imbalance, held.classes)
