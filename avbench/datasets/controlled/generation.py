"""Generation of a set's media files, whole or in shards."""

from pathlib import Path

from tqdm import tqdm

from avbench.datasets.controlled.classes import clips
from avbench.datasets.controlled.encoding import write_clip
from avbench.datasets.controlled.options import ControlledSettings
from avbench.datasets.controlled.render import render


def generate(
    settings: ControlledSettings,
    directory: str | Path,
    shard: int = 0,
    shards: int = 1,
    progress: bool = False,
) -> int:
    """Write the media files of one shard (``avbench.core.hashing.shard_of``) that are missing; return how many.

    Files appear whole, so a killed run goes on where it was. Other settings write to another folder (see
    :func:`avbench.datasets.controlled.classes.fingerprint`), so that a file that is there need not be looked at.

    Raises:
        UserError: there is no such shard, or a file cannot be written.
    """
    directory = Path(directory)
    todo = [clip for clip in clips(settings, shard, shards) if not (directory / clip.source).exists()]
    for clip in tqdm(todo, desc=f"{settings.name} {shard + 1}/{shards}", unit="clip", disable=not progress):
        frames, sound, _ = render(settings, clip.label_index, clip.split, clip.k)
        write_clip(directory / clip.source, settings, frames, sound)
    return len(todo)
