"""Unpacking zip and tar archives that are not trusted: nothing outside the folder, no links, nothing endless."""

import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from avbench.core.errors import UserError
from avbench.core.files import as_utf8
from avbench.data.download.members import Damage, DamagedError, Member, chunks, damaged, opened

MAX_BYTES = 10**12
MAX_MEMBERS = 5_000_000
_CHUNK = 1 << 20
_SHOWN = 10  # members left out that are named


def extract(archive: Path, folder: Path, max_bytes: int = MAX_BYTES) -> int:
    """Unpack an archive into a folder, with the paths that its members have.

    Members that cannot be taken for what they are (links, devices, absolute paths, paths through ``..``, names that
    no file can have, a second member of one name) are left out and printed. Each file appears whole or not at all;
    it outlasts a crash of the machine only once the caller has flushed it (``os.sync``). Files that are there
    already with the member's size and checksum are kept, so that a killed extraction goes on. A tar has no
    checksums: there, the size decides.

    Args:
        archive: a zip, or a tar, plain or compressed by gzip, bzip2 or xz.
        folder: where to unpack to.
        max_bytes: what all members together may have.

    Returns:
        The number of the archive's files that are in place.

    Raises:
        UserError: the archive is missing, damaged or encrypted, or too large for the bound or for the disk.
    """
    return _unpack(archive, folder, lambda name: name, max_bytes)


def extract_clips(
    archive: Path,
    folder: Path,
    accept: Callable[[str], str | None],
    max_bytes: int = MAX_BYTES,
    damage: Damage | None = None,
) -> int:
    """Unpack those files of an archive that are wanted, all into one folder, whatever paths they have in it.

    In all else like :func:`extract`.

    Args:
        archive: see :func:`extract`.
        folder: where to unpack to.
        accept: given the last part of a member's path, returns the name of the file to write, or None to leave
            the member out.
        max_bytes: what all accepted members together may have.
        damage: where to note what is damaged, and the names of the files that it has cost: every intact member is
            taken then (see :func:`avbench.data.download.members.opened`). Without it, damage is an error.

    Returns:
        The number of accepted files that are in place.

    Raises:
        UserError: see :func:`extract`; or no file of the archive is accepted, and it is not damaged.
    """
    placed = _unpack(archive, folder, lambda name: accept(name.rsplit("/", 1)[-1]), max_bytes, damage)
    if not placed and not (damage and damage.reason):
        raise UserError(f"{archive} holds no clip. It is another archive, or packed in another way: look into it.")
    return placed


def _unpack(
    archive: Path, folder: Path, choose: Callable[[str], str | None], max_bytes: int, damage: Damage | None = None
) -> int:
    scratch = folder / f".{archive.name[:100]}.part"  # one: what a killed job leaves is overwritten by the next
    refused = _Refused()
    placed = total = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with opened(archive, damage) as members:
            pairs: Iterable[tuple[Member, Path]] = _targets(members, folder, choose, refused)
            if isinstance(members, list):  # a zip says beforehand what is in it
                pairs = list(pairs)
                missing = sum(m.size for m, target in pairs if not (target.is_file() and _size(target) == m.size))
                _require_room(archive, folder, sum(m.size for m, _ in pairs), missing, max_bytes)
            for member, target in pairs:
                total += member.size
                if not _same(target, member):
                    _require_room(archive, folder, total, member.size, max_bytes)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    try:
                        _write(archive, member, scratch)
                    except DamagedError as error:
                        if damage is None:
                            raise
                        damage.lose(as_utf8(str(target.relative_to(folder))), error.reason)
                        continue
                    scratch.replace(target)
                placed += 1
    except OSError as error:
        raise UserError(
            f"{archive} cannot be unpacked to {error.filename or folder}: {error.strerror or error}. Check free "
            "space and permissions."
        ) from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
    for line in refused.shown:
        print(f"{archive}: left out {line}")
    if refused.count > _SHOWN:
        print(f"{archive}: left out {refused.count - _SHOWN} more such members")
    print(f"{archive}: {placed} files in {folder}", flush=True)
    return placed


@dataclass
class _Refused:
    """What was left out of an archive, in bounded memory, and how much was seen of it."""

    shown: list[str] = field(default_factory=list)
    count: int = 0
    seen: int = 0

    def add(self, line: str) -> None:
        self.count += 1
        if self.count <= _SHOWN:
            self.shown.append(line)

    def see(self, member: Member) -> None:
        self.seen += 1
        if self.seen > MAX_MEMBERS:
            raise UserError(f"the archive of {member.name[:100]!r} has more than {MAX_MEMBERS} members. Get another.")


def _targets(
    members: Iterable[Member], folder: Path, choose: Callable[[str], str | None], refused: _Refused
) -> Iterator[tuple[Member, Path]]:
    """Yield the chosen members with the files to write, and note the refused ones."""
    taken: set[str] = set()
    for member in members:
        refused.see(member)
        name = None if member.folder else choose(member.name)
        if name is None:
            continue
        parts = [part for part in name.split("/") if part not in ("", ".")]
        name = "/".join(parts)
        if reason := _objection(member, parts) or ("a file of this name came before" if name in taken else ""):
            refused.add(f"{member.name[:1000]!r}: {reason}")
            continue
        taken.add(name)
        yield member, folder.joinpath(*parts)


def _objection(member: Member, parts: list[str]) -> str:
    # tarfile's data filter knows no zip and lets more pass: links and ``..`` within the folder, long names.
    if not member.file:
        return "a link or a device"
    if member.name.startswith("/"):
        return "an absolute path"
    if not parts or any(part == ".." or "\\" in part or "\0" in part for part in parts):
        return "a path that may lead out of the folder"
    if any(len(part.encode("utf-8", "surrogateescape")) > 255 for part in parts):
        return "a name that no file can have"
    return ""


def _size(path: Path) -> int:
    return path.stat().st_size


def _same(target: Path, member: Member) -> bool:
    if not target.is_file() or _size(target) != member.size:
        return False
    if member.crc is None:
        return True
    crc = 0
    with target.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc == member.crc


def _write(archive: Path, member: Member, path: Path) -> None:
    """Write a member's bytes, of which there are as many as it says."""
    with path.open("wb") as stream:
        written = 0
        for chunk in chunks(archive, member, _CHUNK):
            written += len(chunk)
            if written > member.size:
                break  # a bomb, if it were let
            stream.write(chunk)
    if written != member.size:
        raise damaged(archive, f"{member.name!r} has other than the {member.size} bytes that it should")


def _require_room(archive: Path, folder: Path, total: int, new: int, max_bytes: int) -> None:
    if total > max_bytes:
        raise UserError(
            f"{archive} holds at least {total} bytes, and {max_bytes} are allowed. It is no archive of a dataset; "
            "get the right one."
        )
    free = shutil.disk_usage(folder).free
    if new > free:
        raise UserError(
            f"{archive} needs {new / 1e9:.1f} GB more in {folder}, and {free / 1e9:.1f} GB are free. Make room."
        )
