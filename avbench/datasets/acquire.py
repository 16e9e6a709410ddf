"""Getting a dataset's lists and archives, whole and verified."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from avbench.config.settings import build
from avbench.core.errors import UserError
from avbench.core.files import atomic, write_json
from avbench.core.hashing import file_digest
from avbench.data.download.archives import extract
from avbench.data.download.http import Limits, download
from avbench.data.download.zenodo import ZenodoSettings, fetch
from avbench.datasets import KINDS

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_LIMITS = Limits()
ARCHIVE_LIMITS = Limits(max_bytes=20_000_000_000, timeout_s=60.0, total_s=86_400.0, attempts=8, pause_s=5.0)
_REMEDY = "Correct options.list.url, or get the list in another way and set options.list.path to it."


@dataclass(frozen=True)
class ListSettings:
    """Where a list is: exactly one of ``url`` and ``path``; ``sha256`` of its bytes, or empty for none."""

    url: str = ""
    path: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        """Check the values and their combination."""
        if bool(self.url) == bool(self.path):
            raise UserError("options.list: exactly one of url and path must be given.")
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise UserError(f"options.list.sha256: {self.sha256!r} is no SHA-256; it has 64 hexadecimal digits.")


def get_list(settings: Mapping[str, Any], path: str | Path, limits: Limits = _LIMITS) -> None:
    """Write a dataset's list atomically, from where the options say.

    Args:
        settings: the fields of :class:`ListSettings`.
        path: the file to write.
        limits: bounds of a download.

    Raises:
        UserError: the list cannot be had, or has another checksum than it should.
    """
    chosen = build(ListSettings, settings, "options.list")
    with atomic(path) as part:
        if chosen.url:
            download(chosen.url, part, _REMEDY, limits)
        else:
            _copy(Path(chosen.path), part)
        digest = file_digest(part)
        if chosen.sha256 and digest != chosen.sha256.lower():
            raise UserError(
                f"{chosen.url or chosen.path} has the SHA-256 {digest}, and options.list.sha256 is "
                f"{chosen.sha256}. The file is damaged or another version: get the right one, or correct the "
                "checksum if you trust it."
            )
    verdict = "as expected" if chosen.sha256 else "not verified, as options.list.sha256 is empty"
    print(f"{path}: SHA-256 {digest}, {verdict}")


@dataclass(frozen=True)
class ArchiveSettings:
    """Where an archive is, and the SHA-256 of its bytes, or nothing for none."""

    url: str
    sha256: str = ""

    def __post_init__(self) -> None:
        """Check the checksum."""
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise UserError(f"options.archive.sha256: {self.sha256!r} is no SHA-256; it has 64 hexadecimal digits.")


def get_archive(
    settings: Mapping[str, Any], folder: str | Path, path: str | Path, limits: Limits = ARCHIVE_LIMITS
) -> None:
    """Download an archive, verify and unpack it, delete it, and write what it was.

    Args:
        settings: the fields of :class:`ArchiveSettings`.
        folder: where to unpack to.
        path: the JSON file to write: address, bytes and SHA-256.
        limits: bounds of the download.

    Raises:
        UserError: the archive cannot be had, is damaged, or has another checksum than it should.
    """
    chosen = build(ArchiveSettings, settings, "options.archive")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / ".archive"
    remedy = "Or get the dataset in another way and set options.directory instead of options.archive."
    download(chosen.url, archive, remedy, limits)
    digest, size = file_digest(archive), archive.stat().st_size
    if chosen.sha256 and digest != chosen.sha256.lower():
        archive.unlink()
        raise UserError(
            f"{chosen.url} has the SHA-256 {digest}, and options.archive.sha256 is {chosen.sha256}. The file is "
            "damaged or another version: correct the address, or the checksum if you trust it."
        )
    extract(archive, folder)
    archive.unlink()
    verdict = "as expected" if chosen.sha256 else "not verified, as options.archive.sha256 is empty"
    print(f"{chosen.url}: SHA-256 {digest}, {verdict}")
    write_json(path, {"url": chosen.url, "size": size, "sha256": digest})


def _copy(source: Path, path: Path) -> None:
    if not source.is_file():
        raise UserError(f"options.list.path: {source} is no file. Correct it.")
    shutil.copyfile(source, path)


def download_dataset(
    kind: str, settings: Mapping[str, Any], access: Mapping[str, Any], folder: str | Path, path: str | Path
) -> None:
    """Download and unpack a dataset's archives, and write what they were.

    Args:
        kind: a key of ``avbench.datasets.KINDS`` whose module has ``RECORD``, the number of its record, and
            ``archives``, which returns the patterns of the archives' names.
        settings: what ``archives`` takes, and ``record`` for another record than the module's.
        access: the other fields of :class:`ZenodoSettings`, which decide nothing about what is downloaded.
        folder: where the archives are kept and unpacked.
        path: the JSON file to write: the record, and name, size and MD5 of each file.

    Raises:
        UserError: a setting is unknown; or as :func:`fetch`.
    """
    if kind not in KINDS or not hasattr(module := import_module(KINDS[kind][0]), "RECORD"):
        raise UserError(f"kind: {kind!r} is not on Zenodo.")
    allowed = ("record", *signature(module.archives).parameters)
    if unknown := [key for key in settings if key not in allowed]:
        raise UserError(f"settings of {kind}: unknown key {unknown[0]!r}. Allowed are {', '.join(allowed)}.")
    wanted = {"record": module.RECORD, **settings}
    chosen = build(ZenodoSettings, {"record": wanted.pop("record"), **access}, "options.zenodo")
    files = fetch(chosen, module.archives(**wanted), Path(folder))
    write_json(path, {"record": chosen.record, "files": [file.facts() for file in files]})
