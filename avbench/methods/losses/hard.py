"""The debiased contrastive loss whose negatives are weighed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from avbench.config.choices import Choice, Key
from avbench.config.fields import Finite, Rate
from avbench.core.lazy import lazy

if TYPE_CHECKING:
    import torch

    from avbench.methods import two_ways
else:
    torch = lazy("torch")
    two_ways = lazy("avbench.methods.two_ways")


# Defaults of the code published with the papers on both losses.
CLASS_PRIOR = Key(
    "class_prior", Rate, 0.1, "of debiased and hard: how likely a negative is taken to be of the anchor's class"
)
HARDNESS = Key("hardness", Finite, 1.0, "of hard: how much more a similar negative counts")


def hard(
    za: torch.Tensor, zv: torch.Tensor, class_prior: float, hardness: float, temperature: float = 0.07
) -> tuple[torch.Tensor, torch.Tensor]:
    """Debiased contrastive loss in which the negatives most like the anchor weigh most.

    As `debiased`, with Σ w_j exp s_j in place of Σ exp s_j, where w_j = exp(β s_j) / mean_k exp(β s_k): negatives drawn
    from q ∝ exp(β s) · p, by importance sampling (Robinson et al. 2021, arXiv:2010.04592). As in the authors' code, the
    gradient goes through the weights. With β = 0 it is `debiased`.

    Args:
        za, zv, temperature: as of `info_nce`.
        class_prior: τ₊, as of `debiased`.
        hardness: β, at least 0.

    Returns:
        As `info_nce`.
    """

    def one_way(logits: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        negatives = len(logits) - 1
        # All exponentials are over that of the row's largest logit, so that none overflows at any temperature.
        largest = logits.detach().amax(1)
        logits = logits - largest[:, None]
        positive = logits.diagonal()
        others = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool, device=logits.device), -math.inf)
        weighed = others.exp()
        if hardness:  # 0 times minus infinity is no number
            weighed = weighed * (negatives * torch.softmax(hardness * others, 1))
        corrected = (weighed.sum(1) - class_prior * negatives * positive.exp()) / (1 - class_prior)
        corrected = corrected.maximum(negatives * (-1 / temperature - largest).exp())
        return ((positive.exp() + corrected).log() - positive).mean()

    return two_ways.both_ways(za, zv, temperature, one_way)


LOSS = Choice(
    "hard",
    "as debiased, and negatives weigh the more the more they resemble the anchor",
    display="hard negatives",
    keys=(CLASS_PRIOR, HARDNESS),
    make=hard,
    place=4,
)
