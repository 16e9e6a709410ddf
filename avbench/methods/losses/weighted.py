"""InfoNCE that trusts pairs which do not agree less."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from avbench.config.choices import Choice, Key
from avbench.config.fields import AS_GIVEN, Positive, Share
from avbench.core.lazy import lazy

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F

    from avbench.methods import two_ways
else:
    torch, F = lazy("torch"), lazy("torch.nn.functional")
    two_ways = lazy("avbench.methods.two_ways")

LEAST_WEIGHT = Key("least_weight", Share, 0.25, "of weighted: the weight of a pair that does not agree at all")
WEIGHT_SHIFT = Key(
    "weight_shift",
    Annotated[float, Field(allow_inf_nan=False), AS_GIVEN],
    0.0,
    "of weighted: at how many deviations above the mean agreement a weight is halfway",
)
WEIGHT_SPREAD = Key("weight_spread", Positive, 0.7, "of weighted: over how many deviations weights rise")


def weighted(
    za: torch.Tensor,
    zv: torch.Tensor,
    least_weight: float,
    weight_shift: float,
    weight_spread: float,
    temperature: float = 0.07,
) -> tuple[torch.Tensor, torch.Tensor]:
    """InfoNCE in which a pair weighs the less the less sound and picture agree.

    Σ w_i L_i / Σ w_i, where w = w_min + (1 − w_min) Φ((s₊ − μ − δσ) / κσ), with mean μ and deviation σ of the partners'
    similarities and the normal distribution Φ: weights for faulty positives after Morgado, Misra & Vasconcelos 2021,
    arXiv:2103.15916, sect. 3.2. They take the similarities from a memory of all clips; here they are those of the
    batch, so that nothing is kept between steps. No gradient goes through the weights.

    Args:
        za, zv, temperature: as of `info_nce`.
        least_weight: w_min, from 0 to 1; with 1 it is InfoNCE.
        weight_shift: δ.
        weight_spread: κ, above 0.

    Returns:
        As `info_nce`.
    """

    def one_way(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        agreement = logits.detach().diagonal()
        deviations = (agreement - agreement.mean()) / agreement.std(correction=0).clamp_min(1e-6)
        trust = (1 + torch.erf((deviations - weight_shift) / (weight_spread * math.sqrt(2)))) / 2
        weights = least_weight + (1 - least_weight) * trust
        return (weights * F.cross_entropy(logits, target, reduction="none")).sum() / weights.sum()

    return two_ways.both_ways(za, zv, temperature, one_way)


LOSS = Choice(
    "weighted",
    "as info-nce, and pairs whose sound and picture agree less than others of the batch weigh less",
    display="suspect pairs weigh less",
    keys=(LEAST_WEIGHT, WEIGHT_SHIFT, WEIGHT_SPREAD),
    make=weighted,
    place=7,
    exact_gradient=False,
)
