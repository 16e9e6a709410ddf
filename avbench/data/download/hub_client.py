"""What is asked of the Hugging Face Hub, by its own library, and what its answers mean."""

import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from avbench.config.hub import HubSettings
from avbench.core.errors import UserError
from avbench.data.download.http import Limits

T = TypeVar("T")
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # errors that a later attempt may not meet
_CHUNK = 1 << 20
_REPORT_S = 60.0


@dataclass(frozen=True)
class HubFile:
    """A file of a repository: path, bytes, and SHA-256 in hexadecimal digits, or Git's SHA-1 of a small one."""

    name: str
    size: int
    digest: str

    def is_it(self, path: Path) -> bool:
        """Return whether a file has these bytes."""
        if path.stat().st_size != self.size:
            return False
        large = len(self.digest) == 64
        hashed = hashlib.sha256() if large else hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                hashed.update(chunk)
        return hashed.hexdigest() == self.digest


def offline() -> bool:
    """Return whether the library is told to stay off the network (``HF_HUB_OFFLINE``)."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def files_of(settings: HubSettings, limits: Limits) -> tuple[str, list[HubFile]]:
    """Return the commit that a revision is, and all files that it has.

    Raises:
        UserError: they cannot be had.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    def ask() -> tuple[str, list[HubFile]]:
        api = HfApi()
        commit = api.dataset_info(settings.repo, revision=settings.revision).sha
        tree = api.list_repo_tree(settings.repo, recursive=True, revision=commit, repo_type="dataset")
        entries = [entry for entry in tree if isinstance(entry, RepoFile)]
        files = [HubFile(e.path, e.size, e.lfs.sha256 if e.lfs else e.blob_id) for e in entries]
        return str(commit), files

    return _patiently(settings, settings.repo, ask, lambda: 0, limits)


def cached_files(settings: HubSettings) -> tuple[str, list[HubFile]]:
    """Return the commit and the files that match the pattern in the library's cache, without asking the Hub.

    Raises:
        UserError: there is none.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    which = f"--revision {settings.revision} --include '{settings.pattern}'"
    try:
        root = Path(
            snapshot_download(
                settings.repo, repo_type="dataset", revision=settings.revision, allow_patterns=settings.pattern
            )
        )
    except LocalEntryNotFoundError as error:
        raise UserError(
            f"hub: HF_HUB_OFFLINE is set, and {settings.repo} is not whole in the library's cache "
            f"({str(error).partition(chr(10))[0]}). Unset it, or fill the cache where there is a network: "
            f"hf download {settings.repo} --repo-type dataset {which}"
        ) from error
    found = [path for path in sorted(root.rglob("*")) if path.is_file()]
    files = [HubFile(str(path.relative_to(root)), path.stat().st_size, path.resolve().name) for path in found]
    print(f"hub: HF_HUB_OFFLINE is set: {settings.repo} as it is in {root}", flush=True)
    return root.name, files


def cached_path(settings: HubSettings, commit: str, file: HubFile) -> Path | None:
    """Return where the library's cache has a file, if it has."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(settings.repo, file.name, revision=commit, repo_type="dataset")
    return Path(path) if isinstance(path, str) else None


def download(settings: HubSettings, commit: str, file: HubFile, part: Path, limits: Limits) -> None:
    """Fill a file with the bytes of one of a repository, going on with what it holds already.

    The library's own function of downloads to the end of a process does not keep what it had when that ends.

    Raises:
        UserError: it cannot be had whole within the limits.
    """
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers, disable_progress_bars

    if file.size > constants.MAX_HTTP_DOWNLOAD_SIZE:
        raise UserError(
            f"hub: {file.name} of {settings.repo} has {file.size / 1e9:.0f} GB, more than come over HTTP. Put it into "
            f"the library's cache, which is read: hf download {settings.repo} {file.name} --repo-type dataset"
        )
    disable_progress_bars()  # for a terminal; a log gets a line a minute
    url = hf_hub_url(settings.repo, file.name, repo_type="dataset", revision=commit)

    def held() -> int:
        return part.stat().st_size if part.exists() else 0

    def get() -> None:
        part.touch()
        with _Reporting(part, file) as stream:
            if stream.seek(0, io.SEEK_END) > file.size:
                stream.seek(0)
                stream.truncate()
            headers = build_hf_headers() | {"Accept-Encoding": "identity"}
            http_get(url, stream, resume_size=stream.tell(), headers=headers, expected_size=file.size)

    _patiently(settings, f"{file.name} of {settings.repo}", get, held, limits)


