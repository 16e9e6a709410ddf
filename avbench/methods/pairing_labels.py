"""Labels and neighbours for pairing: reading and numbering them."""

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avbench.config.methods import Method
from avbench.core.errors import UserError
from avbench.core.files import read_csv


def numbered(
    clip_ids: Sequence[str], pairing_labels: Sequence[str] | Sequence[Sequence[str]], method: Method
) -> np.ndarray:
    """Return what a method may know of its clips in numbers, whatever it is given besides.

    Args:
        clip_ids: the subset.
        pairing_labels: a label for each clip, or the ids of its k neighbours; see `read_pairing`.
        method: one that uses no labels is told nothing.

    Returns:
        int64: the class of each clip, 0, 1, …, shape (n,); or the places of its neighbours, shape (n, k).

    Raises:
        UserError: a neighbour is not of the subset.
    """
    if not method.uses_labels:
        return np.zeros(len(clip_ids), np.int64)
    given = np.asarray(pairing_labels, dtype=str)
    if given.ndim == 1:
        return np.unique(given, return_inverse=True)[1].astype(np.int64)
    place, names = {name: number for number, name in enumerate(clip_ids)}, given.ravel().tolist()
    if unknown := [name for name in names if name not in place]:
        raise UserError(f"{method.name}: the neighbour {unknown[0]!r} is not of the subset. Make the neighbours again.")
    return np.array([place[name] for name in names], np.int64).reshape(given.shape)


def read_pairing(path: str | Path, clip_ids: Sequence[str]) -> list[str] | list[list[str]]:
    """Read a label file of either form, which lists a subset's clips in their order.

    Args:
        path: a CSV with the columns ``clip_id`` and ``label``, a row per clip; or ``clip_id`` and ``neighbour``, k rows
            a clip, nearest first.
        clip_ids: the subset.

    Returns:
        The label of each clip; or the ids of each clip's k neighbours.

    Raises:
        UserError: the file is of neither form, lists other clips, or its neighbours are no clips of the subset, the
            clip itself, given twice, or not of the same number for all.
    """
    column = "neighbour" if "neighbour" in _columns(path) else "label"
    rows = read_csv(path, ("clip_id", column))
    found = [
        (clip, [value for _, value in group])
        for clip, group in itertools.groupby(zip(rows["clip_id"], rows[column], strict=True), key=lambda row: row[0])
    ]
    if [clip for clip, _ in found] != list(clip_ids):
        raise UserError(f"{path} lists other clips than the subset, or in another order. Make the labels again.")
    every, k = set(clip_ids), len(found[0][1]) if column == "neighbour" else 1
    for clip, values in found:
        if len(values) != k:
            raise UserError(f"{path}: clip {clip!r} has {len(values)} rows instead of {k}. Make the labels again.")
        if column == "label":
            continue
        if unknown := [name for name in values if name not in every]:
            raise UserError(f"{path}: the neighbour {unknown[0]!r} of clip {clip!r} is not of the subset.")
        if clip in values or len(set(values)) < k:
            raise UserError(f"{path}: clip {clip!r} is a neighbour of its own, or has one twice.")
    return [values for _, values in found] if column == "neighbour" else [values[0] for _, values in found]


def _columns(path: str | Path) -> list[str]:
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            return next(csv.reader(stream), [])
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path} is not a CSV file: {error}.") from error
