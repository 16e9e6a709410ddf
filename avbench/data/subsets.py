"""Subsets of a dataset: how many clips, and how they are spread over the classes."""

import csv
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avbench.config.long_tail import class_sizes, largest_class
from avbench.config.subsets import SubsetSettings
from avbench.core.errors import UserError
from avbench.core.hashing import keyed_ranks

if TYPE_CHECKING:
    import pandas as pd


def draw(pool: "pd.DataFrame", settings: SubsetSettings) -> "pd.DataFrame":
    """Draw a subset of a pool of clips.

    Clips are ranked by a hash of (seed, clip_id) and the lowest ranks are taken, so that a smaller subset
    lies within every larger one of the same balance and seed, and a clip that goes offline is replaced by one
    other.

    Args:
        pool: columns ``clip_id`` (unique) and ``label``, strings; further columns are ignored.
        settings: what to draw. Natural balance without a size is the whole pool. That fewer clips of each class are
            taken than asked for, as ``at_least`` allows, is printed with the classes that have no more.

    Returns:
        ``clip_id`` and ``label``, sorted by ``clip_id``.

    Raises:
        UserError: the pool holds fewer clips than asked for, or not all that are listed, or not a class that is to be
            left out.
    """
    if pool.empty:
        raise UserError("there is no clip to draw a subset from.")
    if settings.ids is not None:
        chosen = pool[pool["clip_id"].isin(_listed(settings.ids, settings.min_share, set(pool["clip_id"])))]
    else:
        pool = _without(pool, settings.without)
        ranked = pool.assign(rank=keyed_ranks(settings.seed, "subset", pool["clip_id"]))
        ranked = ranked.sort_values(["rank", "clip_id"])
        if settings.balance == "natural":
            chosen = ranked.head(_natural_size(pool, settings))
        else:
            wanted = _class_sizes(pool["label"].value_counts().to_dict(), settings)
            chosen = ranked[ranked.groupby("label").cumcount() < ranked["label"].map(wanted)]
    return chosen[["clip_id", "label"]].sort_values("clip_id", ignore_index=True)


def _natural_size(pool: "pd.DataFrame", settings: SubsetSettings) -> int:
    size = settings.clips
    if settings.clips_per_class is not None:
        size = settings.clips_per_class * pool["label"].nunique()
    if size is not None and size > len(pool):
        key = "clips" if settings.clips is not None else "clips_per_class"
        most = len(pool) if settings.clips is not None else len(pool) // pool["label"].nunique()
        raise UserError(
            f"{key}: {getattr(settings, key)} asks for {size} clips, but the pool holds {len(pool)}. "
            f"The largest {key} that works is {most}."
        )
    return len(pool) if size is None else size


def _class_sizes(held: dict[str, int], settings: SubsetSettings) -> dict[str, int]:
    """Say how many clips to take of each class, given how many the pool holds."""
    names = sorted(held)
    ranks = keyed_ranks(settings.seed, "class order", names)
    names = [names[i] for i in np.argsort(ranks, kind="stable")]
    imbalance = 1.0 if settings.imbalance is None else settings.imbalance  # long-tailed has one, balanced none

    def sizes(largest: int) -> np.ndarray:
        return np.array(class_sizes(largest, imbalance, len(names)))

    if settings.clips_per_class is not None:
        largest, key = settings.clips_per_class, "clips_per_class"
    else:
        largest, key = largest_class(settings.clips or 0, imbalance, len(names)), "clips"
        if largest == 0:
            raise UserError(f"clips: {settings.clips} is less than one clip for each of the {len(names)} classes.")
    have = np.array([held[name] for name in names])
    if settings.at_least is not None and settings.at_least <= have.min() < largest:
        print(f"clips_per_class: {have.min()} instead of {largest}. {_limiting(held, largest)}")
        largest = int(have.min())
    wanted = sizes(largest)
    if short := [i for i in range(len(names)) if wanted[i] > have[i]]:
        shown = ", ".join(f"{names[i]!r} ({have[i]} of {wanted[i]})" for i in short[:5])
        most = bisect_left(range(1, largest), True, key=lambda n: bool((sizes(n) > have).any()))
        if key == "clips":
            most = int(sizes(most).sum())
        raise UserError(
            f"{key}: {getattr(settings, key)} is more than the pool holds in {len(short)} of {len(names)} "
            f"classes: {shown}{', …' if len(short) > 5 else ''}. The largest {key} that works is {most}."
            + _remedy(settings)
        )
    return dict(zip(names, wanted.tolist(), strict=True))


