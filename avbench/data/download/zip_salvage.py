"""The members of a zip whose directory, at its end, is lost: each is found by the header in front of it."""

import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ZIP = b"PK\x03\x04"  # APPNOTE.TXT 4.3.7, local file header; by 4.3.9 a descriptor may follow the data
_DESCRIPTOR = b"PK\x07\x08"
_HEADER = struct.Struct("<4s5H3I2H")
_ZIP64, _UNKNOWN = 1, 0xFFFFFFFF
_STORED, _DEFLATED = 0, 8
_CHUNK = 1 << 20


@dataclass(frozen=True)
class LocalMember:
    """A member as its local header describes it: path, bytes, CRC-32, and where its data lie in the archive."""

    name: str
    size: int
    crc: int
    start: int
    stop: int
    deflated: bool
    archive: Any

    def open(self) -> IO[bytes]:
        """Give its bytes."""
        return _Inflated(self) if self.deflated else _Slice(self)  # type: ignore[return-value]

    def intact(self) -> bool:
        """Return whether its bytes are as many as it says, and have their checksum."""
        crc = size = 0
        try:
            with self.open() as stream:
                while (chunk := stream.read(_CHUNK)) and size <= self.size:
                    crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        except (EOFError, zlib.error):
            return False
        return (crc, size) == (self.crc, self.size)


class _Slice:
    """Reads the data of a member that is not compressed."""

    def __init__(self, member: LocalMember) -> None:
        self._archive, self._place, self._stop = member.archive, member.start, member.stop

    def __enter__(self) -> "_Slice":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, size: int) -> bytes:
        data = self._archive[self._place : min(self._stop, self._place + size)]
        self._place += len(data)
        return data


class _Inflated(_Slice):
    """Reads and decompresses the data of a member."""

    def __init__(self, member: LocalMember) -> None:
        super().__init__(member)
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, size: int) -> bytes:
        while not self._inflate.eof:
            raw = self._inflate.unconsumed_tail or super().read(_CHUNK)
            if data := self._inflate.decompress(raw, size):
                return data
            if not raw:
                raise EOFError("it ends too early")
        return b""


@contextmanager
def local_members(archive: Path) -> Iterator[Iterator[LocalMember]]:
    """Give the members that a zip's local headers describe, in their order; the reader checks their checksums.

    Left out are those that are encrypted, neither stored nor deflated, or cut off.
    """
    with archive.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        yield _found(mapped)


def _found(archive: mmap.mmap) -> Iterator[LocalMember]:
    place = archive.find(ZIP)
    while place >= 0:
        member = _at(archive, place)
        if member is not None:
            yield member
        # What lies in an intact member is not looked into: it may be a zip itself.
        place = archive.find(ZIP, member.stop if member is not None and member.intact() else place + len(ZIP))


def _at(archive: mmap.mmap, place: int) -> LocalMember | None:
    if place + _HEADER.size > len(archive):
        return None
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _HEADER.unpack_from(archive, place)
    start = place + _HEADER.size + name_length + extra_length
    if flags & 1 or method not in (_STORED, _DEFLATED) or start > len(archive):
        return None
    raw = archive[place + _HEADER.size : place + _HEADER.size + name_length]
    name = raw.decode("utf-8" if flags & 0x800 else "cp437", "surrogateescape")
    if _UNKNOWN in (packed, size):
        extra = archive[start - extra_length : start]
        size, packed = _large(extra, size, packed)
    if flags & 8:
        if (described := _described(archive, start)) is None:
            return None
        crc, packed, size = described
    if start + packed > len(archive):
        return None
    return LocalMember(name, size, crc, start, start + packed, method == _DEFLATED, archive)


def _large(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """Return the sizes that a ZIP64 field holds in the place of those that do not fit (4.5.3)."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == _ZIP64 and length >= 16:
            return struct.unpack_from("<2Q", extra, place + 4)
        place += 4 + length
    return size, packed


def _described(archive: mmap.mmap, start: int) -> tuple[int, int, int] | None:
    """Return CRC-32, compressed and true size of the descriptor behind data: the first that tells its own place."""
    place = archive.find(_DESCRIPTOR, start)
    while place >= 0:
        for form in ("<3I", "<I2Q"):
            if place + 4 + struct.calcsize(form) <= len(archive):
                crc, packed, size = struct.unpack_from(form, archive, place + 4)
                if packed == place - start:
                    return crc, packed, size
        place = archive.find(_DESCRIPTOR, place + 1)
    return None
