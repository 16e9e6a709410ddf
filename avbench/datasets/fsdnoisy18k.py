"""FSDnoisy18k (Fonseca et al. 2019): Freesound clips of twenty classes, a small part of them verified."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avbench.core.errors import UserError
from avbench.data.media.durations import duration_s
from avbench.datasets.lists import read_rows, require_folder, require_known_labels, source_prefix, table
from avbench.datasets.splits import hold_out_validation

# subset → (column of train.csv, its value)
SUBSETS = {
    "clean": ("manually_verified", "1"),
    "noisy": ("manually_verified", "0"),
    "noisy_small": ("noisy_small", "1"),
}
RECORD = 2529934  # on Zenodo
_GET = (
    "Set options.directory to the folder that holds FSDnoisy18k.audio_train, .audio_test and .meta, or options.zenodo "
    "to download them."
)


@dataclass(frozen=True)
class FSDnoisy18kSettings:
    """Where the set is and which part of it is used.

    Attributes:
        directory: the folder that holds the three extracted archives.
        subset: which training clips: ``clean`` (manually verified, a tenth), ``noisy`` (the others), ``noisy_small``
            (a part of these that lasts about as long as the clean one) or ``all``. Test clips are always the same, and
            verified.
        validation_share: share of each label's clips of this part, by a hash of their ids, for validation. So what
            trains on noisy labels is also chosen by them, as in the authors' own baseline: verified clips to choose by
            would be labels that such training does not have.
        seed: another seed chooses other validation clips.
    """

    directory: str
    subset: str = "clean"
    validation_share: float = 0.15
    seed: int = 0


def archives() -> list[str]:
    """Return the patterns of the names of the archives that a manifest needs."""
    return ["*.audio_train.zip", "*.audio_test.zip", "*.meta.zip"]


def manifest(settings: FSDnoisy18kSettings, path: Path) -> pd.DataFrame:
    """Return the manifest, with each clip's duration from its WAV header.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.

    Raises:
        UserError: a file or folder is missing, or a table breaks a rule.
    """
    if settings.subset not in (*SUBSETS, "all"):
        raise UserError(f"options.subset: {settings.subset!r} is unknown. Allowed are {', '.join(SUBSETS)}, all.")
    folder = require_folder(settings.directory, _GET)
    prefix = source_prefix(settings.directory, path)
    clips = []
    where: dict[str, str] = {}
    for split in ("train", "test"):
        audio = f"FSDnoisy18k.audio_{split}"
        require_folder(folder / audio, _GET)
        flags = ("manually_verified", "noisy_small") if split == "train" else ()
        rows_path = folder / "FSDnoisy18k.meta" / f"{split}.csv"
        for row, cells in read_rows(rows_path, ("fname", "label", *flags)):
            at = f"{rows_path}, row {row}"
            name = cells["fname"]
            if "/" in name or "\0" in name:
                raise UserError(f"{at}: {name!r} is no file name. Get FSDnoisy18k.meta again.")
            if wrong := [flag for flag in flags if cells[flag] not in ("0", "1")]:
                raise UserError(f"{at}: {wrong[0]} is {cells[wrong[0]]!r}; it must be 0 or 1.")
            if flags and cells["manually_verified"] == cells["noisy_small"] == "1":
                raise UserError(f"{at}: clip {name!r} is both verified and noisy. Get FSDnoisy18k.meta again.")
            clip_id = name.removesuffix(".wav")
            if clip_id in where:
                raise UserError(f"{at}: clip {clip_id!r} is already in {where[clip_id]}. Delete one of the rows.")
            where[clip_id] = at
            if split == "train" and settings.subset in SUBSETS:
                flag, value = SUBSETS[settings.subset]
                if cells[flag] != value:
                    continue
            duration = duration_s(folder / audio / name)
            clips.append((clip_id, f"{prefix}/{audio}/{name}", 0.0, duration, cells["label"], split))
    made = table(clips)
    training = made.split == "train"
    print(
        f"FSDnoisy18k, {settings.subset}: {training.sum()} training or validation clips, {(~training).sum()} for test"
    )
    remedy = "Lower options.validation_share, or complete FSDnoisy18k.meta/train.csv."
    hold_out_validation(made, settings.validation_share, settings.seed, remedy)
    require_known_labels(made, where)
    return made
