"""The pairs of a run as its method draws them: which clips make each batch, and whose video goes with whose audio.

Training and what is counted about it both draw from here. Nothing here imports torch.
"""

import numpy as np

from avbench.config.budgets import whole_epochs
from avbench.config.methods import Method
from avbench.core.errors import UserError
from avbench.methods.batch_kinds import BATCHES
from avbench.methods.batches import batches, require_batches
from avbench.methods.positives import POSITIVES


class Pairing:
    """Batches and positives of a whole run; every draw is a function of seed, epoch and clip.

    Args:
        method: how pairs are drawn.
        known: what it may know of the clips, as `numbered` gives it: a class each, (n,), or neighbours, (n, k).
        batch_size: clips per batch. One-per-class and mixed batches are smaller where there are fewer classes.
        epochs: of the run.
        seed: of the run.
        batch_order: of single-class batches: ``fresh``, or ``fixed``: every epoch is like the first.
        batch_members: of one-per-class batches: ``shuffled``, or ``by-class``: in the order of their classes.

    Attributes:
        epochs: of the run.

    Raises:
        UserError: the clips cannot be batched that way, or classes are given for neighbours or the other way round.
    """

    def __init__(
        self,
        method: Method,
        known: np.ndarray,
        batch_size: int,
        epochs: int,
        seed: int,
        batch_order: str = "fresh",
        batch_members: str = "shuffled",
    ) -> None:
        if (known.ndim == 2) != (method.needs == "neighbours"):
            given, needed = ("neighbours", "classes") if known.ndim == 2 else ("classes", "neighbours")
            raise UserError(
                f"{method.name}: its pairs are drawn from {needed}, and labels {method.labels} are of {given}. Choose "
                "other labels."
            )
        self.method, self.seed = method, seed
        self.classes = known if known.ndim == 1 else np.zeros(len(known), np.int64)
        self._options = method.options_of("batch")
        self._batches = BATCHES[method.batch].make(**self._options)
        classes = int(self.classes.max(initial=-1)) + 1  # more than there are cannot be in a batch
        self.batch_size = self._batches.largest(batch_size, classes)
        self._order = batch_order if self._batches.repeats else "fresh"
        self._sorted = batch_members == "by-class" and self._batches.by_class
        require_batches(method.batch, self.classes, self.batch_size, method.name, **self._options)
        self._positives = POSITIVES[method.positive].make(known, **method.options_of("positive"))
        self.epochs = epochs

    def lasting(self, steps: int | None) -> "Pairing":
        """Set ``epochs`` to as many whole ones as come nearest to so many steps; with None it stays as it is."""
        self.epochs = self.epochs if steps is None else whole_epochs(steps, len(self.batches(0)))
        return self

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Return the anchors of each batch of an epoch (from 0): clip numbers, int64. Every epoch has as many."""
        made = batches(self.method.batch, self.classes, self.batch_size, self.seed, epoch, self._order, **self._options)
        return [batch[np.argsort(self.classes[batch])] for batch in made] if self._sorted else made

    @property
    def smallest_batch(self) -> int:
        """A size that no batch of any epoch falls below."""
        return self._batches.smallest(self.batches(0), self.classes)

    def videos(self, anchors: np.ndarray, epoch: int) -> np.ndarray:
        """Return the clip whose video is each anchor's positive: the shape of ``anchors``."""
        probability = self.method.probability_at(epoch, self.epochs)
        return self._positives.draw(anchors, self.seed, epoch, probability)
