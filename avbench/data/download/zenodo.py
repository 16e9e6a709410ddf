"""Datasets on Zenodo: a record's archives, downloaded, verified and unpacked, each once."""

import fnmatch
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avbench.core.errors import UserError
from avbench.core.files import read_json, write_json
from avbench.data.download.archives import extract
from avbench.data.download.http import Limits, download, require_http

RECORD_LIMITS = Limits(max_bytes=20_000_000, attempts=6)
FILE_LIMITS = Limits(timeout_s=60.0, total_s=86_400.0, attempts=8, pause_s=5.0)  # archives have up to 5 GB
_MD5 = re.compile(r"md5:([0-9a-fA-F]{32})")
_REMEDY = (
    "Files that arrived are kept, so the same command goes on. Or get the dataset in another way and set "
    "options.directory instead of options.zenodo."
)


@dataclass(frozen=True)
class ZenodoSettings:
    """Where a dataset's archives are.

    Attributes:
        record: the number of the version of the record; the dataset's module knows it.
        api: the address of the REST API.
        keep_archives: whether an archive stays on disk after it was verified and unpacked.
    """

    record: int
    api: str = "https://zenodo.org/api"
    keep_archives: bool = True


@dataclass(frozen=True)
class RemoteFile:
    """A file of a record: its name, bytes, MD5 in 32 lower-case hexadecimal digits, and address."""

    name: str
    size: int
    md5: str
    url: str

    def facts(self) -> dict[str, Any]:
        """Return what tells the file from any other one, wherever it comes from."""
        return {key: value for key, value in asdict(self).items() if key != "url"}


def fetch(
    settings: ZenodoSettings,
    patterns: Sequence[str],
    folder: Path,
    record_limits: Limits = RECORD_LIMITS,
    file_limits: Limits = FILE_LIMITS,
) -> list[RemoteFile]:
    """Download, verify and unpack the files of a record whose names match patterns.

    ``folder`` holds, beside what was unpacked, ``{name}``, the verified archive; ``{name}.part`` while it is
    downloaded; and ``{name}.json``, its name, size and MD5 once it is unpacked. A file with such a marker is
    neither downloaded nor unpacked again, as long as nobody deletes the marker. An archive that was put there by
    hand counts if its checksum is right.

    Args:
        settings: where the record is.
        patterns: shell patterns (:mod:`fnmatch`, upper and lower case matter).
        folder: where to download and unpack to.
        record_limits: bounds of the download of the record's description.
        file_limits: bounds of the download of each file.

    Returns:
        The files, sorted by name.

    Raises:
        UserError: the record or a file cannot be had, a pattern matches nothing, or an archive is not what the
            record says.
    """
    files = _chosen(record_files(settings, record_limits), patterns, settings)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [file for file in files if not _done(file, folder)]
    _require_room(missing, folder)
    for file in missing:
        archive = folder / file.name
        if not _intact(archive, file):
            _obtain(file, archive, file_limits)
        extract(archive, folder)
        os.sync()  # what was unpacked must outlast a crash if the marker does
        write_json(_marker(file, folder), file.facts())
    if not settings.keep_archives:
        for file in files:
            (folder / file.name).unlink(missing_ok=True)
    print(f"{folder}: {len(files)} archives are unpacked, {len(files) - len(missing)} of them from before")
    return files


