"""Kinetics-Sounds (Arandjelović and Zisserman 2017): the clips of Kinetics-400 whose classes can be heard."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from avbench.core.errors import UserError
from avbench.datasets.lists import read_rows, require_known_labels, require_unique, table
from avbench.datasets.splits import falls_below

# The 34 classes of the paper's appendix A.1 by the names that Kinetics-400 has for them. Two have none: typing, and
# patting; what they were before is not among the 400.
CLASSES = (
    *("blowing nose", "blowing out candles", "bowling", "chopping wood", "dribbling basketball", "laughing"),
    *("mowing lawn", "playing accordion", "playing bagpipes", "playing bass guitar", "playing clarinet"),
    *("playing drums", "playing guitar", "playing harmonica", "playing keyboard", "playing organ", "playing piano"),
    *("playing saxophone", "playing trombone", "playing trumpet", "playing violin", "playing xylophone"),
    *("ripping paper", "shoveling snow", "shuffling cards", "singing", "stomping grapes", "strumming guitar"),
    *("tap dancing", "tapping guitar", "tapping pen", "tickling"),
)
_SPLITS = {"train": "train", "val": "validation", "validate": "validation", "test": "test"}
_SECOND = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class KineticsSoundsSettings:
    """Which lists the clips are taken from, and which clips are tested.

    Attributes:
        lists: Kinetics-400's own CSV files, with the columns label, youtube_id, time_start, time_end and split.
        test: which of Kinetics' splits is for test: ``test``, or ``validation`` where there are no labels for that;
            then a share of the training videos is for validation.
        validation_share: share of the training videos, by a hash of the YouTube id, that is for validation where
            Kinetics' validation clips are tested.
        url: the address of a video; ``{id}`` stands for its id.
        seed: another seed chooses other validation videos.
    """

    lists: tuple[str, ...]
    test: str = "test"
    validation_share: float = 0.1
    url: str = "https://www.youtube.com/watch?v={id}"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.test not in ("test", "validation"):
            raise UserError(f"options.test: {self.test!r} is unknown. Allowed are test, validation.")
        if "{id}" not in self.url:
            raise UserError(f"options.url: {self.url!r} has no {{id}}, which stands for the video's id.")


def manifest(settings: KineticsSoundsSettings, path: Path) -> pd.DataFrame:
    """Return the manifest of the listed clips of ``CLASSES``: each video's address, and where the clip lies in it.

    A clip's recording is its YouTube id. Where it is had is for packing to decide, as of VGGSound.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.

    Raises:
        UserError: a list is missing or breaks a rule, or no clip is for training or for test.
    """
    where: dict[str, str] = {}
    clips, listed = [], 0
    for listing in map(Path, settings.lists):
        rows = list(read_rows(listing, ("label", "youtube_id", "time_start", "time_end", "split")))
        listed += len(rows)
        chosen = [(row, cells) for row, cells in rows if cells["label"] in CLASSES]
        for row, cells in chosen:
            clip = _clip(settings, f"{listing}, row {row}", cells)
            clips.append(clip)
            where.setdefault(clip[0], f"{listing}, row {row}")
        ids = [(row, f"{cells['youtube_id']}_{int(cells['time_start']):06d}") for row, cells in chosen]
        require_unique(listing, ids, "A clip is listed once: delete one of the rows.")
    made = table(clips)
    if (twice := made.clip_id[made.clip_id.duplicated()]).size:
        raise UserError(f"options.lists: clip {twice.iloc[0]!r} is in two of the lists. Take one of them off.")
    found = ", ".join(f"{int((made.split == split).sum())} {split}" for split in ("train", "validation", "test"))
    print(f"Kinetics-Sounds: {found} clips of {made.label.nunique()} of {len(CLASSES)} classes, of {listed} listed")
    for split in ("train", "test"):
        if not (made.split == split).any():
            raise UserError(
                f"options.lists: no clip is for {split}. Add Kinetics' list of them"
                + (", or set options.test: validation." if split == "test" else ".")
            )
    require_known_labels(made, where)
    return made


def _clip(settings: KineticsSoundsSettings, at: str, cells: dict[str, str]) -> tuple:
    video, begin, end = cells["youtube_id"], cells["time_start"], cells["time_end"]
    if not _SECOND.fullmatch(begin) or not _SECOND.fullmatch(end) or int(end) <= int(begin):
        raise UserError(f"{at}: from {begin!r} to {end!r} is no time in whole seconds. Get the list again.")
    if cells["split"] not in _SPLITS:
        raise UserError(f"{at}: the split is {cells['split']!r}; it must be one of {', '.join(_SPLITS)}.")
    if "\0" in video:
        raise UserError(f"{at}: the id holds a null character. Get the list again.")
    split = _SPLITS[cells["split"]]
    if settings.test == "validation":
        if split == "train" and falls_below(settings.validation_share, settings.seed, video):
            split = "validation"
        elif split == "validation":
            split = "test"
    address = settings.url.replace("{id}", quote(video, safe=""))
    clip_id = f"{video}_{int(begin):06d}"
    return clip_id, address, float(begin), float(int(end) - int(begin)), cells["label"], split, video
