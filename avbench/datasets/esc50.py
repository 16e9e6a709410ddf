"""ESC-50 (Piczak 2015): two thousand environmental sounds of five seconds, in five folds."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avbench.core.errors import UserError
from avbench.datasets.lists import read_rows, require_folder, require_known_labels, source_prefix, table
from avbench.datasets.splits import hold_out_validation

CLIP_S = 5.0
FOLDS = ("1", "2", "3", "4", "5")
TOP = "ESC-50-master"
_GET = f"Set options.directory to the extracted {TOP}, or options.archive to download it."


@dataclass(frozen=True)
class Esc50Settings:
    """Where the set is, and which of its folds is tested.

    Attributes:
        directory: the extracted set; ``meta`` and ``audio`` lie in it directly, or in its folder ``TOP``.
        fold: the fold whose clips are for test, 1 to 5; the others train. The set's score is the mean over all five.
        validation_share: share of each class's source recordings in the other folds whose clips are for validation.
        seed: another seed chooses other recordings.
    """

    directory: str
    fold: int = 1
    validation_share: float = 0.1
    seed: int = 0


def manifest(settings: Esc50Settings, path: Path) -> pd.DataFrame:
    """Return the manifest of one fold against the others. A clip's recording is the Freesound file that it is cut from.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.

    Raises:
        UserError: a file or folder is missing, or the table breaks a rule.
    """
    if str(settings.fold) not in FOLDS:
        raise UserError(f"options.fold: {settings.fold!r} is unknown. Allowed are {', '.join(FOLDS)}.")
    directory = settings.directory
    folder = require_folder(directory, _GET)
    if (folder / TOP / "meta").is_dir():
        folder, directory = folder / TOP, f"{directory}/{TOP}"
    require_folder(folder / "audio", _GET)
    listing = folder / "meta" / "esc50.csv"
    prefix = source_prefix(directory, path)
    clips = []
    where: dict[str, str] = {}
    for row, cells in read_rows(listing, ("filename", "fold", "category", "src_file")):
        at = f"{listing}, row {row}"
        name = cells["filename"]
        if "/" in name or "\0" in name:
            raise UserError(f"{at}: {name!r} is no file name. Get the set again.")
        if cells["fold"] not in FOLDS:
            raise UserError(f"{at}: the fold is {cells['fold']!r}; it must be one of {', '.join(FOLDS)}.")
        clip_id = name.removesuffix(".wav")
        if clip_id in where:
            raise UserError(f"{at}: clip {clip_id!r} is already in {where[clip_id]}. Delete one of the rows.")
        where[clip_id] = at
        split = "test" if cells["fold"] == str(settings.fold) else "train"
        clips.append((clip_id, f"{prefix}/audio/{name}", 0.0, CLIP_S, cells["category"], split, cells["src_file"]))
    made = table(clips)
    remedy = "Lower options.validation_share, or complete meta/esc50.csv."
    hold_out_validation(made, settings.validation_share, settings.seed, remedy)
    require_known_labels(made, where)
    return made
