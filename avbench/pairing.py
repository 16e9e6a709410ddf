"""The pairs of a run as its method draws them: which clips make each batch, and whose video goes with whose audio.

Training and what is counted about it both draw from here. Nothing here imports torch.
"""

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avbench.errors import UserError
from avbench.fileio import read_csv
from avbench.methods import Method
from avbench.samplers import Neighbours, Positives, batches, require_batches


class Pairing:
    """Batches and positives of a whole run; every draw is a function of seed, epoch and clip.

    Args:
        method: how pairs are drawn.
        known: what it may know of the clips, as `numbered` gives it: a class each, (n,), or neighbours, (n, k).
        batch_size: clips a batch. One-per-class and mixed batches are smaller where there are fewer classes.
        epochs: of the run.
        seed: of the run.
        batch_order: of single-class batches: ``fresh``, or ``fixed``: every epoch is like the first.

    Raises:
        UserError: the clips cannot be batched that way, or classes are given for neighbours or the other way round.
    """

    def __init__(
        self, method: Method, known: np.ndarray, batch_size: int, epochs: int, seed: int, batch_order: str = "fresh"
    ) -> None:
        if (known.ndim == 2) != (method.needs == "neighbours"):
            given, needed = ("neighbours", "classes") if known.ndim == 2 else ("classes", "neighbours")
            raise UserError(
                f"{method.name}: its pairs are drawn from {needed}, and labels {method.labels} are of {given}. Choose "
                "other labels."
            )
        self.method, self.epochs, self.seed = method, epochs, seed
        self.classes = known if known.ndim == 1 else np.zeros(len(known), np.int64)
        self.batch_size, self._each = batch_size, method.clips_per_class or 1
        if method.batch in ("one-per-class", "mixed"):  # more classes than there are cannot be in a batch
            self.batch_size = min(batch_size, (int(self.classes.max()) + 1) * self._each)
        self._order = batch_order if method.batch == "single-class" else "fresh"
        require_batches(method.batch, self.classes, self.batch_size, method.name, self._each)
        self._positives: Positives | Neighbours | None = None
        if method.positive != "self":
            self._positives = Neighbours(known) if known.ndim == 2 else Positives(known)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Return the anchors of each batch of an epoch (from 0): clip numbers, int64. Every epoch has as many."""
        return batches(
            self.method.batch, self.classes, self.batch_size, self.seed, epoch, self._order, clips_per_class=self._each
        )

    @property
    def smallest_batch(self) -> int:
        """A size that no batch of any epoch falls below."""
        made = self.batches(0)
        if self.method.batch != "mixed":
            return min(map(len, made))
        # Every epoch's batches are of as many classes. Those too small for a group of clips meet in other batches each
        # time: in all of a batch, at worst.
        fewest = min(len(np.unique(self.classes[batch])) for batch in made)
        return int(np.sort(np.minimum(np.bincount(self.classes), self._each))[:fewest].sum())

    def videos(self, anchors: np.ndarray, epoch: int) -> np.ndarray:
        """Return the clip whose video is each anchor's positive: the shape of ``anchors``."""
        if self._positives is None:
            return anchors
        probability = self.method.probability_at(epoch, self.epochs)
        return self._positives.draw(anchors, self.seed, epoch, probability)


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
        path: a CSV with the columns ``clip_id`` and ``label``, a row a clip; or ``clip_id`` and ``neighbour``, k rows
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
