"""UCF101 (Soomro et al. 2012): clips of human actions; of the 101 classes, about half have sound."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avbench.core.errors import UserError
from avbench.data.media.durations import duration_s, has_sound
from avbench.datasets.lists import require_folder, require_known_labels, source_prefix, table
from avbench.datasets.splits import hold_out_validation

VIDEOS, LISTS = "UCF-101", "ucfTrainTestlist"
_SPLITS = (1, 2, 3)
_ENOUGH = 0.5  # of a class's files that have sound
_NAME = re.compile(r"(v_.+_g[0-9]+)_c[0-9]+\.avi")
_GET = f"Set options.directory to the folder that holds {VIDEOS} and {LISTS}, both extracted."


@dataclass(frozen=True)
class Ucf101Settings:
    """Where the set is, and which of its three splits is used.

    Attributes:
        directory: the folder that holds ``VIDEOS``, a folder per class, and ``LISTS``, the official splits.
        split: number of the official split, 1 to 3.
        classes: ``sound``, the classes most of whose files have sound, or ``all``, for video alone.
        validation_share: share of each class's groups (the set's word for the videos that clips were cut from) in the
            split's training list whose clips are for validation.
        seed: another seed chooses other groups.
    """

    directory: str
    split: int = 1
    classes: str = "sound"
    validation_share: float = 0.1
    seed: int = 0


def manifest(settings: Ucf101Settings, path: Path) -> pd.DataFrame:
    """Return the manifest of one official split. A clip's recording is its group, which is on one side of each split.

    Files of the chosen classes that have no sound stay in the manifest: the ledger says so of each.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.

    Raises:
        UserError: a file or folder is missing, a list breaks a rule, or no class has sound.
    """
    if settings.split not in _SPLITS:
        raise UserError(f"options.split: {settings.split!r} is unknown. Allowed are 1, 2, 3.")
    if settings.classes not in ("sound", "all"):
        raise UserError(f"options.classes: {settings.classes!r} is unknown. Allowed are sound, all.")
    folder = require_folder(settings.directory, _GET)
    require_folder(folder / VIDEOS, _GET)
    listed = []
    where: dict[str, str] = {}
    files: dict[str, dict[str, str]] = {}
    for part, split in (("trainlist", "train"), ("testlist", "test")):
        listing = folder / LISTS / f"{part}{settings.split:02d}.txt"
        for row, label, name in _rows(listing):
            if label not in files:
                # Copies of the set write one class's name in two ways.
                found = folder / VIDEOS / label
                files[label] = {file.name.lower(): file.name for file in found.iterdir()} if found.is_dir() else {}
            name = files[label].get(name.lower(), name)
            clip_id = name.removesuffix(".avi")
            if clip_id in where:
                raise UserError(
                    f"{listing}, row {row}: {clip_id!r} is already in {where[clip_id]}. Delete one of them."
                )
            where[clip_id] = f"{listing}, row {row}"
            listed.append((clip_id, label, name, split))
    kept = _sounding(folder, listed) if settings.classes == "sound" else {label for _, label, _, _ in listed}
    prefix = source_prefix(settings.directory, path)
    made = table(
        (
            clip_id,
            f"{prefix}/{VIDEOS}/{label}/{name}",
            0.0,
            duration_s(folder / VIDEOS / label / name),
            label,
            split,
            _NAME.fullmatch(name)[1].lower(),  # type: ignore[index]  # as in _rows
        )
        for clip_id, label, name, split in listed
        if label in kept
    )
    remedy = f"Lower options.validation_share, or complete {LISTS}."
    hold_out_validation(made, settings.validation_share, settings.seed, remedy)
    require_known_labels(made, where)
    return made


def _rows(listing: Path) -> list[tuple[int, str, str]]:
    """Return row, class and file name of each line: ``Class/v_Class_g01_c01.avi``, and a number in training lists."""
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{listing} cannot be read: {error}. {_GET}") from None
    rows = []
    for row, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        label, _, name = line.split()[0].partition("/")
        if not _NAME.fullmatch(name) or "/" in name or label in ("", ".", ".."):
            raise UserError(f"{listing}, row {row}: {line!r} is not Class/v_Class_g01_c01.avi. Get the lists again.")
        rows.append((row, label, name))
    if not rows:
        raise UserError(f"{listing} is empty. {_GET}")
    return rows


def _sounding(folder: Path, listed: list[tuple[str, str, str, str]]) -> set[str]:
    """Return the classes with sound, and print how many have none."""
    heard: dict[str, list[bool]] = defaultdict(list)
    for _, label, name, _ in listed:
        heard[label].append(has_sound(folder / VIDEOS / label / name))
    kept = {label for label, found in heard.items() if sum(found) >= _ENOUGH * len(found)}
    silent = sorted(set(heard) - kept)
    print(f"UCF101: {len(kept)} of {len(heard)} classes have sound; left out are {', '.join(silent) or 'none'}")
    if not kept:
        raise UserError(f"{folder / VIDEOS}: no class has sound. Is it a copy without? Or set options.classes: all.")
    return kept