def record_files(settings: ZenodoSettings, limits: Limits = RECORD_LIMITS) -> list[RemoteFile]:
    """Return the files of a record, as Zenodo's REST API describes it.

    Of a file's addresses, ``links.content`` is taken where there is one, and ``links.self`` where not: both forms
    have been in use.

    Raises:
        UserError: the API cannot be reached, does not answer with a record, or describes a file badly.
    """
    url = f"{settings.api.rstrip('/')}/records/{settings.record}"
    remedy = f"Check options.zenodo.record and options.zenodo.api. {_REMEDY}"
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch, "record.json")
        download(url, answer, remedy, limits)
        try:
            record = json.loads(answer.read_bytes())
            described = [_described(entry, url, settings.api) for entry in record["files"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(
                f"{url} answers with something that is no description of a record with files "
                f"({type(error).__name__}: {str(error)[:100]}). {remedy}"
            ) from None
    if len({file.name for file in described}) < len(described):
        raise UserError(f"{url} lists two files of one name. {remedy}")
    return described


def _described(entry: Mapping[str, Any], url: str, api: str) -> RemoteFile:
    name, size, links = entry["key"], entry["size"], entry["links"]
    # Names become files beside one another, and ".part" and ".json" are appended to them.
    if not isinstance(name, str) or not re.fullmatch(r"[^/\\\x00-\x1f\x7f]{1,200}", name) or name.startswith("."):
        raise UserError(f"{url} lists a file with the name {name!r}, which is refused. {_REMEDY}")
    md5 = _MD5.fullmatch(entry["checksum"])
    if not md5 or not isinstance(size, int) or size < 0:
        raise UserError(
            f"{url} describes {name!r} with size {size!r} and checksum {entry['checksum']!r}; a number of bytes and "
            f"md5: with 32 hexadecimal digits are needed to verify it. {_REMEDY}"
        )
    address = links["content"] if "content" in links else links["self"]
    require_http(address, f"{url}: the address of {name!r} is ", _REMEDY)
    if api.lower().startswith("https:") and not address.lower().startswith("https:"):
        raise UserError(f"{url}: the address of {name!r} is {address!r}, which is not encrypted. {_REMEDY}")
    return RemoteFile(name, size, md5[1].lower(), address)


def _chosen(files: Sequence[RemoteFile], patterns: Sequence[str], settings: ZenodoSettings) -> list[RemoteFile]:
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(file.name, pattern) for file in files):
            names = ", ".join(sorted(file.name for file in files)) or "no file"
            raise UserError(
                f"record {settings.record} of {settings.api} has no file that matches {pattern!r}. It has {names}. "
                "Correct options.zenodo.record."
            )
    chosen = [file for file in files if any(fnmatch.fnmatchcase(file.name, pattern) for pattern in patterns)]
    return sorted(chosen, key=lambda file: file.name)


def _marker(file: RemoteFile, folder: Path) -> Path:
    return folder / f"{file.name}.json"


def _done(file: RemoteFile, folder: Path) -> bool:
    marker = _marker(file, folder)
    return marker.is_file() and read_json(marker) == file.facts()


def _require_room(missing: Sequence[RemoteFile], folder: Path) -> None:
    """Check that what is still to be downloaded fits on the disk; what is unpacked comes on top."""
    paths = [folder / f"{file.name}{suffix}" for file in missing for suffix in ("", ".part")]
    held = sum(path.stat().st_size for path in paths if path.is_file())
    needed = sum(file.size for file in missing) - held
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{len(missing)} archives of {needed / 1e9:.1f} GB are to be downloaded to {folder}, and "
            f"{free / 1e9:.1f} GB are free. Make room, for these and for what is in them."
        )


def _obtain(file: RemoteFile, archive: Path, limits: Limits) -> None:
    """Download a file; once more from its beginning if its checksum is wrong."""
    part = archive.with_name(f"{file.name}.part")
    print(f"{file.url}: {file.size / 1e6:,.1f} MB to {archive}", flush=True)
    for attempt in (1, 2):
        download(file.url, part, f"Check options.zenodo.record. {_REMEDY}", limits, file.size)
        found = _md5(part)
        if found == file.md5:
            part.replace(archive)
            return
        part.unlink()
        if attempt == 1:
            print(f"{file.name}: the MD5 is {found} instead of {file.md5}; downloading it again", flush=True)
    raise UserError(
        f"{file.url} was downloaded twice and has the MD5 {found}; the record says {file.md5} for {file.name}. What "
        f"was downloaded is deleted. Try again later. {_REMEDY}"
    )


def _intact(archive: Path, file: RemoteFile) -> bool:
    return archive.is_file() and archive.stat().st_size == file.size and _md5(archive) == file.md5


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
