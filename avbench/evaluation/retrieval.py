"""Cross-modal retrieval: is a clip's partner among the nearest in the space that both modalities share?"""

from collections.abc import Sequence

import numpy as np

RANKS = (1, 5, 10)
BLOCK_BYTES = 64e6
TIE = 1e-6  # cosines of float32 embeddings that are nearer than this cannot be told apart


def retrieval(
    queries: np.ndarray, targets: np.ndarray, ranks: Sequence[int] = RANKS
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Rank all targets for each query by cosine similarity; a query's partner is the target in the same place.

    Ties are counted as a random order of the tied would on average: if a targets are nearer than the partner and b
    are as near as it (itself included), the partner is among the first k with probability (k − a) / b, within 0 and
    1. So embeddings that are all the same score k/n, which is chance, rather than 0 or 1.

    Args:
        queries: (n, width), of length one.
        targets: (n, width), of length one.
        ranks: values of k.

    Returns:
        The place of the nearest target, int64 (n,), the first of equals; and for each k the probability that the
        partner is among the first k, float64 (n,): 0 or 1 unless tied. Its mean is recall at k.
    """
    queries, targets = queries.astype(np.float64), targets.astype(np.float64)
    nearest = np.empty(len(queries), np.int64)
    hits = {k: np.empty(len(queries)) for k in ranks}
    size = max(1, int(BLOCK_BYTES / (8 * len(targets))))
    for begin in range(0, len(queries), size):
        similarity = queries[begin : begin + size] @ targets.T
        rows = np.arange(len(similarity))
        partner = similarity[rows, begin + rows][:, None]
        ahead = (similarity > partner + TIE).sum(1)
        tied = (np.abs(similarity - partner) <= TIE).sum(1)
        nearest[begin : begin + size] = similarity.argmax(1)
        for k, hit in hits.items():
            hit[begin : begin + size] = np.clip((k - ahead) / tied, 0, 1)
    return nearest, hits
