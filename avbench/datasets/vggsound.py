"""VGGSound (Chen et al. 2020): ten-second clips of YouTube videos, from a list of ids and start seconds."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avbench.datasets.listing import (
    read_rows,
    require_folder,
    require_known_labels,
    require_unique,
    source_prefix,
    table,
)
from avbench.datasets.splits import falls_below
from avbench.errors import UserError

CLIP_S = 10
LIST_COLUMNS = ("id", "start second", "label", "split")
SUFFIXES = (".mp4", ".mkv", ".webm")
_START = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class VGGSoundSettings:
    """Where clips are and how validation clips are chosen.

    Attributes:
        directory: the folder of the trimmed clips, all in it directly.
        validation_share: share of the listed training videos, by a hash of the YouTube id, whose clips are
            for validation: two clips of one video are never on both sides.
        exclude: a text file of YouTube ids, or ids of clips, that are left out, one a line.
        seed: another seed chooses other validation videos.
    """

    directory: str
    validation_share: float = 0.04
    exclude: str | None = None
    seed: int = 0


def file_stems(video: str, start: int) -> list[str]:
    """Return the names, without extension, under which collections of VGGSound keep a clip, our own first."""
    end = start + CLIP_S
    return [f"{video}_{start:06d}", f"{video}_{start * 1000}_{end * 1000}", f"{video}_{start}_{end}"]


def manifest(settings: VGGSoundSettings, path: Path, listing: Path) -> pd.DataFrame:
    """Return the manifest of the listed clips, those without a file included.

    Files are looked for by three names (:func:`file_stems`) and three extensions, in this order, in one scan
    of the folder. They hold the trimmed clip: ``start_s`` is 0. The list's test clips are ours; its training
    clips are ours but for the validation share.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.
        listing: the list, comma-separated without a header: id, start second, label, ``train`` or ``test``.

    Raises:
        UserError: a file or folder is missing, the list breaks a rule, or the folder holds none of its clips.
    """
    rows = list(read_rows(listing, LIST_COLUMNS, header=False))
    if not rows:
        raise UserError(f"{listing} is empty. Delete it and get the list again.")
    for row, cells in rows:
        _check(listing, row, cells)
    keys = [f"{cells['id']}_{int(cells['start second']):06d}" for _, cells in rows]
    numbers = [row for row, _ in rows]
    require_unique(listing, zip(numbers, keys, strict=True), "A clip is listed once: delete one of the rows.")

    folder = require_folder(settings.directory, "Set options.directory to the folder of VGGSound's clips.")
    present = {entry.name for entry in folder.iterdir()}
    excluded = _excluded(settings.exclude)
    prefix = source_prefix(settings.directory, path)
    clips, where, found = [], {}, 0
    for (row, cells), clip_id in zip(rows, keys, strict=True):
        video, split = cells["id"], cells["split"]
        if video in excluded or clip_id in excluded:
            continue
        stems = file_stems(video, int(cells["start second"]))
        names = (stem + suffix for stem in stems for suffix in SUFFIXES)
        name = next((name for name in names if name in present), None)
        found += name is not None
        if split == "train" and falls_below(settings.validation_share, settings.seed, video):
            split = "validation"
        source = f"{prefix}/{name or stems[0] + SUFFIXES[0]}"
        clips.append((clip_id, source, 0.0, float(CLIP_S), cells["label"], split))
        where[clip_id] = f"{listing}, row {row}"
    if not found:
        example = file_stems(rows[0][1]["id"], int(rows[0][1]["start second"]))
        raise UserError(
            f"{folder} holds none of the {len(clips)} clips that {listing} lists. Clips lie in it directly, "
            f"with names such as {' or '.join(example)} and the extension {', '.join(SUFFIXES)}. Correct "
            "options.directory."
        )
    print(f"{listing}: {len(rows)} clips listed, {len(rows) - len(clips)} excluded, {found} with a file in {folder}")
    made = table(clips)
    require_known_labels(made, where)
    return made


def _check(listing: Path, row: int, cells: dict[str, str]) -> None:
    if not _START.fullmatch(cells["start second"]):
        raise UserError(
            f"{listing}, row {row}: the start second is {cells['start second']!r}; it must be a whole number "
            "of at most six digits. VGGSound's list has no header: delete one if there is."
        )
    if cells["split"] not in ("train", "test"):
        raise UserError(f"{listing}, row {row}: the split is {cells['split']!r}; it must be train or test.")
    if "/" in cells["id"] or "\0" in cells["id"]:
        raise UserError(f"{listing}, row {row}: {cells['id']!r} is no YouTube id: no file can have it in its name.")


def _excluded(path: str | None) -> set[str]:
    if path is None:
        return set()
    try:
        return set(filter(None, Path(path).read_text(encoding="utf-8-sig").split("\n")))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"options.exclude: cannot read {path}: {error}. It is a text file with one id a line."
        ) from None
