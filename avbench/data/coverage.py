"""What became of every listed clip, counted for a table, and compared with what others had."""

from collections.abc import Mapping

import pandas as pd

from avbench.data.ledger import STATES
from avbench.data.manifest import SPLITS

COLUMNS = ("dataset", "split", "label", "state", "reason", "clips")


def table(ledgers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the clips of each dataset, split, label, state and reason that occurs.

    Args:
        ledgers: by dataset; columns split, label, state and reason, whatever else there is.

    Returns:
        Columns ``COLUMNS``: reason is empty for stored clips, clips is int64. Rows are in the order of ``ledgers``,
        then of train, validation and test, of labels, of stored, unavailable and rejected, and by falling clips.
    """
    keys = list(COLUMNS[:-1])
    parts = [ledger[keys[1:]].fillna("").assign(dataset=dataset) for dataset, ledger in ledgers.items()]
    clips = pd.concat([pd.DataFrame(columns=keys, dtype=object), *parts], ignore_index=True)
    counts = clips.groupby(keys, sort=False).size().rename("clips").reset_index().astype({"clips": "int64"})
    ranks = {"dataset": list(ledgers), "split": list(SPLITS), "state": list(STATES)}
    places = {name: counts[name].map(values.index) for name, values in ranks.items()}
    order = counts.assign(**places, clips=-counts["clips"]).sort_values([*keys[:-1], "clips", "reason"])
    return counts.loc[order.index].reset_index(drop=True)


def against_published(
    table: pd.DataFrame, published: Mapping[str, Mapping[str, int]], drawn: Mapping[str, int] | None = None
) -> list[str]:
    """Say in sentences how many clips there are and how many the paper had.

    Args:
        table: what :func:`table` returns.
        published: by dataset: the paper's clips of a split, or of its pretraining ``subset``.
        drawn: by dataset: the clips of our own pretraining subset.
    """
    sentences = []
    for dataset, counts in published.items():
        for part, theirs in counts.items():
            if part == "subset":
                ours = (drawn or {}).get(dataset)
                have = "none is drawn" if ours is None else f"{ours:,} clips are drawn"
            else:
                rows = table[(table["dataset"] == dataset) & (table["split"] == part)]
                listed, ours = int(rows["clips"].sum()), int(rows.loc[rows["state"] == "stored", "clips"].sum())
                have = f"{ours:,} of {listed:,} listed clips are stored" if listed else "no clips are listed"
            name = "pretraining subset" if part == "subset" else part
            sentences.append(f"{dataset}, {name}: {have}; the paper had {_beside(theirs, ours)}.")
    return sentences


def _beside(theirs: int, ours: int | None) -> str:
    if ours == theirs:
        return "as many"
    return f"{theirs:,}" if ours is None else f"{theirs:,} ({ours - theirs:+,})"
