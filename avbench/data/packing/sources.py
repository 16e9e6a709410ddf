"""Where a clip may be had: the sources of a dataset, tried in the order of the config."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench.core.errors import UserError
from avbench.core.files import as_utf8
from avbench.data.media.clip import is_url
from avbench.data.packing.trimmed import Collection


@dataclass(frozen=True)
class Candidate:
    """One place where a clip may be.

    Attributes:
        path: a file, or the address that it is downloaded from.
        start_s: where the clip begins in that file, in seconds.
        trimmed: whether the file should hold nothing but the clip.
        remote: whether it has to be downloaded first.
    """

    path: str
    start_s: float
    trimmed: bool = False
    remote: bool = False

    @property
    def name(self) -> str:
        """The path as the ledger has it."""
        return as_utf8(self.path)

    def version(self) -> str:
        """Return what changes when the file does; empty for a file that does not exist and for an address."""
        if self.remote:
            return ""
        try:
            status = os.stat(self.path)
        except (OSError, ValueError):
            return ""
        return f"{status.st_size}-{status.st_mtime_ns}"


class Sources:
    """The sources of a dataset.

    Args:
        listed: ``files`` (the manifest's own paths), ``download`` (the manifest's own addresses) or
            ``{"directory": path}`` (a folder of clips that are trimmed already), in the order in which they are tried.
        root: the folder of the manifest; its relative paths count from there.

    Raises:
        UserError: a source is unknown, or a folder does not exist.
    """

    def __init__(self, listed: Sequence[str | Mapping[str, Any]], root: Path) -> None:
        self.listed, self._root = list(listed), root
        for source in self.listed:
            if source not in ("files", "download") and not (
                isinstance(source, Mapping) and set(source) == {"directory"}
            ):
                raise UserError(f"sources: {source!r} is unknown. Allowed are files, download and directory: PATH.")
        self._collections = {
            source["directory"]: Collection(source["directory"])
            for source in self.listed
            if isinstance(source, Mapping)
        }

    def candidates(self, clip_id: str, source: str, start_s: float) -> list[Candidate]:
        """Return the places to try for a clip of the manifest; none if no source can have it."""
        found = []
        for kind in self.listed:
            if kind == "files":
                if not is_url(source):
                    found.append(Candidate(os.path.join(self._root, source), start_s))
            elif kind == "download":
                if is_url(source):
                    found.append(Candidate(source, start_s, remote=True))
            elif not isinstance(kind, str) and (path := self._collections[kind["directory"]].find(clip_id)):
                found.append(Candidate(str(path), 0.0, trimmed=True))
        return found

    def cost(self, clip_id: str) -> str:
        """Say that a clip without a trimmed file was in an archive that is damaged, or may have been; else nothing."""
        found = list(self._collections.values())
        if any(collection.find(clip_id) for collection in found):
            return ""
        return "; ".join(filter(None, (collection.cost(clip_id) for collection in found)))

    def nowhere(self, clip_id: str, source: str) -> tuple[str, str]:
        """Return the ledger reason and detail of a clip that no source can have."""
        if cost := self.cost(clip_id):
            return "archive-damaged", cost
        if is_url(source) and "download" not in self.listed:
            what = "the source is a URL, and the dataset's sources do not include download"
            return (
                ("missing", f"no file of the clip in {self._folders()}; {what}")
                if self._collections
                else ("unavailable", what)
            )
        if self._collections:
            return "missing", f"no file of the clip in {self._folders()}"
        return "missing", "the source is a path, and the dataset's sources do not include files"

    def _folders(self) -> str:
        return ", ".join(self._collections)
