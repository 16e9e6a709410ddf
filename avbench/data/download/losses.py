"""What damaged archives have cost a folder of clips: a hidden file in the folder for each of them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avbench.core.errors import UserError
from avbench.core.files import write_json
from avbench.data.download.archives import extract_clips
from avbench.data.download.members import Damage

PREFIX = ".damaged-"


@dataclass(frozen=True)
class Loss:
    """What one damaged archive has cost.

    Attributes:
        archive: its name.
        reason: what is wrong with it.
        files: the names of the files that are lost.
        unnamed: whether there are more of them, or may be, whose names cannot be told.
    """

    archive: str
    reason: str
    files: tuple[str, ...]
    unnamed: bool

    def names(self, stems: list[str]) -> bool:
        """Return whether one of the files that are known to be lost has one of these names, without extension."""
        return bool({Path(name).stem for name in self.files} & set(stems))

    def cost(self, stems: list[str], folder: str) -> str:
        """Say that a clip which is not in a folder was in the archive, or may have been; nothing where it was not.

        Args:
            stems: the names that the clip may have, without extension.
            folder: where it was looked for.
        """
        damaged = f"no file of the clip in {folder}: {self.archive} is damaged ({self.reason})"
        if self.names(stems):
            return f"{damaged}, and the clip is one of those that this has cost"
        return f"{damaged}, and the clip may be one of those behind the damage, whose names are lost" * self.unnamed


def unpack_clips(
    archive: Path, folder: Path, accept: Callable[[str], str | None], name: str | None = None
) -> dict[str, Any]:
    """Unpack the clips of an archive, all that are intact of a damaged one, and note in the folder what is lost.

    Args:
        archive, folder, accept: see :func:`avbench.data.download.archives.extract_clips`.
        name: what the archive is called; its path by default.

    Returns:
        ``clips``, how many files of it are in place; of a damaged one also ``damage``, what is wrong with it, ``lost``,
        how many it is known to have cost, and ``more_lost``, whether there may be more.

    Raises:
        UserError: see :func:`avbench.data.download.archives.extract_clips`.
    """
    damage = Damage()
    placed = extract_clips(archive, folder, accept, damage=damage)
    place = hashlib.blake2b((name or str(archive)).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    beside = folder / f"{PREFIX}{place}.json"
    if not damage.reason:
        beside.unlink(missing_ok=True)
        return {"clips": placed}
    write_json(beside, asdict(Loss(name or archive.name, damage.reason, tuple(damage.lost), damage.unnamed)))
    lost = f"at least {len(damage.lost)}" if damage.unnamed else str(len(damage.lost))
    print(f"{archive} is damaged: {damage.reason}. {placed} clips are taken from it, {lost} are lost", flush=True)
    return {"clips": placed, "damage": damage.reason, "lost": len(damage.lost), "more_lost": damage.unnamed}


def read_loss(path: Path) -> Loss:
    """Read what :func:`unpack_clips` noted.

    Raises:
        UserError: the file is damaged.
    """
    try:
        values = json.loads(path.read_bytes())
        return Loss(values["archive"], values["reason"], tuple(values["files"]), values["unnamed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read: {error}. Delete it, and unpack the folder's archives again."
        ) from error
