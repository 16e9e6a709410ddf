"""What each method pairs, in words and as counted in its runs."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from avbench.figures import names, style


def rows(
    sampling: pd.DataFrame,
    methods: Mapping[str, Mapping[str, Any]],
    own_labels: Mapping[str, str],
    label_variants: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, str]]:
    """Return a row for each method with its own labels.

    Args:
        sampling: of :func:`avbench.results.pair_counts.table`.
        methods: the fields of each.
        own_labels: of each.
        label_variants: kind, noise and rate of each.

    Returns:
        ``method``, ``positive``, ``batch``, ``loss`` and ``labels`` as a paper writes them; ``foreign``, the share of
        positives that are of another clip, ``same``, the share of positives of the anchor's class, and ``negatives``,
        that of negatives, in per cent, as means over all runs; a dash for none.
    """
    made = []
    for method, fields in methods.items():
        runs = sampling[(sampling["method"] == method) & (sampling["labels"] == own_labels.get(method))]
        made.append(
            {
                "method": style.method_name(method),
                "positive": names.positive_name(fields),
                "batch": names.batch_name(fields),
                "loss": names.loss_name(fields),
                "labels": names.labels_name(own_labels.get(method, "none"), label_variants) or "none",
                "foreign": _percent(runs["foreign_positives"]),
                "same": _percent(runs["positives_of_class"]),
                "negatives": _percent(runs["negatives_of_class"]),
            }
        )
    return made


def _percent(shares: pd.Series) -> str:
    mean = shares.mean()
    return "–" if mean != mean else f"{100 * mean:.1f}"
