"""Getting a dataset's list: over HTTP or from disk, whole, verified, and nothing else."""

import http.client
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from avbench.errors import UserError
from avbench.fileio import atomic
from avbench.hashing import file_digest
from avbench.settings import build

_CHUNK = 1 << 16
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # errors that a later attempt may not meet
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


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


@dataclass(frozen=True)
class Limits:
    """How much, how long and how often a download may take."""

    max_bytes: int = 100_000_000
    timeout_s: float = 30.0  # without an answer
    total_s: float = 600.0
    attempts: int = 4
    pause_s: float = 2.0  # before the second attempt; doubles each time


class _Passing(Exception):  # noqa: N818 (not an error yet)
    """A failure that may not happen again."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to HTTP and HTTPS only, and never from HTTPS to HTTP."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # noqa: ANN202
        _require_http(newurl, f"{req.full_url} redirects to ")
        if req.type == "https" and urlsplit(newurl).scheme.lower() != "https":
            raise UserError(
                f"{req.full_url} redirects to {newurl}, which is not encrypted. "
                "If you trust it, set options.list.url to it."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def get_list(settings: Mapping[str, Any], path: str | Path, limits: Limits = Limits()) -> None:
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
            download(chosen.url, part, limits)
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


def download(url: str, path: Path, limits: Limits = Limits()) -> None:
    """Download a file over HTTP or HTTPS, again after passing failures. No other protocol is spoken.

    Args:
        url: where the file is. Proxies are taken from the environment.
        path: the file to fill; use it only when this returns.
        limits: bounds of the download.

    Raises:
        UserError: it could not be had whole within the limits; names the address and the reason.
    """
    _require_http(url, "")
    deadline = time.monotonic() + limits.total_s
    for attempt in range(1, limits.attempts + 1):
        try:
            return _attempt(url, path, limits, deadline)
        except _Passing as failure:
            pause = limits.pause_s * 2 ** (attempt - 1)
            if attempt == limits.attempts or time.monotonic() + pause > deadline:
                raise UserError(
                    f"{url} could not be downloaded in {attempt} attempts: {failure}. Try again "
                    "later, or download it yourself and set options.list.path to the file."
                ) from None
            print(f"{url}: {failure}; attempt {attempt + 1} of {limits.attempts} follows", flush=True)
            time.sleep(pause)
    raise ValueError("limits.attempts must be at least 1")


def _attempt(url: str, path: Path, limits: Limits, deadline: float) -> None:
    opener = urllib.request.OpenerDirector()  # not build_opener, which would add file: and ftp:
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(url, headers={"User-Agent": "avbench", "Accept-Encoding": "identity"})
    try:
        with opener.open(request, timeout=limits.timeout_s) as response, path.open("wb") as stream:
            expected = int(response.headers.get("Content-Length") or -1)
            received = 0
            if expected > limits.max_bytes:
                raise _too_large(url, limits)
            while chunk := response.read(_CHUNK):
                received += len(chunk)
                if received > limits.max_bytes:
                    raise _too_large(url, limits)
                if time.monotonic() > deadline:
                    raise _Passing(f"it took longer than {limits.total_s:g} s")
                stream.write(chunk)
            # http.client raises nothing when the peer hangs up early.
            if expected >= 0 and received != expected:
                raise _Passing(f"the connection broke after {received} of {expected} bytes")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _PASSING:
            raise _Passing(f"the server answers {error.code} {error.reason}") from None
        raise UserError(
            f"{url} cannot be downloaded: the server answers {error.code} {error.reason}. Correct "
            "options.list.url, or set options.list.path to a file that you have."
        ) from None
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        ssl.SSLError,
        TimeoutError,
        ConnectionError,
    ) as error:
        if isinstance(error, http.client.InvalidURL):
            raise UserError(f"{url!r} is no valid address: {error}. Correct options.list.url.") from None
        raise _Passing(str(getattr(error, "reason", "") or error or type(error).__name__)) from None


def _too_large(url: str, limits: Limits) -> UserError:
    return UserError(f"{url} is larger than {limits.max_bytes} bytes, as no list is. Correct options.list.url.")


def _require_http(url: str, before: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fine = False
    if not fine:
        raise UserError(f"{before}{url!r}, which is no http:// or https:// address. Correct options.list.url.")


def _copy(source: Path, path: Path) -> None:
    if not source.is_file():
        raise UserError(f"options.list.path: {source} is no file. Correct it.")
    shutil.copyfile(source, path)
