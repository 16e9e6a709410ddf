"""Test clips on a map: which are shown, and where their features lie in two dimensions."""

from collections.abc import Sequence

import numpy as np

from avbench.core.errors import NothingToShowError
from avbench.core.hashing import keyed_ranks
from avbench.evaluation.needs import LEAST_ON_A_MAP

MOST_CLIPS = 1500
COLOURED = 12
_PERPLEXITY = 30
_ALIKE = 5  # decimals of features of length one; t-SNE fails on what it cannot tell apart
_ITERATIONS, _ANGLE = 350, 0.8  # of t-SNE: less exact than by default (1,000 and 0.5), and enough for so few clips


def choose(labels: Sequence[str], clip_ids: Sequence[str], most: int = MOST_CLIPS) -> tuple[np.ndarray, list[str]]:
    """Choose the clips to show and the classes to colour, whatever their features are.

    Coloured are classes at equal distances in the sorted list of labels. All of their clips are taken first, then
    others; in each part clips with the lowest keyed rank.

    Returns:
        Places of at most ``most`` clips, ascending, and the coloured classes.
    """
    labels = np.asarray(labels)
    classes = np.unique(labels)
    coloured = classes[np.linspace(0, len(classes) - 1, min(COLOURED, len(classes))).round().astype(int)]
    order = np.lexsort((keyed_ranks(0, "embedding-map", list(clip_ids)), ~np.isin(labels, coloured)))
    return np.sort(order[:most]), coloured.tolist()


def project(features: np.ndarray) -> np.ndarray:
    """Return places on a map: t-SNE (van der Maaten & Hinton 2008) of features scaled to length one.

    It starts from the first two principal components, so that the same features give the same map. Clips that cannot be
    told apart are in one place.

    Args:
        features: float32 (clips, width).

    Returns:
        float32, (clips, 2).

    Raises:
        NothingToShowError: features are no numbers, or hardly any two of them differ.
    """
    if not np.isfinite(features).all():
        raise NothingToShowError("Some features are no finite numbers.")
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    _, first, place = np.unique(unit.round(_ALIKE), axis=0, return_index=True, return_inverse=True)
    if len(first) < LEAST_ON_A_MAP:
        raise NothingToShowError(
            f"Of {len(features)} clips only {len(first)} can be told apart; a map needs {LEAST_ON_A_MAP}."
        )
    order = np.argsort(first)  # as they came
    return _placed(unit[first[order]])[np.argsort(order)[place.ravel()]]


def _placed(unit: np.ndarray) -> np.ndarray:
    """Return the places of features of length one that all differ."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if min(unit.shape) > 50:
        unit = PCA(50, random_state=0).fit_transform(unit)
    perplexity = min(_PERPLEXITY, (len(unit) - 1) / 3)
    tsne = TSNE(init="pca", perplexity=perplexity, max_iter=_ITERATIONS, angle=_ANGLE, random_state=0, n_jobs=1)
    return tsne.fit_transform(unit)
