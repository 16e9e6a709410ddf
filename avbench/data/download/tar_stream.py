"""Reading tar archives that are not trusted, member by member, in bounded memory.

Compressed a thousandfold, a header can be as large as the memory: names, attributes and maps of sparse files are read
whole, and each member is remembered. Here the headers of a member are bounded, and none is remembered.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

MAX_HEADER = 1 << 20  # bytes that lead to a member: names of files have up to 4,096
MAX_ATTRIBUTES = 1000  # that hold for all members
_XZ_MEMORY = 256 << 20  # what xz -9 writes needs 65 MB
_CHUNK = 1 << 20


class AfterTheEndError(EOFError):
    """The members are all there, and what follows them is damaged: the checksum of the compressed stream."""

    after_the_end = True


@contextmanager
def open_tar(archive: Path, start: int = 0) -> Iterator[Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]]:
    """Give the members of a tar, plain or compressed by gzip, bzip2 or xz, in their order.

    Each must be read before the next one is taken. After the last one, all that follows is read, for its checksums.

    Args:
        archive: the tar.
        start: where the first of them begins in the decompressed stream; a place that :func:`next_header` returned.

    Raises:
        tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error: it is damaged, ends too early, or asks for more
            memory than it may have.
    """
    with _decompressed(archive) as stream:
        if start:
            stream.seek(start)
        metered: Any = _Metered(stream)
        with tarfile.TarFile(fileobj=metered, tarinfo=_Header) as tar:
            yield _members(tar)


def _members(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    while True:
        metered: Any = tar.fileobj
        with metered.bounded():
            info = tar.next()
        tar.members.clear()  # type: ignore[attr-defined]  # typeshed leaves it out
        if info is None:
            break
        if len(tar.pax_headers) > MAX_ATTRIBUTES:
            raise tarfile.ReadError(f"it has more than {MAX_ATTRIBUTES} attributes that hold for all members")
        yield tar, info
    if not _Header.end_is_marked(tar):
        raise EOFError("its end is missing")
    try:
        while metered.read(_CHUNK):
            pass  # to the checksum of the compressed stream, which is at its end
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise AfterTheEndError(str(error)) from error


def next_header(archive: Path, start: int) -> int | None:
    """Return where the next header of a tar begins, by its checksum: at ``start`` or behind it, in whole blocks.

    None if there is none, or the compressed stream breaks off before one.
    """
    block = tarfile.BLOCKSIZE
    with _decompressed(archive) as stream:
        try:
            stream.seek(start)
            while len(data := stream.read(_CHUNK)) >= block:
                for place in range(0, len(data) - block + 1, block):
                    if data[place + 257 : place + 262] == b"ustar" and _is_header(data[place : place + block]):
                        return start + place
                start += len(data)
        except (EOFError, OSError, lzma.LZMAError, zlib.error):
            pass
    return None


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


class _Header(tarfile.TarInfo):
    """Notes whether the last header that was read marks the end: tarfile takes one that it cannot read for the end."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        metered: Any = tar.fileobj
        metered.ended = False
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # typeshed leaves it out
            metered.ended = True
            raise

    @staticmethod
    def end_is_marked(tar: tarfile.TarFile) -> bool:
        metered: Any = tar.fileobj
        return metered.ended


class _Metered:
    """A stream of which a header may not read more than it should."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left = stream, MAX_HEADER  # tarfile reads the first header when it opens
        self._bounded = True
        self.ended = False

    @contextmanager
    def bounded(self) -> Iterator[None]:
        self._bounded, self._left = True, MAX_HEADER
        try:
            yield
        finally:
            self._bounded = False

    def read(self, size: int = -1) -> bytes:
        if self._bounded:
            if size < 0 or size > self._left:
                raise tarfile.ReadError(f"a member has headers of more than {MAX_HEADER >> 20} MB")
            self._left -= size
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        pass  # whoever opened it does


@contextmanager
def _decompressed(archive: Path) -> Iterator[IO[bytes]]:
    with archive.open("rb") as raw:
        magic = raw.read(6)
        raw.seek(0)
        stream: Any = raw
        if magic.startswith(b"\x1f\x8b"):
            stream = gzip.GzipFile(fileobj=raw)
        elif magic.startswith(b"BZh"):
            stream = bz2.BZ2File(raw)
        elif magic.startswith(b"\xfd7zXZ\0"):
            stream = io.BufferedReader(_Xz(raw), _CHUNK)
        yield stream


class _Xz(io.RawIOBase):
    """Decompresses xz forwards, in bounded memory: :class:`lzma.LZMAFile` takes as much as the archive asks for."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._place = raw, 0
        self._decompressor = self._new()

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._place
        if whence == io.SEEK_END or offset < self._place:
            raise OSError("it can only be read forwards")
        while self._place < offset and self.read(min(_CHUNK, offset - self._place)):
            pass
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while True:
            fresh = b""
            if self._decompressor.eof:  # another stream may follow, after padding
                fresh = (self._decompressor.unused_data or self._raw.read(_CHUNK)).lstrip(b"\0")
                if not fresh:
                    return 0
                self._decompressor = self._new()
            elif self._decompressor.needs_input:
                fresh = self._raw.read(_CHUNK)
                if not fresh:
                    raise EOFError("its compressed stream ends too early")
            if data := self._decompressor.decompress(fresh, len(view)):
                view[: len(data)] = data
                self._place += len(data)
                return len(data)
