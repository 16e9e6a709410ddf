"""Class labels as awkward as VGGSound's, with commas, quotes, brackets and blanks."""

from functools import lru_cache

from avbench.core.hashing import keyed_ranks

THINGS = (
    "anvil", "bell", "bottle", "bucket", "cart", "chime", "clock", "cymbal", "door", "drum", "engine", "fan",
    "flute", "gate", "glass", "gong", "horn", "kettle", "lamp", "lantern", "mill", "piano", "pump", "rattle",
    "saw", "shutter", "siren", "spring", "string", "top", "wheel", "whistle",
)  # fmt: skip
QUALITIES = ("brass", "bright", "cracked", "distant", "hollow", "muted", "rusty", "wooden")
MANNERS = ("slow", "fast", "in the rain", "at night", "up close", "off-beat")
MOST_CLASSES = len(THINGS) * len(QUALITIES)


@lru_cache(maxsize=16)
def class_labels(seed: int, name: str, classes: int) -> tuple[str, ...]:
    """Return the first ``classes`` labels of a set: distinct, readable, the same whatever ``classes`` is."""
    things = _shuffled(seed, name, THINGS)
    qualities = _shuffled(seed, name, QUALITIES)
    manners = _shuffled(seed, name, MANNERS)
    labels = []
    for index in range(classes):
        thing = things[index % len(things)]
        # Every (thing, quality) pair comes once in MOST_CLASSES labels.
        quality = qualities[(index + index // len(things)) % len(qualities)]
        manner = manners[index % len(manners)]
        forms = (
            f'{thing}, "{quality}" ({manner})',
            f"{quality} {thing}",
            f"{thing}, {quality}, {manner}",
            f'{thing} playing "{quality}"',
        )
        labels.append(forms[index % len(forms)])
    return tuple(labels)


def _shuffled(seed: int, name: str, words: tuple[str, ...]) -> list[str]:
    ranks = keyed_ranks(seed, f"controlled-labels/{name}", words)
    return [words[place] for place in ranks.argsort(kind="stable")]
