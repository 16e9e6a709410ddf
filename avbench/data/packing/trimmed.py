"""Collections of trimmed clips: folders and archives in which each file is one clip."""

import functools
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from avbench.core.errors import UserError
from avbench.data.download.losses import PREFIX, Loss, read_loss

CLIP_S = 10
SUFFIXES = (".mp4", ".mkv", ".webm")

_CLIP_ID = re.compile(r"(.+)_([0-9]{6})", re.DOTALL)
_PADDED = re.compile(r"([A-Za-z0-9_-]{11})_([0-9]{6})_([0-9]{6})")  # of Kinetics; others say so of no YouTube id
_RANGE = re.compile(r"(.+)_(0|[1-9][0-9]{0,8})_([1-9][0-9]{0,9})", re.DOTALL)


class Collection:
    """A folder of trimmed clips, in it directly or in folders of it. It is read once, when the first is looked for.

    Args:
        directory: the folder.

    Raises:
        UserError: there is no such folder.
    """

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)
        self._reading = threading.Lock()
        self._losses: list[Loss] = []
        if not self._directory.is_dir():
            raise UserError(
                f"sources: directory: {directory} is no folder. Give the folder in which the trimmed clips lie, or "
                "leave this source out."
            )

    def find(self, clip_id: str) -> Path | None:
        """Return the file of a clip, under whichever of the names in use (:func:`stems`) comes first.

        Raises:
            UserError: the folder cannot be read.
        """
        with self._reading:
            names = self._names
        name = next((names[stem] for stem in stems(clip_id) if stem in names), None)
        return None if name is None else self._directory / name

    def cost(self, clip_id: str) -> str:
        """Say that a clip which is not here was in an archive that is damaged, or may have been.

        Empty if no archive was damaged that was unpacked to here, or if it is known to have cost other clips alone.

        Raises:
            UserError: the folder cannot be read.
        """
        with self._reading:
            self._names  # noqa: B018 (reads the folder)
        names = stems(clip_id)
        known_first = sorted(self._losses, key=lambda loss: not loss.names(names))
        return next(filter(None, (loss.cost(names, str(self._directory)) for loss in known_first)), "")

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        """Paths in the folder by stem; where a stem has several, that whose extension comes first in ``SUFFIXES``."""
        ranked: dict[str, tuple[int, str]] = {}
        try:
            for place, entry in self._entries():
                if entry.name.startswith(PREFIX):
                    self._losses.append(read_loss(Path(entry.path)))
                    continue
                stem, suffix = os.path.splitext(entry.name)
                if (suffix := suffix.lower()) in SUFFIXES and entry.is_file():
                    rank = SUFFIXES.index(suffix), os.path.join(place, entry.name)
                    ranked[stem] = min(rank, ranked.get(stem, rank))
        except OSError as error:
            raise UserError(
                f"sources: directory: cannot read {self._directory}: {error.strerror or error}. Check its permissions."
            ) from error
        return {stem: path for stem, (_, path) in ranked.items()}

    def _entries(self, place: str = "") -> Iterator[tuple[str, os.DirEntry]]:
        """Yield what is in the folder, and in the folders in it, such as one per class, unless these are hidden."""
        with os.scandir(self._directory / place) as entries:
            for entry in entries:
                if not place and not entry.name.startswith(".") and entry.is_dir():
                    yield from self._entries(entry.name)
                else:
                    yield place, entry


def stems(clip_id: str) -> list[str]:
    """Return the names, without extension, under which collections keep a clip, our own first.

    A clip of ten seconds, ``{video}_{start:06d}``, is also known as ``{video}_{start ms}_{end ms}`` and
    ``{video}_{start s}_{end s}``, the latter also in six digits each; any other clip by its id alone.
    """
    parts = _CLIP_ID.fullmatch(clip_id)
    if parts is None:
        return [clip_id]
    video, start = parts[1], int(parts[2])
    end = start + CLIP_S
    return [clip_id, f"{video}_{start * 1000}_{end * 1000}", f"{video}_{start}_{end}", f"{video}_{start:06d}_{end:06d}"]


def accept(basename: str) -> str | None:
    """Return the name under which a file of an archive is kept, or None if it is no clip.

    The namings of :func:`stems` become our own. Only a range of exactly ten seconds is taken for one: any other name
    with an extension of ``SUFFIXES`` is kept as it is. The extension becomes lower case.

    Args:
        basename: a file name without folders.
    """
    stem, suffix = os.path.splitext(basename)
    suffix = suffix.lower()
    if suffix not in SUFFIXES or basename.startswith(".") or any(c in basename for c in "/\\\0"):
        return None
    if (parts := _PADDED.fullmatch(stem)) and int(parts[3]) - int(parts[2]) == CLIP_S:
        return f"{parts[1]}_{parts[2]}{suffix}"
    if parts := _RANGE.fullmatch(stem):
        start, end = int(parts[2]), int(parts[3])
        if end - start == CLIP_S * 1000 and start % 1000 == 0:
            start, end = start // 1000, end // 1000
        if end - start == CLIP_S and start < 10**6:
            return f"{parts[1]}_{start:06d}{suffix}"
    return stem + suffix
