"""The supervised contrastive loss."""

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


def supcon(
    za: torch.Tensor, zv: torch.Tensor, labels: torch.Tensor, temperature: float = 0.07
) -> tuple[torch.Tensor, torch.Tensor]:
    """Supervised contrastive loss across modalities: every clip of the anchor's class is its positive.

    For each anchor the mean over its positives p of −log(exp s_p / Σ exp s_a), where a runs over the whole batch: L_out
    of Khosla et al. 2020, arXiv:2004.11362, eq. 2, with an anchor and what it is compared with of different
    modalities, so that its own clip is among its positives. With a class a clip it is InfoNCE.

    Args:
        za, zv, temperature: as of `info_nce`.
        labels: the class of each row, int64 (batch,).

    Returns:
        As `info_nce`; the accuracy is that of finding the row's own partner.
    """
    positive = (labels[:, None] == labels).to(two_ways.wide(za))
    share = positive / positive.sum(1, keepdim=True)
    return two_ways.both_ways(za, zv, temperature, lambda logits, _: F.cross_entropy(logits, share))


LOSS = Choice(
    "supcon",
    "every clip of the anchor's class is a positive",
    display="supervised contrastive",
    needs="classes",
    make=supcon,
    classmates="positives",
    place=1,
)
