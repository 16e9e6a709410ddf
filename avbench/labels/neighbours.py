"""Nearest neighbours of each clip among the others: positives without classes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from avbench.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


BLOCK_BYTES = 64e6


def nearest(features: np.ndarray, k: int, other: np.ndarray | None = None) -> np.ndarray:
    """Return the k clips of highest inner product with each clip, itself left out.

    Memory is bounded whatever the number of clips.

    Args:
        features: float32, (n, width), each modality's part of length one, so that this is the cosine similarity.
        k: how many.
        other: features of the other modality, likewise: then the lower of both similarities counts, so that neighbours
            are near by sound and by picture (Morgado et al. 2021, arXiv:2004.12943, sect. 4.1: cross-modal agreement).

    Returns:
        int64, (n, k): places in ``features``, nearest first, equally near ones by place. Where more are as near as the
        last, which of them it is is NumPy's choice: the same each time, but not on every processor.

    Raises:
        UserError: there are no k other clips.
    """
    if k >= len(features):
        raise UserError(f"k: {k} must be below the number of clips of the subset, {len(features)}.")
    # Not scikit-learn's search, which leaves equally near ones in no set order.
    found = np.empty((len(features), k), np.int64)
    size = max(1, int(BLOCK_BYTES / (4 * len(features))))
    for begin in range(0, len(features), size):
        similarity = features[begin : begin + size] @ features.T
        if other is not None:
            np.minimum(similarity, other[begin : begin + size] @ other.T, out=similarity)
        rows = np.arange(len(similarity))
        similarity[rows, begin + rows] = -np.inf
        near = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        order = np.lexsort((near, -np.take_along_axis(similarity, near, axis=1)), axis=1)
        found[begin : begin + size] = np.take_along_axis(near, order, axis=1)
    return found


def table(clip_ids: Sequence[str], neighbours: np.ndarray) -> "pd.DataFrame":
    """Return ``clip_id`` and ``neighbour``, k rows per clip: clips in their order, the neighbours nearest first."""
    import pandas as pd

    names = np.array(list(clip_ids), dtype=object)
    return pd.DataFrame({"clip_id": np.repeat(names, neighbours.shape[1]), "neighbour": names[neighbours.ravel()]})


def summarise(neighbours: np.ndarray, true: Sequence[str]) -> Mapping[str, Any]:
    """Describe neighbours; the only place where true labels are seen.

    Args:
        neighbours: int, (n, k), places of clips, nearest first.
        true: the true labels, n of them.

    Returns:
        ``clips``; ``true_classes``; ``of_true_class``, the share of neighbours that are of their clip's class; the same
        ``of_true_class_by_rank``, nearest first; and ``by_chance``, what neighbours drawn at random would reach.
    """
    _, codes = np.unique(np.asarray(true, dtype=str), return_inverse=True)
    same = codes[neighbours] == codes[:, None]
    sizes = np.bincount(codes)
    return {
        "clips": len(codes),
        "true_classes": len(sizes),
        "of_true_class": float(same.mean()),
        "of_true_class_by_rank": same.mean(axis=0).tolist(),
        "by_chance": float((sizes * (sizes - 1)).sum() / (len(codes) * (len(codes) - 1))),
    }