class _Reporting(io.BufferedRandom):
    """A file that tells once a minute how much of it there is."""

    def __init__(self, path: Path, file: HubFile) -> None:
        super().__init__(io.FileIO(path, "r+"))
        self._file, self._told = file, time.monotonic()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if time.monotonic() - self._told >= _REPORT_S:
            self._told = time.monotonic()
            print(f"{self._file.name}: {self.tell() / 1e6:,.0f} of {self._file.size / 1e6:,.0f} MB", flush=True)
        return super().write(data)


def _patiently(settings: HubSettings, what: str, step: Callable[[], T], held: Callable[[], int], limits: Limits) -> T:
    """Take a step again after failures that may pass: so many in a row that brought nothing new."""
    failures, furthest, deadline = 0, held(), time.monotonic() + limits.total_s
    while True:
        try:
            return step()
        except Exception as error:
            reason, asked_s = _passing(settings, what, error)
        failures = 1 if held() > furthest else failures + 1
        furthest = max(furthest, held())
        pause = max(limits.pause_s * 2 ** (failures - 1), asked_s)
        if failures >= limits.attempts or time.monotonic() + pause > deadline:
            asked = f"; the Hub asks to wait {asked_s:g} s" if asked_s else ""
            raise UserError(
                f"hub: {what} could not be had: {reason}{asked}. What arrived is kept, so the same command goes on; "
                "try again later, or take another source."
            )
        print(f"hub: {what}: {reason}; trying again in {pause:.0f} s", flush=True)
        time.sleep(pause)


def _passing(settings: HubSettings, what: str, error: Exception) -> tuple[str, float]:
    """Return what an error says and how long the Hub asks to wait, if it may pass; else raise what it means."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
    from huggingface_hub.utils import get_token

    if isinstance(error, OfflineModeIsEnabled):
        raise UserError(
            f"hub: {what} is needed, and HF_HUB_OFFLINE is set. Unset it, or leave this source out."
        ) from None
    if isinstance(error, HFValidationError):
        raise UserError(f"hub: {settings.repo!r} is no name of a repository: {error}") from None
    if isinstance(error, HfHubHTTPError):
        status, said = error.response.status_code, f"the Hub answers {error.response.status_code}"
        if status in _PASSING:
            asked = error.response.headers.get("Retry-After", "")
            return said, float(asked) if asked.isdigit() else 0.0
        page = f"{constants.ENDPOINT}/datasets/{settings.repo}"
        if status in (401, 403):
            token = "the token that is set does not open it" if get_token() else "no token is set"
            raise UserError(
                f"hub: {what}: {said}; it is gated, private or not there, and {token}. Accept its conditions at "
                f"{page}, if it has any, and set HF_TOKEN to a token that may read it (or run: hf auth login)."
            ) from None
        code = error.response.headers.get("X-Error-Code", "")
        raise UserError(
            f"hub: {what}, revision {settings.revision}: {said} {code}. Look at {page}, and correct sources: hub."
        ) from None
    if isinstance(error, UserError):
        raise error
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
        raise UserError(f"hub: cannot write {what}: {error.strerror}. Check free space and permissions.") from error
    if isinstance(error, OSError) or type(error).__module__.startswith("httpx"):
        return str(error).partition("\n")[0] or type(error).__name__, 0.0
    raise error
