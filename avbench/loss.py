"""The contrastive loss over a batch of audio-video pairs."""

import torch
import torch.nn.functional as F


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
    with torch.autocast(za.device.type, enabled=False):  # bfloat16 is too coarse for logits up to 1/temperature
        logits = zv.float() @ za.float().T / temperature
    target = torch.arange(len(logits), device=logits.device)
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    with torch.no_grad():
        hits = (logits.argmax(1) == target).float().mean() + (logits.argmax(0) == target).float().mean()
    return loss, hits / 2
