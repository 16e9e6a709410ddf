"""Archives of clips on the Hugging Face Hub: listed, downloaded, verified and unpacked one after the other."""

import fnmatch
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from avbench.config.hub import HubSettings
from avbench.core.errors import UserError
from avbench.core.files import read_json, write_json
from avbench.data.download import hub_client
from avbench.data.download.http import Limits
from avbench.data.download.hub_client import HubFile
from avbench.data.download.losses import unpack_clips

LIMITS = Limits(total_s=86_400.0, attempts=8, pause_s=5.0)
_SHOWN = 10  # files of a repository that are named


@dataclass(frozen=True)
class _Folders:
    """Where things are: clips side by side, archives while they are needed, a marker for each that is unpacked."""

    root: Path

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    def archive(self, file: HubFile) -> Path:
        return self.root / "archives" / quote(file.name, safe="")

    def part(self, file: HubFile) -> Path:
        return self.root / "archives" / f"{quote(file.name, safe='')}.part"

    def marker(self, file: HubFile) -> Path:
        return self.root / "archives" / f"{quote(file.name, safe='')}.json"


def fetch_clips(
    settings: HubSettings, root: Path, accept: Callable[[str], str | None], limits: Limits = LIMITS
) -> dict[str, Any]:
    """Unpack the clips of all archives of a repository that match a pattern into ``root/clips``.

    One archive at a time is on the disk: it is downloaded, verified by its SHA-256 (or Git's SHA-1), unpacked and
    deleted; of a damaged one, every intact member is taken (:func:`avbench.data.download.losses.unpack_clips`). What is
    in the library's own cache is read there, and stays. An interrupted job goes on where it stopped, with the commit
    that the revision was when it began. In offline mode, only what is in the cache is taken.

    Args:
        settings: which archives.
        root: the source's own folder.
        accept: see :func:`avbench.data.download.archives.extract_clips`.
        limits: of each download.

    Returns:
        ``repo``, ``revision``, ``commit``, and ``archives``: name, size, digest and what
        :func:`unpack_clips` told of each.

    Raises:
        UserError: the repository or an archive cannot be had, is not what the repository says, or holds no clip.
    """
    folders = _Folders(root)
    commit, files = _listed(settings, root, limits)
    chosen = sorted((f for f in files if fnmatch.fnmatchcase(f.name, settings.pattern)), key=lambda file: file.name)
    if not chosen:
        names = ", ".join(file.name for file in files[:_SHOWN]) or "none"
        raise UserError(
            f"hub: no file of {settings.repo} at {commit} matches {settings.pattern!r}. Its files are {names}"
            f"{', …' if len(files) > _SHOWN else ''}. Correct sources: hub: pattern."
        )
    _require_room([file for file in chosen if _told(folders, file) is None], folders)
    archives = [asdict(file) | _unpacked(settings, commit, file, folders, accept, limits) for file in chosen]
    if not any(archive["clips"] for archive in archives):
        raise UserError(
            f"hub: the {len(archives)} files of {settings.repo} that match {settings.pattern!r} hold no clip that "
            "could be read. Correct the pattern, or take another source."
        )
    return {"repo": settings.repo, "revision": settings.revision, "commit": commit, "archives": archives}


def _listed(settings: HubSettings, root: Path, limits: Limits) -> tuple[str, list[HubFile]]:
    """Return the commit, and the files that it has: those of the first attempt."""
    path = root / "listing.json"
    if path.is_file():
        known = read_json(path)
        return known["commit"], [HubFile(**file) for file in known["files"]]
    if hub_client.offline():
        return hub_client.cached_files(settings)  # not kept: only what is there
    commit, files = hub_client.files_of(settings, limits)
    write_json(path, {"commit": commit, "files": [asdict(file) for file in files]})
    return commit, files


def _told(folders: _Folders, file: HubFile) -> dict[str, Any] | None:
    """Return what unpacking an archive told, if that is done."""
    marker = folders.marker(file)
    told = read_json(marker) if marker.is_file() else {}
    return told["told"] if told.get("file") == asdict(file) else None


def _unpacked(
    settings: HubSettings,
    commit: str,
    file: HubFile,
    folders: _Folders,
    accept: Callable[[str], str | None],
    limits: Limits,
) -> dict[str, Any]:
    """Download, verify and unpack an archive, unless that is done; return what unpacking told."""
    if (told := _told(folders, file)) is None:
        archive = hub_client.cached_path(settings, commit, file)
        if archive is not None and not file.is_it(archive):
            print(f"{archive} of the library's cache is damaged: downloading it", flush=True)
            archive = None
        archive = archive or _downloaded(settings, commit, file, folders, limits)
        # By one name, wherever it lies: what it has cost is noted by that.
        told = unpack_clips(archive, folders.clips, accept, file.name)
        os.sync()  # what was unpacked must outlast a crash if the marker does
        write_json(folders.marker(file), {"file": asdict(file), "told": told})
    folders.archive(file).unlink(missing_ok=True)
    folders.part(file).unlink(missing_ok=True)
    return told


def _downloaded(settings: HubSettings, commit: str, file: HubFile, folders: _Folders, limits: Limits) -> Path:
    """Download an archive; once more from its beginning if its checksum is wrong."""
    archive, part = folders.archive(file), folders.part(file)
    if archive.is_file() and file.is_it(archive):
        return archive
    part.parent.mkdir(parents=True, exist_ok=True)
    print(f"{settings.repo}: {file.name}, {file.size / 1e6:,.1f} MB to {archive}", flush=True)
    for attempt in (1, 2):
        hub_client.download(settings, commit, file, part, limits)
        if file.is_it(part):
            part.replace(archive)
            return archive
        part.unlink()
        if attempt == 1:
            print(f"{file.name}: its checksum is wrong; downloading it again", flush=True)
    raise UserError(
        f"hub: {file.name} of {settings.repo} was downloaded twice and is not what the repository says (its checksum "
        f"is not {file.digest}). What was downloaded is deleted. Something on the way changes files: try another "
        "network."
    )


def _require_room(missing: list[HubFile], folders: _Folders) -> None:
    """Check that clips and the largest archive fit on the disk: unpacked, clips take about as much."""
    if not missing:
        return
    folders.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folders.root).free
    needed = sum(file.size for file in missing) + max(file.size for file in missing)
    if needed > free:
        raise UserError(
            f"hub: {len(missing)} archives are to be unpacked to {folders.root}, one after the other, which takes some "
            f"{needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. Make room, or narrow sources: hub: pattern."
        )
