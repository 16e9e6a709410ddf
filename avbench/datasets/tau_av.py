"""TAU Urban Audio-Visual Scenes 2021, development set (Wang et al. 2021): ten-second clips of ten scenes."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from avbench.core.errors import UserError
from avbench.datasets.lists import read_rows, require_folder, require_known_labels, require_unique, source_prefix, table
from avbench.datasets.splits import hold_out_validation

CLIP_S = 10.0
RECORD = 4477542  # of the development set on Zenodo
TOP = "TAU-urban-audio-visual-scenes-2021-development"
_GET = f"Set options.directory to the extracted {TOP}, or options.zenodo to download it."


@dataclass(frozen=True)
class TauAvSettings:
    """Where the set is and how validation clips are chosen.

    Attributes:
        directory: the extracted set; ``meta.csv`` and ``evaluation_setup`` lie in it directly, or in its folder
            ``TOP``, as it depends on what unpacked the archives.
        media: which file of a clip is its source, ``audio`` (the WAV) or ``video`` (the MP4).
        validation_share: share of each scene's recording places in fold 1's training part whose clips are for
            validation: no place is on both sides.
        seed: another seed chooses other places.
    """

    directory: str
    media: str = "audio"
    validation_share: float = 0.2
    seed: int = 0


def archives(media: str = "audio") -> list[str]:
    """Return the patterns of the names of the archives that a manifest needs."""
    return ["*.meta.zip", f"*.{media}.*.zip"]


def manifest(settings: TauAvSettings, path: Path) -> pd.DataFrame:
    """Return the manifest: fold 1's training part as train and validation, its evaluation part as test.

    A clip's recording is the place where it was made.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.

    Raises:
        UserError: a file or folder is missing, a table breaks a rule, or the tables disagree.
    """
    if settings.media not in ("audio", "video"):
        raise UserError(f"options.media: {settings.media!r} is unknown. Allowed are audio, video.")
    directory = settings.directory
    folder = require_folder(directory, _GET)
    if (folder / TOP / "meta.csv").is_file():
        folder, directory = folder / TOP, f"{directory}/{TOP}"
    require_folder(folder / settings.media, f"Extract the set's {settings.media} archives.")
    column = f"filename_{settings.media}"
    columns = ("filename_audio", "filename_video", "scene_label")
    meta_path = folder / "meta.csv"
    meta = list(read_rows(meta_path, (*columns, "identifier"), "\t"))
    require_unique(meta_path, [(row, c["filename_audio"]) for row, c in meta], "Get the set's meta archive again.")
    known = {cells["filename_audio"]: cells for _, cells in meta}

    prefix = source_prefix(directory, path)
    clips = []
    where: dict[str, str] = {}
    for part, split in (("fold1_train", "train"), ("fold1_evaluate", "test")):
        part_path = folder / "evaluation_setup" / f"{part}.csv"
        for row, cells in read_rows(part_path, columns, "\t"):
            at = f"{part_path}, row {row}"
            facts = known.get(cells["filename_audio"])
            if facts is None:
                raise UserError(f"{at}: {cells['filename_audio']!r} is not in {meta_path}. {_GET}")
            if facts["scene_label"] != cells["scene_label"]:
                raise UserError(
                    f"{at}: the label {cells['scene_label']!r} of {cells['filename_audio']!r} is unknown: "
                    f"{meta_path} has {facts['scene_label']!r}. Get the set's meta archive again."
                )
            name = PurePosixPath(facts[column])
            if name.is_absolute() or ".." in name.parts:
                raise UserError(f"{meta_path}: {str(name)!r} leads out of the dataset's folder. Delete the row.")
            clip_id = PurePosixPath(cells["filename_audio"]).stem
            if clip_id in where:
                raise UserError(f"{at}: clip {clip_id!r} is already in {where[clip_id]}. Delete one of the rows.")
            clips.append((clip_id, f"{prefix}/{name}", 0.0, CLIP_S, cells["scene_label"], split, facts["identifier"]))
            where[clip_id] = at
    made = table(clips)
    remedy = "Lower options.validation_share, or complete fold1_train.csv."
    hold_out_validation(made, settings.validation_share, settings.seed, remedy)
    require_known_labels(made, where)
    return made
