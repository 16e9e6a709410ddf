"""Who says what: each claim's source, and the publication's own numbers for it, beside what was measured."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from avbench.results import claims, verdicts
from avbench.results.claims import Claim
from avbench.results.published import Published

COLUMNS = (*verdicts.COLUMNS, "source", "published")
SMALLEST = "smallest"


def beside(
    tested: pd.DataFrame,
    stated: Sequence[Claim],
    published: Published,
    tasks: Mapping[str, Mapping[str, Any]],
    subset_order: Sequence[str],
) -> pd.DataFrame:
    """Set source and published effect beside the verdicts, the publication's claims first.

    Args:
        tested: of :func:`avbench.results.verdicts.overall`.
        stated: the same claims.
        published: of :func:`avbench.results.published.read`.
        tasks, subset_order: as for :func:`effect`.

    Returns:
        The columns of ``tested``, and ``source`` and ``published`` (a share, NaN where nothing is published).
    """
    found = {claim.id: (claim.source, effect(claim, published, tasks, subset_order)) for claim in stated}
    sources, effects = zip(*(found[name] for name in tested["claim"]), strict=True) if len(tested) else ((), ())
    table = tested.assign(source=list(sources), published=pd.Series(effects, tested.index, dtype=float))
    order = table["source"].map({name: place for place, name in enumerate(claims.SOURCES)})
    return table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def effect(
    claim: Claim, published: Published, tasks: Mapping[str, Mapping[str, Any]], subset_order: Sequence[str]
) -> float:
    """Return a claim's weighted sum of published accuracies: a share, the mean over tasks.

    Args:
        claim: its terms must be of one subset, and not of the largest of several, since the publication pretrained on
            one set and calls it small; of the publication's modality, and of its methods with their own labels.
        published: of :func:`avbench.results.published.read`.
        tasks: the experiment's, each with ``role`` and maybe ``published_task``. The counterparts count of the tasks
            that the claim is about; where one has none, all published tasks of the claim's role do.
        subset_order: the subsets' names, smallest first.

    Returns:
        NaN where an accuracy is not published.
    """
    meant = [task for name, task in tasks.items() if claim.task in (name, task["role"])]
    names = [task.get("published_task") for task in meant]
    if not names or None in names:
        names = [name for name, task in published.tasks.items() if task["role"] == claim.task]
    sizes = {term.subset for term in claim.terms}
    small = {SMALLEST, *(subset_order[:-1] or subset_order)}
    if claim.modality != published.modality or not names or len(sizes) > 1 or not sizes <= small:
        return math.nan
    theirs = {ours: name for name, counterparts in published.protocols.items() for ours in counterparts}
    total = 0.0
    for term in claim.terms:
        if term.labels is not None:
            return math.nan
        protocol = theirs.get(term.protocol or claim.protocol, "")
        found = [published.accuracy.get((term.method, name or "", protocol), math.nan) for name in names]
        total += term.weight * sum(found) / len(found)
    return total
