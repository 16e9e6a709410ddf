"""A slowly moving copy of the model and the embeddings that it gave of past batches: negatives of the loss `queue`."""

import copy
from collections.abc import Mapping
from typing import Any

import torch

from avbench.config.methods import LOSSES, Method
from avbench.models.embedder import Embedder
from avbench.pretraining.window_batches import Batch
from avbench.training.distributed import World


class NoQueue:
    """What stands for a queue where the loss keeps none."""

    def keys(self, batch: Batch, autocast: torch.autocast, world: World) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return none."""
        return None

    def follow(self, embedder: Embedder) -> None:
        """Do nothing."""

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: nothing."""
        return {}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""


class MomentumQueue(NoQueue):
    """The queue and the key encoder of He et al. 2020, arXiv:1911.05722, sect. 3.2, with a queue for each modality.

    The copy normalises by the batch, as the model does in training, and has running statistics of no use. Batches are
    not shuffled among processes, since a query and its key are of different modalities.

    Args:
        embedder: the model before its first step, on its device.
        size: of the queue, in clips.
        momentum: m of θ_k ← m θ_k + (1 − m) θ.
    """

    def __init__(self, embedder: Embedder, size: int, momentum: float) -> None:
        self.copy = copy.deepcopy(embedder).requires_grad_(False).train()
        for module in self.copy.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.momentum = (
                    0.0  # so that a batch that is read twice, before and after an interruption, is no other
                )
        self.size, self.momentum = size, momentum
        self.past: tuple[torch.Tensor, ...] | None = None
        self._fresh: tuple[torch.Tensor, ...] = ()

    def keys(self, batch: Batch, autocast: torch.autocast, world: World) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the keys of sound and of picture, float32 (batch + queue, d): the batch's first, then the queue's."""
        with torch.no_grad():
            with autocast:
                made = self.copy(*batch.inputs)
            self._fresh = tuple(world.gather(z.float(), batch.part, batch.clips) for z in made)
        past = self.past or tuple(z[:0] for z in self._fresh)
        sound, picture = (torch.cat(pair) for pair in zip(self._fresh, past, strict=True))
        return sound, picture

    def follow(self, embedder: Embedder) -> None:
        """Move the copy a little towards the model, and put the last batch's keys in front of the queue."""
        with torch.no_grad():
            for own, leading in zip(self.copy.model.parameters(), embedder.model.parameters(), strict=True):
                own.lerp_(leading, 1 - self.momentum)
        past = self.past or tuple(z[:0] for z in self._fresh)
        self.past = tuple(torch.cat(pair)[: self.size] for pair in zip(self._fresh, past, strict=True))

    def saved(self) -> dict[str, Any]:
        """Return the copy's weights and the queue, as they are before the present step."""
        return {"queue": {"model": self.copy.model.state_dict(), "past": list(self.past or [])}}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.copy.model.load_state_dict(saved["queue"]["model"])
        device = next(self.copy.model.parameters()).device
        self.past = tuple(z.to(device) for z in saved["queue"]["past"]) or None


def queue_of(method: Method, embedder: Embedder) -> NoQueue:
    """Return the queue that a method's loss asks for."""
    if not LOSSES[method.loss].remembers:
        return NoQueue()
    options = method.options_of("loss")
    return MomentumQueue(embedder, options["queue_size"], options["key_momentum"])
