"""InfoNCE with a momentum queue of negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avbench.config.choices import Choice, Key
from avbench.config.fields import Count, Rate
from avbench.core.lazy import lazy

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F

    from avbench.methods import two_ways
else:
    torch, F = lazy("torch"), lazy("torch.nn.functional")
    two_ways = lazy("avbench.methods.two_ways")

QUEUE_SIZE = Key("queue_size", Count, 4096, "of queue: how many clips of past batches are negatives besides")
KEY_MOMENTUM = Key(
    "key_momentum", Rate, 0.99, "of queue: how much of its weights the copy of the model keeps at every step"
)


def queue(
    za: torch.Tensor,
    zv: torch.Tensor,
    queue_size: int,
    key_momentum: float,
    temperature: float = 0.07,
    keys: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """InfoNCE against the keys of a slowly moving copy of the model: those of the batch, and those of past batches.

    −log(exp s₊ / Σ exp s_j), where j runs over the batch's keys, its own partner's among them, and the queue's: He et
    al. 2020, arXiv:1911.05722, eq. 1, from each modality to the keys of the other. They compare with the queue alone
    besides the partner; here the batch's other keys count too, so that there are negatives before the queue is full.

    Args:
        za, zv, temperature: as of `info_nce`.
        queue_size, key_momentum: which `avbench.pretraining.momentum_queue` keeps to.
        keys: of audio and of video, (batch + queue, d), those of the batch first, and without gradient; without any,
            the rows themselves, held constant.

    Returns:
        As `info_nce`; the accuracy is that among the batch's rows.
    """
    heard, seen = (za.detach(), zv.detach()) if keys is None else keys
    target = torch.arange(len(za), device=za.device)
    with torch.autocast(za.device.type, enabled=False):
        wide = two_ways.wide(za)
        towards_sound = zv.to(wide) @ heard.to(wide).T / temperature
        towards_picture = za.to(wide) @ seen.to(wide).T / temperature
    _, accuracy = two_ways.both_ways(za.detach(), zv.detach(), temperature, F.cross_entropy)
    return (F.cross_entropy(towards_sound, target) + F.cross_entropy(towards_picture, target)) / 2, accuracy


LOSS = Choice(
    "queue",
    "as info-nce, against keys of a slowly moving copy of the model, those of past batches among them",
    display="momentum queue",
    keys=(QUEUE_SIZE, KEY_MOMENTUM),
    make=queue,
    place=8,
    exact_gradient=False,
    remembers=True,
)
