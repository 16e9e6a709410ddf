"""The decoupled contrastive loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from avbench.config.choices import Choice
from avbench.core.lazy import lazy

if TYPE_CHECKING:
    import torch

    from avbench.methods import two_ways
else:
    torch = lazy("torch")
    two_ways = lazy("avbench.methods.two_ways")


def decoupled(za: torch.Tensor, zv: torch.Tensor, temperature: float = 0.07) -> tuple[torch.Tensor, torch.Tensor]:
    """Decoupled contrastive loss: the partner is not among what it is compared with.

    −s₊ + log Σ exp s_j over the negatives j: Yeh et al. 2022, arXiv:2110.06848, eq. 6, with the other modality's rows
    alone as negatives. In InfoNCE an anchor that is nearly right has nearly no gradient, the more so the fewer
    negatives there are; here it keeps it. The value may be negative.

    Args:
        za, zv, temperature: as of `info_nce`; a batch has at least two rows.

    Returns:
        As `info_nce`.
    """

    def one_way(logits: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        return (logits.masked_fill(own, -math.inf).logsumexp(1) - logits.diagonal()).mean()

    return two_ways.both_ways(za, zv, temperature, one_way)


LOSS = Choice(
    "decoupled",
    "the partner against the others of the batch, itself not among them",
    display="decoupled",
    make=decoupled,
    place=6,
)