def _without(pool: "pd.DataFrame", labels: tuple[str, ...]) -> "pd.DataFrame":
    """Leave classes out, each of which must be there."""
    if unknown := [label for label in labels if label not in set(pool["label"])]:
        raise UserError(f"without: no clip of class {unknown[0]!r} is stored. Take it off the list, or mend its name.")
    left = pool[~pool["label"].isin(labels)]
    if left.empty:
        raise UserError(f"without: all {len(set(labels))} classes are left out.")
    return left


def possible(held: Mapping[str, int]) -> "pd.DataFrame":
    """Return the balanced subsets that a pool can give: first of all classes, then without the smallest, and so on.

    Args:
        held: the clips of each class.

    Returns:
        Ascending in ``clips_per_class``; ``classes`` that have so many, ``clips`` in all, and ``limited_by``, the
        classes that have no more, sorted and separated by semicolons.
    """
    import pandas as pd

    rows, left = [], len(held)
    for size in sorted(set(held.values())):
        limiting = sorted(name for name, count in held.items() if count == size)
        rows.append((size, left, size * left, "; ".join(limiting)))
        left -= len(limiting)
    return pd.DataFrame(rows, columns=["clips_per_class", "classes", "clips", "limited_by"])


def _remedy(settings: SubsetSettings) -> str:
    """Say what else a balanced subset can do."""
    if settings.balance != "balanced":
        return ""
    fewer = "Let at_least allow that" if settings.at_least is None else f"Lower at_least, {settings.at_least}, to that"
    return f" {fewer}, or name the classes that are short in without (`python -m avbench sizes`)."


def _limiting(held: Mapping[str, int], asked: int) -> str:
    """Say which classes have fewer clips than asked for, fewest first."""
    short = sorted((count, name) for name, count in held.items() if count < asked)
    shown = ", ".join(f"{name!r} ({count})" for count, name in short[:5]) + (", …" if len(short) > 5 else "")
    return f"{len(short)} of {len(held)} classes have fewer: {shown}."


def _listed(path: str, min_share: float, known: set[str]) -> set[str]:
    """Read a list of clip ids and check it against the clips that there are."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            if Path(path).suffix.lower() == ".csv":
                reader = csv.DictReader(stream)
                if "clip_id" not in (reader.fieldnames or []):
                    raise UserError(f"ids: {path} has no column clip_id.")
                listed = [row["clip_id"] for row in reader]
            else:
                listed = [line for line in stream.read().replace("\r\n", "\n").split("\n") if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"ids: cannot read {path}: {error}.") from error
    ids = set(listed)
    if not ids:
        raise UserError(f"ids: {path} lists no clip.")
    if len(ids) < len(listed):
        twice = next(name for i, name in enumerate(listed) if name in listed[:i])
        raise UserError(
            f"ids: {path} lists {twice!r} twice ({len(listed) - len(ids)} repeated in all). Remove repeats."
        )
    if missing := [name for name in listed if name not in known]:
        shown = ", ".join(map(repr, missing[:5])) + (", …" if len(missing) > 5 else "")
        what = f"ids: {len(missing)} of the {len(listed)} clips that {path} lists are not stored: {shown}"
        if (len(listed) - len(missing)) / len(listed) < min_share:  # not a product, which may be rounded up
            raise UserError(
                f"{what}. See the ledger for the reason, take them off the list, or lower min_share, which is "
                f"{min_share:g}."
            )
        print(f"{what}; they are left out.")
    return ids & known
