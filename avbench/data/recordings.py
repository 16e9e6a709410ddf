"""Recordings: clips that were recorded at one go, and the splits that share them."""

import os
import re
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import pandas as pd

from avbench.data.manifest import RECORDING, SPLITS
from avbench.data.media.clip import is_url

COLUMNS = ("clip_id", "split", "shared_with", "shared_split", "recording")

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")


def recordings(clips: pd.DataFrame, folder: str | Path) -> list[str]:
    """Return the recording of each clip of a manifest.

    That is what its column ``recording`` says, and without the column, or where it is empty, the clip's source.

    Args:
        clips: a manifest.
        folder: where it lies, from which its paths count.
    """
    named = clips[RECORDING].tolist() if RECORDING in clips else [""] * len(clips)
    return [name or place for name, place in zip(named, sources(clips["source"], folder), strict=True)]


def sources(given: Iterable[str], folder: str | Path) -> list[str]:
    """Return sources so that equal ones are one file or address; paths count from a folder."""
    return [source if is_url(source) else os.path.normpath(os.path.join(folder, source)) for source in given]


def everywhere(clips: pd.DataFrame, folder: str | Path) -> list[set[str]]:
    """Return what tells the recording of each clip of a manifest apart from those of any other dataset.

    The file or address that it is in, and a name that is a YouTube id; other names may mean something else elsewhere.
    """
    named = clips[RECORDING].tolist() if RECORDING in clips else [""] * len(clips)
    # Of two datasets, one may name a file by a path that counts from its manifest, and the other by an absolute one.
    places = sources(clips["source"], Path(folder).absolute())
    return [
        {place, name} if _YOUTUBE_ID.fullmatch(name) else {place} for name, place in zip(named, places, strict=True)
    ]


def shared(clips: pd.DataFrame) -> pd.DataFrame:
    """Find clips of one split whose recording another split holds clips of, too.

    Args:
        clips: columns clip_id (unique), split and recording.

    Returns:
        Columns ``COLUMNS``: each such clip with the first clip, by id, of its recording in each later split; ``split``
        comes before ``shared_split`` in train, validation, test. Leaving out every ``clip_id`` leaves no recording in
        two splits. Sorted by the splits, then by ids.
    """
    parts = {split: clips[clips["split"] == split].sort_values("clip_id") for split in SPLITS}
    firsts = {s: part.drop_duplicates("recording").set_index("recording")["clip_id"] for s, part in parts.items()}
    found = []
    for split, later in combinations(SPLITS, 2):
        torn = parts[split][parts[split]["recording"].isin(firsts[later].index)]
        columns = {
            "clip_id": torn["clip_id"],
            "split": split,
            "shared_with": torn["recording"].map(firsts[later]),
            "shared_split": later,
            "recording": torn["recording"],
        }
        found.append(pd.DataFrame(columns, columns=list(COLUMNS)))
    return pd.concat(found, ignore_index=True)
