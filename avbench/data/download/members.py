"""The members of zip and tar archives that are not trusted; of a damaged one, those that can still be read."""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from avbench.core.errors import UserError
from avbench.data.download.tar_stream import next_header, open_tar
from avbench.data.download.zip_salvage import ZIP, local_members

_MAGICS = (ZIP, b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_MAX_GAPS = 100  # of one tar, each of which is read from its beginning if it is compressed
_BLOCK = 512
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,  # of gzip and bz2; nothing is written where this is caught
    ValueError,
    OverflowError,
    RecursionError,  # headers that each announce another
)
_UNREADABLE = (
    RuntimeError,  # encrypted
    NotImplementedError,  # compressed in a way that is not known here
)


class DamagedError(UserError):
    """An archive, or one of its members, is not what it should be: ``reason`` says it in a few words."""

    def __init__(self, archive: Path, reason: str) -> None:
        super().__init__(
            f"{archive} is damaged, encrypted or no archive: {reason}. Delete it and what was unpacked from it, and "
            "get it again."
        )
        self.reason = reason


@dataclass
class Damage:
    """What is wrong with an archive.

    Attributes:
        reason: the first fault, in a few words; empty while there is none.
        lost: the files that it has cost, by the names that they would have had.
        unnamed: whether there are more of them, or may be, whose names cannot be told.
    """

    reason: str = ""
    lost: list[str] = field(default_factory=list)
    unnamed: bool = False

    def note(self, reason: str, unnamed: bool) -> None:
        """Note a fault."""
        self.reason = self.reason or reason
        self.unnamed |= unnamed

    def lose(self, name: str, reason: str) -> None:
        """Note a file that is lost."""
        self.note(reason, unnamed=False)
        self.lost.append(name)


@dataclass(frozen=True)
class Member:
    """A file or folder of an archive.

    Attributes:
        name: its path in the archive.
        size: bytes that it says it has.
        crc: CRC-32 of these; a tar has none.
        folder: whether it is one.
        file: whether it is neither folder nor link nor device.
        open: gives its bytes.
    """

    name: str
    size: int
    crc: int | None
    folder: bool
    file: bool
    open: Callable[[], IO[bytes]]


@contextmanager
def opened(archive: Path, damage: Damage | None = None) -> Iterator[Iterable[Member]]:
    """Give an archive's members: a list, or what yields them one after the other.

    Args:
        archive: a zip, or a tar, plain or compressed by gzip, bzip2 or xz.
        damage: where to note what is damaged. Members before a fault are given, those behind it wherever their
            beginning can be found: in a zip without its directory, and in a tar whose stream can be decompressed.

    Raises:
        DamagedError: it is damaged and ``damage`` is not given, or no archive at all.
        UserError: there is no such file, or it is of a kind that is refused.
    """
    if not archive.is_file():
        raise UserError(f"{archive} is no file. Check the dataset's options.")
    with archive.open("rb") as stream:
        magic = stream.read(6)
    # Not zipfile.is_zipfile, which takes a tar that ends with a zip for a zip.
    if magic[:4] not in (ZIP, b"PK\x05\x06"):
        if damage is not None and not magic.startswith(_MAGICS) and next_header(archive, 0) != 0:
            damage = None  # no archive
        yield _of_tar(archive, damage)
        return
    try:
        zipped = zipfile.ZipFile(archive)
    except DAMAGED as error:
        if damage is None:
            raise damaged(archive, error) from error
        damage.note(_said(error), unnamed=True)
        with local_members(archive) as found:
            yield (Member(m.name, m.size, m.crc, m.name.endswith("/"), True, m.open) for m in found)
        return
    with zipped:
        if any(info.compress_type == zipfile.ZIP_LZMA for info in zipped.infolist()):
            raise damaged(archive, "it is compressed by LZMA, which asks for any amount of memory")
        yield [_of_zip(zipped, info) for info in zipped.infolist()]


def _of_zip(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the zip was not made on Unix
    return Member(
        info.filename,
        info.file_size,
        info.CRC,
        folder=info.is_dir(),
        file=kind in (0, stat.S_IFREG),
        open=lambda: zipped.open(info),
    )


def _of_tar(archive: Path, damage: Damage | None) -> Iterator[Member]:
    start: int | None = 0
    for _ in range(_MAX_GAPS):
        end = start = start or 0
        complete = False
        try:
            with open_tar(archive, start) as members:
                for tar, info in members:
                    lost = len(damage.lost) if damage else 0  # by whoever reads the members
                    end = info.offset_data
                    yield Member(
                        info.name,
                        info.size,
                        None,
                        folder=info.isdir(),
                        # A sparse file is mostly not there; tar writes one only if it is told to.
                        file=info.isreg() and not info.issparse(),
                        open=partial(_content, tar, info),
                    )
                    if damage and len(damage.lost) > lost:
                        raise EOFError(f"{info.name!r} ends too early")
                    end += -(-info.size // _BLOCK) * _BLOCK
                complete = True
        except DAMAGED as error:
            if damage is None:
                raise damaged(archive, error) from error
            # Whoever reads to the marked end misses no member, whatever the checksum of the stream says then.
            damage.note(_said(error), unnamed=not _ends(error))
            complete = _ends(error)
        if complete or (start := next_header(archive, max(end, start + _BLOCK))) is None:
            return


def _ends(error: Exception) -> bool:
    return bool(getattr(error, "after_the_end", False))


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(info)
    if stream is None:
        raise tarfile.ReadError(f"{info.name!r} is a folder or a device")
    return stream


def chunks(archive: Path, member: Member, size: int) -> Iterator[bytes]:
    """Yield a member's bytes, so many at a time; checksums are checked at the end.

    Raises:
        DamagedError: they are not what they should be.
        UserError: they cannot be read by anybody without more knowledge: encrypted, or of an unknown compression.
    """
    try:
        crc = 0
        with member.open() as stream:
            while chunk := stream.read(size):
                crc = zlib.crc32(chunk, crc)
                yield chunk
        if member.crc not in (None, crc):
            raise zipfile.BadZipFile("its checksum is wrong")
    except DAMAGED as error:
        raise damaged(archive, f"{member.name!r}: {error}") from error
    except _UNREADABLE as error:
        raise UserError(str(damaged(archive, f"{member.name!r}: {error}"))) from error


def damaged(archive: Path, reason: object) -> DamagedError:
    """Return the error for an archive that is not what it should be."""
    return DamagedError(archive, _said(reason))


def _said(reason: object) -> str:
    return str(reason).partition("\n")[0].rstrip(".:") or "it ends too early"
