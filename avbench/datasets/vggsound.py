"""VGGSound (Chen et al. 2020): ten-second clips of YouTube videos, from a list of ids and start seconds."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from avbench.core.errors import UserError
from avbench.datasets.lists import read_rows, require_known_labels, require_unique, table
from avbench.datasets.splits import falls_below

CLIP_S = 10
LIST_COLUMNS = ("id", "start second", "label", "split")
_START = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class VGGSoundSettings:
    """How the list becomes clips.

    Attributes:
        url: the address of a video; ``{id}`` stands for its id.
        validation_share: share of the listed training videos, by a hash of the YouTube id, whose clips are
            for validation: two clips of one video are never on both sides.
        exclude: a text file of YouTube ids, or ids of clips, that are left out, one a line.
        seed: another seed chooses other validation videos.
    """

    url: str = "https://www.youtube.com/watch?v={id}"
    validation_share: float = 0.04
    exclude: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the template."""
        if "{id}" not in self.url:
            raise UserError(f"options.url: {self.url!r} has no {{id}}, which stands for the video's id.")


def manifest(settings: VGGSoundSettings, path: Path, listing: Path) -> pd.DataFrame:
    """Return the manifest of the listed clips: each video's address, where the clip lies in it, and its YouTube id.

    The list's test clips are ours; its training clips are ours but for the validation share. Whether a clip is
    downloaded or taken from a folder of trimmed clips is for packing (:mod:`avbench.data.packing.sources`) to decide.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.
        listing: the list, comma-separated without a header: id, start second, label, ``train`` or ``test``.

    Raises:
        UserError: a file is missing, or the list breaks a rule.
    """
    rows = list(read_rows(listing, LIST_COLUMNS, header=False))
    if not rows:
        raise UserError(f"{listing} is empty. Delete it and get the list again.")
    for row, cells in rows:
        _check(listing, row, cells)
    keys = [f"{cells['id']}_{int(cells['start second']):06d}" for _, cells in rows]
    numbers = [row for row, _ in rows]
    require_unique(listing, zip(numbers, keys, strict=True), "A clip is listed once: delete one of the rows.")

    excluded = _excluded(settings.exclude)
    clips, where = [], {}
    for (row, cells), clip_id in zip(rows, keys, strict=True):
        video, split = cells["id"], cells["split"]
        if video in excluded or clip_id in excluded:
            continue
        if split == "train" and falls_below(settings.validation_share, settings.seed, video):
            split = "validation"
        # Quoted: an id is data, whatever it holds, and never part of an address's syntax.
        address = settings.url.replace("{id}", quote(video, safe=""))
        clips.append((clip_id, address, float(cells["start second"]), float(CLIP_S), cells["label"], split, video))
        where[clip_id] = f"{listing}, row {row}"
    print(f"{listing}: {len(rows)} clips listed, {len(rows) - len(clips)} excluded")
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
    if "\0" in cells["id"]:
        raise UserError(f"{listing}, row {row}: the id holds a null character. Get the list again.")


def _excluded(path: str | None) -> set[str]:
    if path is None:
        return set()
    try:
        return set(filter(None, Path(path).read_text(encoding="utf-8-sig").split("\n")))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"options.exclude: cannot read {path}: {error}. It is a text file with one id a line."
        ) from None
