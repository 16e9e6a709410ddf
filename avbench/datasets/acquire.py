"""Getting a dataset's lists and archives, whole and verified."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from avbench.config.settings import build
from avbench.core.errors import UserError
from avbench.core.files import atomic, write_json
from avbench.core.hashing import file_digest
from avbench.data.download.http import Limits, download
from avbench.data.download.zenodo import ZenodoSettings, fetch
from avbench.datasets import KINDS

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_LIMITS = Limits()
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
        UserError: see :func:`fetch`.
    """
    if kind not in KINDS or not hasattr(module := import_module(KINDS[kind][0]), "RECORD"):
        raise UserError(f"kind: {kind!r} is not on Zenodo.")
    wanted = {"record": module.RECORD, **settings}
    chosen = build(ZenodoSettings, {"record": wanted.pop("record"), **access}, "options.zenodo")
    files = fetch(chosen, module.archives(**wanted), Path(folder))
    write_json(path, {"record": chosen.record, "files": [file.facts() for file in files]})
