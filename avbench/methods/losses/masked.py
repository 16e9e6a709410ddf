"""InfoNCE without the negatives of the anchor's class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from avbench.config.choices import Choice
from avbench.core.lazy import lazy

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F

    from avbench.methods import two_ways
else:
    F = lazy("torch.nn.functional")
    two_ways = lazy("avbench.methods.two_ways")


def masked(
    za: torch.Tensor, zv: torch.Tensor, labels: torch.Tensor, temperature: float = 0.07
) -> tuple[torch.Tensor, torch.Tensor]:
    """InfoNCE without the negatives of the anchor's class: these neither attract nor repel.

    −log(exp s₊ / (exp s₊ + Σ exp s_j)), where j runs over the rows of other classes. It is the elimination of false
    negatives of Huynh et al. 2022, arXiv:2011.11765, who have to guess which these are. An anchor whose whole batch
    is of its class adds nothing.

    Args:
        za, zv, temperature: as of `info_nce`.
        labels: the class of each row, int64 (batch,).

    Returns:
        As `info_nce`; all rows compete in the accuracy.
    """
    left_out = (labels[:, None] == labels).fill_diagonal_(False)
    return two_ways.both_ways(
        za,
        zv,
        temperature,
        lambda logits, target: F.cross_entropy(logits.masked_fill(left_out, -math.inf), target),
    )


LOSS = Choice(
    "masked",
    "clips of the anchor's class are no negatives",
    display="same class masked",
    needs="classes",
    make=masked,
    classmates="left-out",
    place=2,
)
