"""The contrastive losses over a batch of audio-video pairs.

Row i of the video embeddings is the positive of row i of the audio embeddings. Every loss is the mean of two
directions, video→audio and audio→video, and compares an anchor with the other modality only. Below, s are an anchor's
cosine similarities over the temperature t, s₊ is that with its positive, and the other N = batch − 1 are its negatives.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from avbench.config.methods import Method


def contrast(
    za: torch.Tensor, zv: torch.Tensor, labels: torch.Tensor | None, method: Method, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute a method's loss and the batch accuracy.

    Args:
        za, zv, temperature: as of `info_nce`.
        labels: the class of each row, int64 (batch,), for losses that use labels.
        method: says which loss, and with what parameters.
    """
    if method.loss == "supcon":
        return supcon(za, zv, labels, temperature)
    if method.loss == "masked":
        return masked(za, zv, labels, temperature)
    if method.loss == "debiased":
        return debiased(za, zv, method.class_prior, temperature)
    if method.loss == "hard":
        return hard(za, zv, method.class_prior, method.hardness, temperature)
    return info_nce(za, zv, temperature)


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
    return _both_ways(za, zv, temperature, F.cross_entropy)


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
    positive = (labels[:, None] == labels).to(_wide(za))
    share = positive / positive.sum(1, keepdim=True)
    return _both_ways(za, zv, temperature, lambda logits, _: F.cross_entropy(logits, share))


def masked(
    za: torch.Tensor, zv: torch.Tensor, labels: torch.Tensor, temperature: float = 0.07
) -> tuple[torch.Tensor, torch.Tensor]:
    """InfoNCE without the negatives of the anchor's class: these neither attract nor repel.

    −log(exp s₊ / (exp s₊ + Σ exp s_j)), where j runs over the rows of other classes. It is the elimination of false
    negatives of Huynh et al. 2022, arXiv:2011.11765, who have to guess which these are. An anchor whose whole batch
    is of its class adds nothing.

    Args:
        za, zv, temperature: as of `info_nce`.
        labels: the class of each row, int64 (batch,).

    Returns:
        As `info_nce`; all rows compete in the accuracy.
    """
    left_out = (labels[:, None] == labels).fill_diagonal_(False)
    return _both_ways(
        za,
        zv,
        temperature,
        lambda logits, target: F.cross_entropy(logits.masked_fill(left_out, -math.inf), target),
    )


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

    return _both_ways(za, zv, temperature, one_way)


def _both_ways(
    za: torch.Tensor,
    zv: torch.Tensor,
    temperature: float,
    one_way: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean of a loss over both directions, and the batch accuracy.

    ``one_way`` takes logits, a row an anchor, and the place of each row's positive.
    """
    with torch.autocast(za.device.type, enabled=False):  # bfloat16 is too coarse for logits up to 1/temperature
        logits = zv.to(_wide(zv)) @ za.to(_wide(za)).T / temperature
    target = torch.arange(len(logits), device=logits.device)
    loss = (one_way(logits, target) + one_way(logits.T, target)) / 2
    with torch.no_grad():
        hits = (logits.argmax(1) == target).float().mean() + (logits.argmax(0) == target).float().mean()
    return loss, hits / 2


def _wide(z: torch.Tensor) -> torch.dtype:
    return torch.promote_types(z.dtype, torch.float32)
