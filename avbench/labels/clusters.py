"""Clusters of features: labels that no annotator gave."""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from avbench.core import rng
from avbench.core.errors import UserError
from avbench.core.hashing import keyed_ranks

if TYPE_CHECKING:
    import pandas as pd


SAMPLE = 3000  # clips on which a number of clusters is chosen
STEP = 2**0.5  # from one number that is tried to the next


def cluster(features: np.ndarray, clip_ids: Sequence[str], k: int, seed: int) -> tuple["pd.DataFrame", dict[str, Any]]:
    """Put clips into clusters by k-means, from one start by greedy k-means++ (Arthur & Vassilvitskii 2007).

    Not by k-means of mini-batches: on generated features of 38,007 clips, 1,024 wide, for 309 clusters, that takes 29 s
    instead of 51 in batches of 4,096, and 8 s in batches of 1,024, and its clusters have less in common with the
    classes: a normalised mutual information of 0.281 and 0.239 instead of 0.288. With 1,000 clusters it is 0.252, in
    batches of 1,024, instead of 0.389.

    Args:
        features: float32, (n, width), each modality's part of length one, so that Euclidean and cosine distance agree.
        clip_ids: n of them.
        k: how many clusters.
        seed: of the start.

    Returns:
        ``clip_id`` and ``label``, clusters numbered as they first occur; and a description: ``k`` and ``iterations``.

    Raises:
        UserError: there are fewer clips than clusters.
    """
    import pandas as pd

    if k > len(features):
        raise UserError(f"k: {k} must be at most the number of clips of the subset, {len(features)}.")
    found, iterations = _k_means(features, k, seed)
    numbers: dict[int, int] = {}
    for number in found.tolist():
        numbers.setdefault(number, len(numbers))
    labels = [f"cluster {numbers[number]}" for number in found.tolist()]
    return pd.DataFrame({"clip_id": list(clip_ids), "label": labels}), {"k": k, "iterations": iterations}


def choose(audio: np.ndarray, video: np.ndarray, clip_ids: Sequence[str], seed: int) -> tuple[int, dict[str, float]]:
    """Choose the number of clusters at which clusters of the sounds and clusters of the pictures agree most.

    Both are made apart from one another, so what they agree on is no accident of either. Agreement is the adjusted
    mutual information (Vinh, Epps & Bailey 2010), which chance does not raise however many clusters there are.
    Tried are 2 and whatever follows in steps of √2, as long as clusters have two clips on average, each on the same
    sample of at most ``SAMPLE`` clips: those of the lowest keyed hashes. Among equals the largest is taken.

    Args:
        audio, video: float32, (n, width), rows of length one.
        clip_ids: n of them.
        seed: of the sample, and of where k-means starts.

    Returns:
        The number; and the agreement, at most 1, of each that was tried.

    Raises:
        UserError: there are fewer than four clips.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    if len(clip_ids) < 4:
        raise UserError(f"k: auto needs four clips or more, and the subset has {len(clip_ids)}. Give a number.")
    sample = np.sort(np.argsort(keyed_ranks(seed, "choose", clip_ids), kind="stable")[:SAMPLE])
    tried = 1 + int(np.log(len(sample) / 4) / np.log(STEP) + 1e-9)
    agreement = {}
    for k in sorted({round(2 * STEP**step) for step in range(tried)}):
        sounds, pictures = (_k_means(rows[sample], k, seed)[0] for rows in (audio, video))
        agreement[k] = round(float(adjusted_mutual_info_score(sounds, pictures)), 4)
    best = max(agreement, key=lambda k: (agreement[k], k))
    return best, {str(k): value for k, value in agreement.items()}


def _k_means(features: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, int]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    state = int(rng.generator(seed, "k-means").integers(2**32))
    # One thread, whatever the machine: the sums of several come in another order each time.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer clusters than k: the summary says so
        fitted = KMeans(k, n_init=1, random_state=state).fit(features)
    return fitted.labels_, int(fitted.n_iter_)


def summarise(labels: Sequence[str], true: Sequence[str]) -> dict[str, Any]:
    """Describe clusters; the only place where true labels are seen.

    Args:
        labels: each clip's cluster.
        true: the true labels, in the same order.

    Returns:
        ``clips``; ``clusters``, those that are not empty; ``true_classes``; ``smallest``, ``median`` and ``largest``
        number of clips in a cluster; ``singletons``, the share of clusters with one clip; ``purity``, the share of
        clips that are of the commonest class of their cluster; ``normalised_mutual_information`` with the true labels,
        over the arithmetic mean of both entropies; and ``adjusted_rand`` (Hubert & Arabie 1985).
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    sizes = np.array(list(Counter(labels).values()))
    commonest: dict[str, int] = {}
    for (cluster, _), count in Counter(zip(labels, true, strict=True)).items():
        commonest[cluster] = max(count, commonest.get(cluster, 0))
    return {
        "clips": len(labels),
        "clusters": len(sizes),
        "true_classes": len(set(true)),
        "smallest": int(sizes.min()),
        "median": float(np.median(sizes)),
        "largest": int(sizes.max()),
        "singletons": float((sizes == 1).mean()),
        "purity": sum(commonest.values()) / len(labels),
        "normalised_mutual_information": float(normalized_mutual_info_score(list(true), list(labels))),
        "adjusted_rand": float(adjusted_rand_score(list(true), list(labels))),
    }
