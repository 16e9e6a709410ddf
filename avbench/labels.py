"""Label variants made of the true labels: what pairing uses. The true labels stay untouched for probing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from avbench.errors import UserError
from avbench.hashing import hash64, keyed_ranks

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("true", "noise")
NOISES = ("uniform", "pair-flip")


@dataclass(frozen=True)
class LabelSettings:
    """How labels are made from the true ones.

    Attributes:
        kind: ``true``, or ``noise``: a share of the labels is wrong.
        rate: noise only: the share of each class that gets a wrong label, in [0, 1).
        noise: ``uniform``: any other class; ``pair-flip``: always the same other class.
        seed: another seed makes other mistakes.

    Raises:
        UserError: a value is not allowed.
    """

    kind: str = "true"
    rate: float = 0.0
    noise: str = "uniform"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kind == "pseudo":
            raise UserError("kind: pseudo-labels are made from pictures, by the verb pseudo-labels.")
        if self.kind not in KINDS:
            raise UserError(f"kind: {self.kind!r} is unknown. Allowed are {', '.join(KINDS)}.")
        if self.noise not in NOISES:
            raise UserError(f"noise: {self.noise!r} is unknown. Allowed are {', '.join(NOISES)}.")
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float) or not 0 <= self.rate < 1:
            raise UserError(f"rate: {self.rate!r} is not allowed; it must be a number of at least 0 and below 1.")
        if self.kind == "true" and self.rate:
            raise UserError(
                f"rate: {self.rate} would have no effect on true labels; set kind: noise or leave rate out."
            )


def make(subset: pd.DataFrame, settings: LabelSettings) -> pd.DataFrame:
    """Make the labels that pairing uses.

    In a class of n clips, exactly ``round(rate · n)`` get a wrong label: those of the lowest keyed rank. So
    within one subset a clip that is wrong at one rate is so at every higher rate, with the same wrong label.

    Args:
        subset: columns ``clip_id`` and ``label``, the true one.
        settings: what to make.

    Returns:
        ``clip_id`` and ``label``, in the order of ``subset``.

    Raises:
        UserError: labels should be wrong where there is a single class.
    """
    made = subset[["clip_id", "label"]].reset_index(drop=True)
    if settings.kind == "true" or settings.rate == 0:
        return made
    classes = sorted(set(made["label"]))
    if len(classes) < 2:
        raise UserError(f"rate: {settings.rate} needs a wrong class to choose, but the subset has a single one.")
    if settings.noise == "uniform":
        others = {name: [other for other in classes if other != name] for name in classes}
    else:
        circle = [classes[i] for i in np.argsort(keyed_ranks(settings.seed, "pair-flip", classes))]
        others = {name: [after] for name, after in zip(circle, circle[1:] + circle[:1], strict=True)}
    ranks = keyed_ranks(settings.seed, "noise", made["clip_id"])
    labels = made["label"].to_numpy(dtype=object)
    for name, rows in made.groupby("label").indices.items():
        ranked = rows[np.argsort(ranks[rows], kind="stable")]
        for row in ranked[: round(settings.rate * len(rows))]:
            draw = hash64(settings.seed, "wrong label", made["clip_id"][row])
            labels[row] = others[name][draw % len(others[name])]
    return made.assign(label=labels)
