"""Splits by keyed hash: the same on every machine, whatever the order of the clips."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pandas as pd

from avbench.core.errors import UserError
from avbench.core.hashing import hash64
from avbench.data.manifest import RECORDING

_SHOWN = 20  # labels that a message names


def falls_below(share: float, seed: int, group: str) -> bool:
    """Return whether a group's keyed hash is among the lowest ``share`` of all hashes.

    Depends on the group alone: clips added or lost change no other clip's side. The share is met on average.
    """
    return hash64(seed, "split", group) < share * 2**64


def stratified(
    groups: Sequence[str], labels: Sequence[str], shares: Mapping[str, float], seed: int, remedy: str
) -> list[str]:
    """Return each clip's split: within each label, the groups of the lowest keyed hashes are held out.

    Shares count groups, rounded, at least one group of each label where the share is not 0. Clips of a group
    are never on two sides; a group with several labels counts for the first of them. Other labels' clips
    change nothing.

    Args:
        groups: what must stay together, one per clip: a recording place, or the clip itself.
        labels: one per clip.
        shares: held-out split → share of a label's groups, in the order in which groups are given out;
            the rest is ``train``.
        seed: another seed holds out others.
        remedy: what to do about a label with too few groups, for the message.

    Raises:
        UserError: labels have too few groups to keep one for training; names them all.
    """
    label_of: dict[str, str] = {}
    for group, label in zip(groups, labels, strict=True):
        label_of[group] = min(label, label_of.get(group, label))
    members = defaultdict(list)
    for group, label in label_of.items():
        members[label].append(group)
    split_of = dict.fromkeys(label_of, "train")
    _require_groups({label: len(names) for label, names in members.items()}, shares, remedy)
    for names in members.values():
        sizes = _held_out(len(names), shares)
        ranked = iter(sorted(names, key=lambda name: (hash64(seed, "split", name), name)))
        for split, size in sizes.items():
            for _ in range(size):
                split_of[next(ranked)] = split
    return [split_of[group] for group in groups]


def hold_out_validation(clips: pd.DataFrame, share: float, seed: int, remedy: str) -> None:
    """Make a share of a manifest's training clips validation clips, in place; recordings stay together.

    Args:
        clips: a manifest. Where it has no recordings, each clip is one.
        share: of each label's recordings, see :func:`stratified`.
        seed: another seed holds out others.
        remedy: what to do about a label with too few recordings.

    Raises:
        UserError: see :func:`stratified`.
    """
    training = clips["split"] == "train"
    groups = clips.get(RECORDING, clips["clip_id"])[training].tolist()
    labels = clips["label"][training].tolist()
    clips.loc[training, "split"] = stratified(groups, labels, {"validation": share}, seed, remedy)


def _held_out(groups: int, shares: Mapping[str, float]) -> dict[str, int]:
    return {split: max(1, round(share * groups)) for split, share in shares.items() if share > 0}


def _require_groups(counts: Mapping[str, int], shares: Mapping[str, float], remedy: str) -> None:
    """Check that every label keeps a group for training; all that do not are named at once."""
    tiny = {label: count for label, count in counts.items() if sum(_held_out(count, shares).values()) >= count}
    if not tiny:
        return
    splits = " and ".join(split for split, share in shares.items() if share > 0)
    enough = next((n for n in range(1, 1000) if sum(_held_out(n, shares).values()) < n), None)
    if enough is None:
        raise UserError(f"the shares of {splits} add up to all clips, and leave none for training. Lower them.")
    named = ", ".join(f"{label!r} ({count})" for label, count in sorted(tiny.items())[:_SHOWN])
    more = f" and {len(tiny) - _SHOWN} more" if len(tiny) > _SHOWN else ""
    raise UserError(
        f"{len(tiny)} of {len(counts)} labels have too few clips or recordings to leave one for training after "
        f"{splits}, with at least one each: {named}{more}. Each needs {enough} or more. {remedy}"
    )
