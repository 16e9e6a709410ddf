"""Label variants made of the true labels: what pairing uses. The true labels stay untouched for probing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from avbench.confusion import Confusion, read_confusion
from avbench.errors import UserError
from avbench.hashing import hash64, keyed_ranks

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("true", "noise")
NOISES = ("uniform", "pair-flip", "confusion")
MODALITIES = ("audio", "video", "both")

# What other verbs make.
_ELSEWHERE = {
    "pseudo": "pseudo-labels are made from pictures, by the verb pseudo-labels",
    "clusters": "clusters are made from a first round's features, by the verb derived-labels",
    "neighbours": "neighbours are made from a first round's features, by the verb derived-labels",
}


@dataclass(frozen=True)
class LabelSettings:
    """How labels are made from the true ones.

    Attributes:
        kind: ``true``, or ``noise``: a share of the labels is wrong.
        rate: noise only: the share of each class that gets a wrong label, in [0, 1).
        noise: ``uniform``: any other class; ``pair-flip``: always the same other class; ``confusion``: the other
            classes as often as a classifier confuses the clip's class with them.
        matrix: confusion only: a file that says how often, as :func:`avbench.confusion.read_confusion` reads it.
        method: confusion only, instead of a file: the method whose features are classified to find out.
        modality: with ``method``: of these features, ``audio``, ``video`` or ``both``.
        seed: another seed makes other mistakes.

    Raises:
        UserError: a value is not allowed.
    """

    kind: str = "true"
    rate: float = 0.0
    noise: str = "uniform"
    matrix: str | None = None
    method: str | None = None
    modality: str = "both"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kind in _ELSEWHERE:
            raise UserError(f"kind: {_ELSEWHERE[self.kind]}.")
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
        check_modality(self.modality)
        sources = [key for key in ("matrix", "method") if getattr(self, key) is not None]
        if (self.kind, self.noise) == ("noise", "confusion"):
            if len(sources) != 1:
                raise UserError("noise: confusion takes its probabilities from either matrix or method; give one.")
        elif sources:
            raise UserError(f"{sources[0]}: only noise: confusion takes it.")
        if self.modality != "both" and self.method is None:
            raise UserError("modality: it belongs to method, whose features it chooses.")


def check_modality(modality: str) -> None:
    """Check which features labels are made of.

    Raises:
        UserError: it is neither ``audio`` nor ``video`` nor ``both``.
    """
    if modality not in MODALITIES:
        raise UserError(f"modality: {modality!r} is unknown. Allowed are {', '.join(MODALITIES)}.")


def make(subset: pd.DataFrame, settings: LabelSettings, confusion: Confusion | None = None) -> pd.DataFrame:
    """Make the labels that pairing uses.

    In a class of n clips, exactly ``round(rate · n)`` get a wrong label: those of the lowest keyed rank. So
    within one subset a clip that is wrong at one rate is so at every higher rate, with the same wrong label.

    Args:
        subset: columns ``clip_id`` and ``label``, the true one.
        settings: what to make.
        confusion: for confusion noise by a method, how its classes are confused; a ``matrix`` is read here.

    Returns:
        ``clip_id`` and ``label``, in the order of ``subset``.

    Raises:
        UserError: labels should be wrong where there is a single class, or the confusion is that of other classes.
    """
    made = subset[["clip_id", "label"]].reset_index(drop=True)
    if settings.kind == "true" or settings.rate == 0:
        return made
    classes = sorted(set(made["label"]))
    if len(classes) < 2:
        raise UserError(f"rate: {settings.rate} needs a wrong class to choose, but the subset has a single one.")
    draw = _wrong_label(classes, settings, confusion)
    ranks = keyed_ranks(settings.seed, "noise", made["clip_id"])
    labels = made["label"].to_numpy(dtype=object)
    for name, rows in made.groupby("label").indices.items():
        ranked = rows[np.argsort(ranks[rows], kind="stable")]
        for row in ranked[: round(settings.rate * len(rows))]:
            labels[row] = draw(name, hash64(settings.seed, "wrong label", made["clip_id"][row]))
    return made.assign(label=labels)


def _wrong_label(classes: list[str], settings: LabelSettings, confusion: Confusion | None) -> Callable[[str, int], str]:
    """Return what says, of a true class and a clip's 64 random bits, which other class it gets."""
    if settings.noise == "confusion":
        if confusion is None:
            if settings.matrix is None:
                raise UserError("method: what a first round confuses is measured by the verb derived-labels.")
            confusion = read_confusion(settings.matrix)
        return confusion.among(classes).wrong_label
    if settings.noise == "uniform":
        others = {name: [other for other in classes if other != name] for name in classes}
    else:
        circle = [classes[i] for i in np.argsort(keyed_ranks(settings.seed, "pair-flip", classes))]
        others = {name: [after] for name, after in zip(circle, circle[1:] + circle[:1], strict=True)}
    return lambda name, bits: others[name][bits % len(others[name])]
