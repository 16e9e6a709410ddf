"""The geometry of an embedding space: do matching clips lie together, and do all of them use the space?"""

import math
from collections.abc import Sequence

import numpy as np

from avbench.core.vectors import unit

GEOMETRY_COLUMNS = ["method", "subset", "labels", "budget", "seed", "task", "alignment", "class_alignment"]
GEOMETRY_COLUMNS += ["uniformity_audio", "uniformity_video", "effective_rank_audio", "effective_rank_video"]

BLOCK = 128  # clips whose distances to all others are held at a time


def describe(
    audio_head: np.ndarray, video_head: np.ndarray, audio: np.ndarray, video: np.ndarray, labels: Sequence[str]
) -> dict[str, float]:
    """Return all measures below by their names, those of one modality for each; computed in float64.

    Args:
        audio_head, video_head: float (n, dimension), embeddings in the space that both modalities share; they are
            scaled to length one.
        audio, video: float (n, width), the encoders' pooled features.
        labels: text (n,), the true labels.
    """
    a, v = (unit(np.asarray(embeddings, np.float64)) for embeddings in (audio_head, video_head))
    return {
        "alignment": alignment(a, v),
        "class_alignment": class_alignment(a, v, labels),
        "uniformity_audio": uniformity(a),
        "uniformity_video": uniformity(v),
        "effective_rank_audio": effective_rank(audio),
        "effective_rank_video": effective_rank(video),
    }


def alignment(audio: np.ndarray, video: np.ndarray) -> float:
    """Return the mean squared distance of clips' audio and video: 0 where they coincide, 2 where they are unrelated.

    Wang & Isola 2020, "Understanding contrastive representation learning through alignment and uniformity on the
    hypersphere" (arXiv:2005.10242), with α = 2.

    Args:
        audio, video: float64 (n, dimension), of length one.
    """
    return float(((audio - video) ** 2).sum(1).mean())


def class_alignment(audio: np.ndarray, video: np.ndarray, labels: Sequence[str]) -> float:
    """Return the mean squared distance over all pairs of an audio and a video of one class, a clip's own among them.

    A class of n clips has n² pairs. The distances of a class sum to n·Σ‖a‖² + n·Σ‖v‖² − 2·Σa·Σv.

    Args:
        audio, video: float64 (n, dimension), of length one.
        labels: text (n,).
    """
    _, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    clips = np.bincount(codes)
    starts = np.cumsum(clips) - clips
    sums = [np.add.reduceat(z[order], starts) for z in (audio, video)]
    squares = [np.bincount(codes, (z**2).sum(1)) for z in (audio, video)]
    total = (clips * (squares[0] + squares[1])).sum() - 2 * (sums[0] * sums[1]).sum()
    return float(max(total, 0.0) / (clips.astype(np.float64) ** 2).sum())


def uniformity(embeddings: np.ndarray) -> float:
    """Return ln of the mean of exp(−2·d²) over all pairs of distinct clips: 0 where all coincide, lower when spread.

    Wang & Isola 2020 (arXiv:2005.10242), with t = 2. Memory grows with the clips, not with their pairs.

    Args:
        embeddings: float64 (n, dimension), of length one.

    Returns:
        NaN for fewer than two clips.
    """
    count = len(embeddings)
    if count < 2:
        return math.nan
    squares = (embeddings**2).sum(1)
    total = 0.0
    for begin in range(0, count, BLOCK):
        rows = slice(begin, begin + BLOCK)
        distance = squares[rows, None] + squares[begin:] - 2 * embeddings[rows] @ embeddings[begin:].T
        potential = np.exp(-2 * np.maximum(distance, 0))
        square, rest = np.hsplit(potential, [len(potential)])  # pairs within these rows, each twice; with later ones
        np.fill_diagonal(square, 0)
        total += square.sum() / 2 + rest.sum()
    return math.log(total / (count * (count - 1) / 2))


def effective_rank(features: np.ndarray) -> float:
    """Return how many dimensions the features use: exp of the entropy of the normalised singular values.

    Roy & Vetterli 2007, "The effective rank: a measure of effective dimensionality", of features less their mean:
    1 where all clips lie on a line, the width where they spread alike in every direction, 0 where all are the same.

    Args:
        features: float (n, width).
    """
    features = np.asarray(features, np.float64)
    values = np.linalg.svd(features - features.mean(0), compute_uv=False)
    # What rounding leaves of features that are all the same would otherwise count as a dimension.
    values = values[values > max(features.shape) * np.finfo(np.float64).eps * np.linalg.norm(features)]
    if not len(values):
        return 0.0
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
