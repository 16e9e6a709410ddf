"""AVE (Tian et al. 2018): ten-second clips of 28 audio-visual events, from AudioSet's YouTube videos."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avbench.core.errors import UserError
from avbench.datasets.lists import read_rows, require_folder, require_known_labels, source_prefix, table

CLIP_S = 10.0
TOP, VIDEOS = "AVE_Dataset", "AVE"
LISTS = {"trainSet.txt": "train", "valSet.txt": "validation", "testSet.txt": "test"}
_COLUMNS = ("Category", "VideoID", "Quality", "StartTime", "EndTime")
_GET = f"Set options.directory to the extracted {TOP}, with the folder {VIDEOS} and {', '.join(LISTS)}."


@dataclass(frozen=True)
class AveSettings:
    """Where the set is.

    Attributes:
        directory: the extracted set; its lists lie in it directly, or in its folder ``TOP``.
    """

    directory: str


def manifest(settings: AveSettings, path: Path) -> pd.DataFrame:
    """Return the manifest: the official splits, a clip for each video and event. The recording is the YouTube id.

    A video that is listed with two events is a clip of each, ``{id}+{event}``; one that is listed in two splits counts
    for the later of train, validation and test, which is printed.

    Args:
        settings: the dataset's options.
        path: where the manifest will be.

    Raises:
        UserError: a file or folder is missing, or a list breaks a rule.
    """
    directory = settings.directory
    folder = require_folder(directory, _GET)
    if (folder / TOP / "trainSet.txt").is_file():
        folder, directory = folder / TOP, f"{directory}/{TOP}"
    require_folder(folder / VIDEOS, _GET)
    found: dict[tuple[str, str], tuple[str, str]] = {}  # video, event → split, where it is listed
    moved = []
    for name, split in LISTS.items():
        for row, cells in _rows(folder / name):
            video, event = cells["VideoID"], cells["Category"]
            if "/" in video or "\0" in video or video in (".", ".."):
                raise UserError(f"{folder / name}, row {row}: {video!r} is no YouTube id. Get the lists again.")
            if (video, event) in found and found[video, event][0] != split:
                moved.append(video)
            found[video, event] = split, f"{folder / name}, row {row}"
    if moved:
        print(f"AVE: {len(moved)} videos are listed in two splits, such as {moved[0]!r}; each counts for the later one")
    events: dict[str, int] = {}
    for video, _ in found:
        events[video] = events.get(video, 0) + 1
    prefix = source_prefix(directory, path)
    where, clips = {}, []
    for (video, event), (split, at) in found.items():
        clip_id = video if events[video] == 1 else f"{video}+{event}"
        clips.append((clip_id, f"{prefix}/{VIDEOS}/{video}.mp4", 0.0, CLIP_S, event, split, video))
        where[clip_id] = at
    made = table(clips)
    require_known_labels(made, where)
    return made


def _rows(listing: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a list, whose fields are separated by ``&``; a header may be there or not."""
    rows = list(read_rows(listing, _COLUMNS, "&", header=False))
    return [(row, cells) for row, cells in rows if tuple(cells.values()) != _COLUMNS]
