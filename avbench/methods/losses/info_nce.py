"""InfoNCE."""

from __future__ import annotations

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


def info_nce(za: torch.Tensor, zv: torch.Tensor, temperature: float = 0.07) -> tuple[torch.Tensor, torch.Tensor]:
    """Symmetric InfoNCE: each clip must pick its partner among the batch, video→audio and audio→video.

    Args:
        za: L2-normalised audio embeddings, shape (batch, d).
        zv: L2-normalised video embeddings, shape (batch, d); row i is the positive of ``za[i]``, every other
            row is a negative.
        temperature: divisor of the cosine similarities.

    Returns:
        The loss in nats, a scalar with gradient: the mean of both directions' cross-entropy (van den Oord et
        al. 2018, arXiv:1807.03748, eq. 4). And the batch accuracy, a scalar without: the share of clips whose
        partner comes first, mean of both directions. Embeddings that tell nothing give ln(batch).
    """
    return two_ways.both_ways(za, zv, temperature, F.cross_entropy)


LOSS = Choice("info-nce", "the partner against all others of the batch", display="InfoNCE", make=info_nce, place=0)
