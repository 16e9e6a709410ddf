"""The contrastive losses over a batch of audio-video pairs, a module each, which declares it as ``LOSS``.

Row i of the video embeddings is the positive of row i of the audio embeddings. Every loss is the mean of two
directions, video→audio and audio→video, and compares an anchor with the other modality only. Below, s are an anchor's
cosine similarities over the temperature t, s₊ is that with its positive, and the other N = batch − 1 are its negatives.

A loss is a function of ``za``, ``zv`` and ``temperature``, of ``labels`` if it needs classes, and of the keys that it
declares; it returns what `avbench.methods.losses.info_nce` does. A module here is found by `avbench.config.methods`,
which must not import torch: `avbench.core.lazy` has it wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from avbench.config.methods import Method


def contrast(
    za: torch.Tensor,
    zv: torch.Tensor,
    labels: torch.Tensor | None,
    method: Method,
    temperature: float,
    keys: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute a method's loss and the batch accuracy.

    Args:
        za, zv, temperature: as of `info_nce`.
        labels: the class of each row, int64 (batch,), for losses that use labels.
        method: says which loss, and with what parameters.
        keys: for losses that remember past batches, see `avbench.methods.losses.queue`.
    """
    from avbench.config.methods import LOSSES  # which finds the losses here

    loss = LOSSES[method.loss]
    given = method.options_of("loss")
    if loss.needs == "classes":
        given["labels"] = labels
    if loss.remembers:
        given["keys"] = keys
    return loss.make(za, zv, temperature=temperature, **given)
