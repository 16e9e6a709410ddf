"""Label variants made of the true labels: what pairing uses. The true labels stay untouched for probing."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from avbench.config.labels import LabelSettings
from avbench.core.errors import UserError
from avbench.core.hashing import hash64, keyed_ranks
from avbench.labels.confusion_noise import Confusion, read_confusion

if TYPE_CHECKING:
    import pandas as pd


def make(subset: "pd.DataFrame", settings: LabelSettings, confusion: Confusion | None = None) -> "pd.DataFrame":
    """Make the labels that pairing uses.

    In a class of n clips, exactly ``round(rate · n)`` get a wrong label: those of the lowest keyed rank. So
    within one subset and draw a clip that is wrong at one rate is so at every higher rate, with the same wrong label.

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
    seed = settings.seed or 0
    ranks = keyed_ranks(seed, "noise", made["clip_id"])
    labels = made["label"].to_numpy(dtype=object)
    for name, rows in made.groupby("label").indices.items():
        ranked = rows[np.argsort(ranks[rows], kind="stable")]
        for row in ranked[: round(settings.rate * len(rows))]:
            labels[row] = draw(name, hash64(seed, "wrong label", made["clip_id"][row]))
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
        circle = [classes[i] for i in np.argsort(keyed_ranks(settings.seed or 0, "pair-flip", classes))]
        others = {name: [after] for name, after in zip(circle, circle[1:] + circle[:1], strict=True)}
    return lambda name, bits: others[name][bits % len(others[name])]
