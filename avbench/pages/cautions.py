"""What a reader should know before believing a number: few seeds, one budget, clips that are missing."""

from collections.abc import Mapping

import pandas as pd

from avbench.figures import captions, names
from avbench.results.console import edges, longer
from avbench.results.tables import budgets

FEW_SEEDS = 5
"""Below so many, the page says so: with 5, the interval of a mean is 1.4 times as wide as with infinitely many."""


def of_answer(read: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return what concerns the answer and every accuracy, a sentence or two each.

    Args:
        read: the tables ``claims``, ``summary``, ``budgets`` and ``accuracy``.
    """
    found = []
    tested = read["claims"][read["claims"]["effect"].notna()]
    if len(tested) and (fewest := int(tested["seeds"].min())) < FEW_SEEDS:
        with_seeds = captions.count(fewest, "seed")
        found.append(f"Few seeds: verdicts rest on {with_seeds}, and small effects are hard to tell from chance.")
    found.append(longer(read["budgets"], budgets(read["summary"])))
    if text := edges(read["accuracy"]):
        found.append(text)
    return found


def lost_clips(coverage: pd.DataFrame) -> list[dict[str, str]]:
    """Return, for each dataset and split, how many of the listed clips are stored.

    Returns:
        ``dataset``, ``split``, ``stored`` and ``listed`` clips, the ``share`` stored, and why others are not, with
        their numbers.
    """
    rows = []
    for (dataset, split), part in coverage.groupby(["dataset", "split"], sort=False):
        stored = int(part.loc[part["state"] == "stored", "clips"].sum())
        gone = part[part["state"] != "stored"].groupby("reason", sort=False)["clips"].sum()
        listed = stored + int(gone.sum())
        reasons = ", ".join(f"{names.words(str(reason))} {clips:,}" for reason, clips in gone.items())
        told = {"dataset": str(dataset), "split": str(split), "stored": f"{stored:,}", "listed": f"{listed:,}"}
        rows.append({**told, "share": f"{100 * stored / max(1, listed):.1f} %", "reasons": reasons or "none lost"})
    return rows


def leaked(leaks: pd.DataFrame) -> str:
    """Say how many test clips lie in pretraining subsets, and how many of their clips are of the same recordings."""
    if leaks.empty:
        return "No pretraining subset was compared with test clips."
    shared = int(leaks["shared_clips"].sum())
    where = captions.count(len(leaks), "pair of subset and task", "pairs of subset and task")
    if not shared:
        related = int(leaks["shared_recordings"].max())
        are = "is" if related == 1 else "are"
        beside = f" Up to {captions.count(related, 'clip')} of a subset {are} from recordings of test clips."
        return f"No test clip is in a pretraining subset ({where} compared)." + (beside if related else "")
    return f"{captions.count(shared, 'test clip')} of tasks are in pretraining subsets ({where} compared)."
