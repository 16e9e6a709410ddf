"""Positives: whose video goes with the sound of a clip. Each is declared once, in `POSITIVES`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avbench.config.choices import Choice, registry
from avbench.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from avbench.core import rng
else:  # the configuration reads what is declared here, and needs no arrays
    np, rng = lazy("numpy"), lazy("avbench.core.rng")


class Own:
    """Each clip's own video goes with its audio."""

    def __init__(self, known: np.ndarray) -> None:
        """Take what may be known of the clips, of which nothing is needed."""

    def draw(self, anchors: np.ndarray, seed: int, epoch: int, probability: float | None = None) -> np.ndarray:
        """Return the anchors; arguments as of `Positives.draw`."""
        return anchors


class Positives:
    """Draws the clip whose video goes with each clip's audio from the clips of its class.

    Args:
        labels: shape (n,), integers.
        probability: how often a uniformly drawn clip of the same class, itself included, stands in; 0 is
            never, which makes every positive the clip itself.
    """

    def __init__(self, labels: np.ndarray, probability: float = 1.0) -> None:
        """Sort the clips by class once."""
        _, codes = np.unique(labels, return_inverse=True)
        sizes = np.bincount(codes)
        self.probability = probability
        self._by_class = np.argsort(codes, kind="stable")
        self._size = sizes[codes]
        self._first = (np.cumsum(sizes) - sizes)[codes]

    @property
    def foreign_share(self) -> float:
        """The expected share of clips paired with another clip: the mean of probability · (1 − 1/n_c)."""
        return float(np.mean(self.probability * (1 - 1 / self._size)))

    def draw(self, anchors: np.ndarray, seed: int, epoch: int, probability: float | None = None) -> np.ndarray:
        """Draw a positive for each anchor, in constant time each.

        Keyed by (seed, epoch, anchor), and by nothing else. With the same seed, a method of a lower
        probability draws a subset of the foreign positives that one of a higher probability draws.

        Args:
            anchors: clip numbers, any shape.
            seed: the run's seed.
            epoch: from 0.
            probability: of this epoch, where it changes; otherwise the constructor's.

        Returns:
            Clip numbers, int64, the shape of ``anchors``.
        """
        anchors = np.asarray(anchors, dtype=np.int64)
        place = _places(seed, epoch, anchors, self._size[anchors])
        partner = self._by_class[self._first[anchors] + place]
        return or_self(partner, anchors, seed, epoch, self.probability if probability is None else probability)


class Neighbours:
    """Draws the clip whose video goes with each clip's audio from its nearest neighbours.

    Args:
        neighbours: shape (n, k), clip numbers: the neighbours of each clip.
        probability: how often a uniformly drawn neighbour stands in; otherwise it is the clip itself.
    """

    def __init__(self, neighbours: np.ndarray, probability: float = 1.0) -> None:
        """Keep the neighbours."""
        self.neighbours, self.probability = np.asarray(neighbours, dtype=np.int64), probability

    def draw(self, anchors: np.ndarray, seed: int, epoch: int, probability: float | None = None) -> np.ndarray:
        """Draw a positive for each anchor; arguments, guarantees and return as of `Positives.draw`."""
        anchors = np.asarray(anchors, dtype=np.int64)
        partner = self.neighbours[anchors, _places(seed, epoch, anchors, self.neighbours.shape[1])]
        return or_self(partner, anchors, seed, epoch, self.probability if probability is None else probability)


def _places(seed: int, epoch: int, anchors: np.ndarray, size: np.ndarray | int) -> np.ndarray:
    return (rng.uniforms(seed, "positive", epoch, anchors) * size).astype(np.int64)


def or_self(partner: np.ndarray, anchors: np.ndarray, seed: int, epoch: int, probability: float) -> np.ndarray:
    """Return each anchor's partner with a probability, and otherwise the anchor; keyed by (seed, epoch, anchor).

    Args:
        partner, anchors: clip numbers, of one shape.
    """
    swap = rng.uniforms(seed, "positive or self", epoch, anchors) < probability
    return np.where(swap, partner, anchors)


POSITIVES = registry(
    Choice("self", "the clip's own video", display="own video", make=Own, place=0),
    Choice(
        "same-class",
        "the video of a clip drawn uniformly from the anchor's class; the anchor itself may be drawn",
        display="same class",
        needs="classes",
        make=Positives,
        place=1,
    ),
    Choice(
        "neighbour",
        "the video of one of the clip's k nearest neighbours, drawn uniformly (labels of `kind: neighbours`)",
        display="neighbour",
        needs="neighbours",
        make=Neighbours,
        place=2,
    ),
)
