"""The debiased contrastive loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avbench.config.choices import Choice
from avbench.methods.losses.hard import CLASS_PRIOR, hard

if TYPE_CHECKING:
    import torch


def debiased(
    za: torch.Tensor, zv: torch.Tensor, class_prior: float, temperature: float = 0.07
) -> tuple[torch.Tensor, torch.Tensor]:
    """Debiased contrastive loss: the sum over negatives is corrected for those of the anchor's class.

    −log(exp s₊ / (exp s₊ + N g)) with g = max((Σ exp s_j / N − τ₊ exp s₊) / (1 − τ₊), exp(−1/t)): Chuang et al. 2020,
    arXiv:2007.00224, eqs. 7 and 8, with one positive (M = 1), the anchor's own. With τ₊ = 0 it is InfoNCE.

    Args:
        za, zv, temperature: as of `info_nce`.
        class_prior: τ₊, the supposed probability that a negative is of the anchor's class, in [0, 1).

    Returns:
        As `info_nce`.
    """
    return hard(za, zv, class_prior, 0.0, temperature)


LOSS = Choice(
    "debiased",
    "the negatives are corrected for a share `class_prior` of the anchor's class",
    display="debiased",
    keys=(CLASS_PRIOR,),
    make=debiased,
    place=3,
)
