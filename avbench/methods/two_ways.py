"""A contrastive loss in both directions: what all losses share."""

from collections.abc import Callable

import torch


def both_ways(
    za: torch.Tensor,
    zv: torch.Tensor,
    temperature: float,
    one_way: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean of a loss over both directions, and the batch accuracy.

    ``one_way`` takes logits, a row an anchor, and the place of each row's positive.
    """
    with torch.autocast(za.device.type, enabled=False):  # bfloat16 is too coarse for logits up to 1/temperature
        logits = zv.to(wide(zv)) @ za.to(wide(za)).T / temperature
    target = torch.arange(len(logits), device=logits.device)
    loss = (one_way(logits, target) + one_way(logits.T, target)) / 2
    with torch.no_grad():
        hits = (logits.argmax(1) == target).float().mean() + (logits.argmax(0) == target).float().mean()
    return loss, hits / 2


def wide(z: torch.Tensor) -> torch.dtype:
    """Return float32, or the tensor's own type where that is wider."""
    return torch.promote_types(z.dtype, torch.float32)
