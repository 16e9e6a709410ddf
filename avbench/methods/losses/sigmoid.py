"""The sigmoid loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from avbench.config.choices import Choice, Key
from avbench.config.fields import AS_GIVEN
from avbench.core.lazy import lazy

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F

    from avbench.methods import two_ways
else:
    torch, F = lazy("torch"), lazy("torch.nn.functional")
    two_ways = lazy("avbench.methods.two_ways")

Number = Annotated[float, Field(allow_inf_nan=False), AS_GIVEN]
BIAS = Key("bias", Number, -10.0, "of sigmoid: what is added to every similarity over the temperature")


def sigmoid(
    za: torch.Tensor, zv: torch.Tensor, bias: float, temperature: float = 0.07
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sigmoid loss: each pair of the batch is told apart for itself, partners from all others.

    −(1 / batch) Σ_i Σ_j log σ(±(s_ij + b)), with + for partners and − for others: Zhai et al. 2023, arXiv:2303.15343,
    eq. 1. There, temperature and bias are learnt, from 1/10 and −10 on; here both are settings, and stay.

    Args:
        za, zv, temperature: as of `info_nce`.
        bias: b.

    Returns:
        As `info_nce`.
    """

    def one_way(logits: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        sign = 2 * torch.eye(len(logits), dtype=logits.dtype, device=logits.device) - 1
        return -F.logsigmoid(sign * (logits + bias)).sum(1).mean()

    return two_ways.both_ways(za, zv, temperature, one_way)


LOSS = Choice(
    "sigmoid",
    "each pair for itself, partners or not, by its similarity and a `bias`",
    display="sigmoid",
    keys=(BIAS,),
    make=sigmoid,
    place=5,
)
