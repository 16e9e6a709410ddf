"""Your own files: a folder with a sub-folder per class, or a CSV that lists the clips."""

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from avbench.config.yaml_text import advice_on_path
from avbench.core.errors import UserError
from avbench.core.files import as_utf8, is_ordinary
from avbench.data.manifest import COLUMNS, RECORDING, SPLITS
from avbench.data.media.clip import is_url
from avbench.data.media.durations import UNKNOWN_S, duration_s
from avbench.datasets.lists import (
    plain_labels,
    plain_sets,
    read_rows,
    require_folder,
    require_known_labels,
    require_unique,
    source_prefix,
    table,
)
from avbench.datasets.splits import stratified


def _extensions(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# What FFmpeg reads of sound and of pictures, by the extensions in use; GIF and WebP are pictures without sound.
AUDIO = _extensions(
    ".3ga .aac .ac3 .aif .aifc .aiff .amr .ape .au .caf .dts .eac3 .flac .m4a .m4b .m4r .mka .mp2 .mp3 .mpc .mpga"
    " .oga .ogg .oma .opus .rf64 .sph .snd .spx .tta .voc .w64 .wav .wave .weba .wma .wv"
)
VIDEO = _extensions(
    ".3g2 .3gp .3gpp .amv .asf .avi .divx .dv .f4v .flv .gif .ivf .m1v .m2p .m2t .m2ts .m2v .m4v .mjpg .mk3d .mkv"
    " .mod .mov .mp4 .mpe .mpeg .mpg .mpv .mts .mxf .nut .ogm .ogv .ogx .qt .rm .rmvb .tod .trp .ts .vob .webm .webp"
    " .wmv .wtv"
)


# Folders that file systems, NAS boxes and archives put among one's own; those with a dot are left out anyway.
SYSTEM = (
    *("__MACOSX", "@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", "@tmp"),
    *("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "lost+found"),
)
_NAMES = (*COLUMNS, RECORDING)  # of a list
_REMEDY = (
    "Add clips of these, move their folders or rows away, set test_share and validation_share to 0, or say of each "
    "clip which split it belongs to. (Clips of one recording stay together: the column recording of a list, or else "
    "its source.)"
)


@dataclass(frozen=True)
class FolderSettings:
    """Where the clips are, and how those without a split are split.

    Attributes:
        directory: holds one folder per class, or folders ``train``, ``validation``, ``test`` that do.
        list: instead, a CSV with the manifest's columns; see :func:`manifest`.
        validation_share: share of each label's clips that is for validation, where nothing else says so.
        test_share: the same for test.
        seed: another seed chooses other clips.
        multi_label: whether a list's labels are several per clip, see :mod:`avbench.data.label_sets`.
    """

    directory: str | None = None
    list: str | None = None
    validation_share: float = 0.15
    test_share: float = 0.15
    seed: int = 0
    multi_label: bool = False


def manifest(settings: FolderSettings, path: Path) -> pd.DataFrame:
    """Return the manifest of a folder or of a list.

    A list needs the columns ``source`` (a path, relative to the list's folder, or absolute) and ``label``. A
    missing column or an empty cell takes its default: ``clip_id`` the source, ``start_s`` 0, ``duration_s``
    the rest of the file after the start, ``split`` by keyed hash, ``recording`` the source. In a folder, ids are paths
    within it, and every file is a recording.

    Recordings of clips without a split are dealt out, label by label, to test, validation and training by a hash of
    their name, or of the id of their only clip; clips with several labels all together. A split that is given to any
    clip takes no others but those of its recording.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.

    Raises:
        UserError: nothing is there, the folders are laid out otherwise, or a row breaks a rule.
    """
    left_out: Counter[str] = Counter()
    if settings.list is not None and settings.directory is None:
        origin = settings.list
        clips, where, groups = _listed(Path(origin), path)
    elif settings.directory is not None and settings.list is None:
        origin = settings.directory
        clips, where, left_out = _found(origin, path)
        groups = [clip[0] for clip in clips]
    else:
        raise UserError("options: exactly one of directory and list must be given.")
    if not clips:
        raise UserError(f"{origin} holds no clips.")
    made = table(clips)
    made["label"] = (plain_sets if settings.multi_label else plain_labels)(made.label.tolist(), origin)
    given = set(made.split) - {""}
    shares = {"test": settings.test_share, "validation": settings.validation_share}
    made["split"] = _followed(made.split.tolist(), groups)
    unsplit = made.split == ""
    made.loc[unsplit, "split"] = stratified(
        [group for group, chosen in zip(groups, unsplit, strict=True) if chosen],
        ([""] * unsplit.sum() if settings.multi_label else made.label[unsplit].tolist()),  # many sets are of one clip
        {split: share for split, share in shares.items() if split not in given},
        settings.seed,
        _REMEDY,
    )
    require_known_labels(made, where, settings.multi_label)
    made.attrs["left_out"] = dict(sorted(left_out.items()))
    return made


def _followed(splits: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Give clips without a split that of their recording's other clips; of several the one nearest to training."""
    side: dict[str, str] = {}
    for split in reversed(SPLITS):
        side |= {group: split for group, given in zip(groups, splits, strict=True) if given == split}
    return [split or side.get(group, "") for split, group in zip(splits, groups, strict=True)]


# --------------------------------------------------------------------------------------------------- a folder


def _found(directory: str, path: Path) -> tuple[list[tuple], dict[str, str], Counter[str]]:
    root = require_folder(directory, "Set options.directory to the folder of your clips.")
    prefix = source_prefix(directory, path)
    clips, where, skipped = [], {}, []
    for split, folder in _parts(root):
        for class_folder in _folders(folder):
            members = [entry for entry in _entries(class_folder) if not os.path.isdir(entry)]
            media = [entry.name for entry in members if entry.suffix.lower() in AUDIO + VIDEO]
            skipped += [entry for entry in members if entry.name not in set(media)]
            if nested := _folders(class_folder):
                raise UserError(
                    f"the class folder {class_folder} holds the folder {nested[0].name!r}. A class "
                    f"holds files only; folders above the classes are named {', '.join(SPLITS)}. For any "
                    "other layout write a list."
                )
            if not media:
                raise UserError(f"the class folder {class_folder} holds no audio or video. Fill or delete it.")
            for name in media:
                clip_id = str((class_folder / name).relative_to(root))
                duration = _length_s(class_folder / name)
                clips.append((_utf8(clip_id), f"{prefix}/{clip_id}", 0.0, duration, class_folder.name, split))
                where[clip_id] = clip_id
    places = [root, *(place for _, folder in _parts(root) for place in (folder, *_folders(folder)))]
    if system := [name for name in SYSTEM if any(os.path.lexists(place / name) for place in places)]:
        print(f"{root}: left out the system's folders {', '.join(system)}")
    kinds = Counter(as_utf8(entry.suffix.lower()) or "none" for entry in skipped)
    if skipped:
        what = ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common())
        print(f"{root}: left out {len(skipped)} files with other extensions: {what}; such as {skipped[0].name!r}")
    return clips, where, kinds


def _parts(root: Path) -> list[tuple[str, Path]]:
    """Return (split, folder of classes); the split is empty where there are no folders for splits.

    A folder named like a split holds folders, so a class may be called ``train``.
    """
    folders = _folders(root)
    parts = [(folder.name, folder) for folder in folders if folder.name in SPLITS and _folders(folder)]
    if not parts:
        return [("", root)]
    if other := [folder.name for folder in folders if folder.name not in dict(parts)]:
        raise UserError(
            f"{root} holds {parts[0][0]!r}, a folder of classes, beside {other[0]!r}. Put every class into "
            f"one of {', '.join(SPLITS)}, or none."
        )
    if "train" not in dict(parts):
        raise UserError(f"{root} has no folder 'train' beside {parts[0][0]!r}. Add it.")
    # Where a split has no folder, training clips are dealt out to it.
    complete = len(parts) == len(SPLITS)
    return [("" if split == "train" and not complete else split, folder) for split, folder in parts]


def _entries(folder: Path) -> Iterator[Path]:
    """Yield what a folder holds, by name; names that begin with a dot are the system's, and so are those of ``SYSTEM``.

    Raises:
        UserError: the folder cannot be read.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(
            f"the folder {folder} cannot be read: {error.strerror}. Make it readable, or move it away."
        ) from None
    return (folder / name for name in names if not name.startswith(".") and name not in SYSTEM)


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if os.path.isdir(entry)]


def _utf8(name: str) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"the file name {name!r} is not UTF-8, and a manifest is. Rename the file.") from None
    return name


# ----------------------------------------------------------------------------------------------------- a list


def _listed(listing: Path, path: Path) -> tuple[list[tuple], dict[str, str], list[str]]:
    """Return the clips, where each is listed, and the recording of each by a name that is the same on every machine."""
    clips: list[tuple] = []
    files: list[str] = []
    numbers: list[int] = []
    prefix = source_prefix(listing.parent, path)
    for row, cells in read_rows(listing, ("source", "label")):
        if not clips:
            _leave_out(listing, [name for name in cells if name not in _NAMES])
        if not is_url(cells["source"]) and (advice := advice_on_path(cells["source"])):
            raise UserError(f"{listing}, row {row}: the source is {cells['source']!r}.{advice}")
        source, split = cells["source"], cells.get("split") or ""
        if split not in (*SPLITS, ""):
            raise UserError(
                f"{listing}, row {row}: split is {split!r}; it must be one of {', '.join(SPLITS)} or empty."
            )
        start = _seconds(listing, row, "start_s", cells.get("start_s") or "0")
        if cells.get("duration_s"):
            duration = _seconds(listing, row, "duration_s", cells["duration_s"])
            if duration == 0:
                raise UserError(f"{listing}, row {row}: duration_s is 0. Leave it empty for the rest of the file.")
        else:
            whole = _length_s(listing.parent / source)
            # A start after the end is for the ledger to report.
            duration = round(whole - start, 6) if whole > start else whole
        place = source if is_url(source) or Path(source).is_absolute() else f"{prefix}/{source}"
        recording = [cells[RECORDING].strip()] if RECORDING in cells else []
        clips.append((cells.get("clip_id") or source, place, start, duration, cells["label"], split, *recording))
        files.append(source if is_url(source) else os.path.normpath(source))
        numbers.append(row)
    ids = [clip[0] for clip in clips]
    remedy = "Give each clip its own clip_id."
    require_unique(listing, zip(numbers, ids, strict=True), remedy)
    held = Counter(files)
    groups = [
        next(iter(clip[len(COLUMNS) :]), "") or (file if held[file] > 1 else clip[0])
        for clip, file in zip(clips, files, strict=True)
    ]
    return clips, {clip_id: f"{listing}, row {row}" for clip_id, row in zip(ids, numbers, strict=True)}, groups


def _length_s(path: Path) -> float:
    """Return how long a file lasts; one that is none is not opened, and ends in the ledger."""
    return duration_s(path) if is_ordinary(path) else UNKNOWN_S


def _leave_out(listing: Path, names: list[str]) -> None:
    """Say which columns are not a manifest's; one that looks like a slip of the pen is refused."""
    for name in names:
        if meant := get_close_matches(name.lower(), _NAMES, 1, 0.75):
            raise UserError(f"{listing} has the column {name!r}. Name it {meant[0]!r}, or something unlike it.")
    if names:
        print(f"{listing}: left out the columns {', '.join(names)}; a manifest has {', '.join(_NAMES)}")


def _seconds(listing: Path, row: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UserError(f"{listing}, row {row}: {column} is {text!r}; it must be a number of seconds, 0 or more.")
    return value
