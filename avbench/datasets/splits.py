"""Splits by keyed hash: the same on every machine, whatever the order of the clips."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from avbench.core.errors import UserError
from avbench.core.hashing import hash64


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
        UserError: a label has too few groups to keep one for training.
    """
    label_of: dict[str, str] = {}
    for group, label in zip(groups, labels, strict=True):
        label_of[group] = min(label, label_of.get(group, label))
    members = defaultdict(list)
    for group, label in label_of.items():
        members[label].append(group)
    split_of = dict.fromkeys(label_of, "train")
    for label, names in members.items():
        sizes = {split: max(1, round(share * len(names))) for split, share in shares.items() if share > 0}
        if sum(sizes.values()) >= len(names):
            wanted = ", ".join(f"{size} for {split}" for split, size in sizes.items())
            raise UserError(
                f"label {label!r} has {len(names)} clips or groups to split, which leaves none for training "
                f"after {wanted}. {remedy}"
            )
        ranked = iter(sorted(names, key=lambda name: (hash64(seed, "split", name), name)))
        for split, size in sizes.items():
            for _ in range(size):
                split_of[next(ranked)] = split
    return [split_of[group] for group in groups]
