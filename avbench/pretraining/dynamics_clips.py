"""The dynamics clips: validation clips that are embedded while a run is trained."""

from typing import TYPE_CHECKING

import numpy as np

from avbench.core.errors import UserError
from avbench.core.hashing import keyed_ranks

if TYPE_CHECKING:
    import pandas as pd


PER_CLASS = 8
"""Clips of a class, if there are as many: nearest neighbours tell nothing where most clips have no mate."""
CLASS_KEY, CLIP_KEY = "followed classes", "followed"
"""Words in the keys of the hashes: other words would choose other clips."""


def choose(validation: "pd.DataFrame", clips: int) -> list[str]:
    """Choose clips of some classes, eight of each before any has more, by keyed hashes of classes and clips.

    Args:
        validation: columns ``clip_id`` and ``label`` of the stored validation clips.
        clips: how many.

    Returns:
        Clip ids, sorted. Their labels are not for training to see.

    Raises:
        UserError: there are not as many.
    """
    if len(validation) < clips:
        raise UserError(
            f"evaluation.dynamics.clips: {clips} is more than the {len(validation)} stored validation clips. Lower it."
        )
    ids, labels = validation["clip_id"].to_numpy(dtype=object), validation["label"].to_numpy(dtype=object)
    names, codes = np.unique(labels.astype(str), return_inverse=True)
    order = np.argsort(np.argsort(keyed_ranks(0, CLASS_KEY, names), kind="stable"), kind="stable")[codes]
    ranked = np.lexsort((keyed_ranks(0, CLIP_KEY, ids), order))
    place = np.empty(len(ids), np.int64)  # of a clip within its class
    sizes = np.bincount(order)
    place[ranked] = np.arange(len(ids)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.lexsort((place, order, place // PER_CLASS))[:clips]
    return sorted(ids[chosen])
