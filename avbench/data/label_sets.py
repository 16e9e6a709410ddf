"""Several labels of a clip, as one text in the manifest: ``dog;rain``."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from avbench.core.errors import UserError

SEPARATOR = ";"


def labels_of(text: str) -> list[str]:
    """Return the labels of a clip of a multi-label dataset."""
    return text.split(SEPARATOR)


def joined(labels: Iterable[str]) -> str:
    """Write labels as one text: each once, sorted, so that equal sets are equal texts."""
    return SEPARATOR.join(sorted(set(labels)))


def every_label(texts: Iterable[str]) -> list[str]:
    """Return the labels that occur in any text, sorted."""
    return sorted({label for text in set(texts) for label in labels_of(text)})


def indicators(texts: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Return which clip has which label: bool (clips, classes).

    Args:
        texts: of each clip; all its labels are in ``classes``.
        classes: one a column.
    """
    column = {name: place for place, name in enumerate(classes)}
    found = np.zeros((len(texts), len(classes)), dtype=bool)
    for row, text in enumerate(texts):
        found[row, [column[label] for label in labels_of(text)]] = True
    return found


def require_sets(labels: Mapping[str, str], where: str) -> None:
    """Check that label texts are what :func:`joined` writes.

    Args:
        labels: clip id → text.
        where: what holds them, for the message.

    Raises:
        UserError: with the first clip whose text is another, and what it should be.
    """
    for clip_id, text in labels.items():
        plain = joined(part for label in labels_of(text) if (part := label.strip()))
        if text != plain:
            raise UserError(
                f"{where}: the labels of clip {clip_id!r} read {text!r}. A multi-label dataset has them sorted, each "
                f"once, with {SEPARATOR!r} and no spaces between: {plain!r}. Write them so, or leave multi_label out."
            )
