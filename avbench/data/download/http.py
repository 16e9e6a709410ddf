"""Downloads over HTTP and HTTPS: whole, bounded, continued after interruptions; no other protocol is spoken."""

import http.client
import random
import re
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from avbench.core.errors import UserError
from avbench.data.download.patience import checked

_CHUNK = 1 << 16
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # errors that a later attempt may not meet
_REPORT_S = 60.0
_RANGE = re.compile(r"bytes (?:([0-9]+)-[0-9]+|\*)/([0-9]+|\*)")


@dataclass(frozen=True)
class Limits:
    """How much, how long and how often a download may take."""

    max_bytes: int = 100_000_000  # where the size is not known beforehand
    timeout_s: float = 30.0  # without an answer
    total_s: float = 600.0
    attempts: int = 4  # in a row that bring nothing new
    pause_s: float = 2.0  # before the second attempt; doubles each time, give or take half of it


def download(url: str, path: Path, remedy: str, limits: Limits = Limits(), size: int | None = None) -> None:
    """Download a file, again after passing failures, each time from where the last one broke off if that is safe.

    A broken download is continued by a ranged request (RFC 9110, section 14) if the server named the version by a
    strong ETag, or if the size is known: then ``path`` may also hold what an earlier process received. Pauses
    between attempts follow the server's ``Retry-After`` where it is longer.

    Args:
        url: where the file is. Proxies are taken from the environment.
        path: the file to fill; use it only when this returns.
        remedy: what the user can do where the file cannot be had, for the message: a sentence.
        limits: bounds of the download.
        size: bytes that the file must have. Give it only for a file whose checksum is verified afterwards: what
            was continued may be of another version.

    Raises:
        UserError: it could not be had whole within the limits; names the address and the reason.
    """
    require_http(url, "", remedy)
    _Download(url, path, remedy, limits, size).run()


def require_http(url: str, before: str, remedy: str) -> None:
    """Check that an address is one of HTTP or HTTPS.

    Raises:
        UserError: it is not; the message is ``before``, the address, and ``remedy``.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fine = False
    if not fine:
        raise UserError(f"{before}{url!r}, which is no http:// or https:// address. {remedy}")


class _Passing(Exception):  # noqa: N818 (not an error yet)
    """A failure that may not happen again, and the seconds that the server asks to wait."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to HTTP and HTTPS only, and never from HTTPS to HTTP."""

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # noqa: ANN202
        require_http(newurl, f"{req.full_url} redirects to ", self.remedy)
        if req.type == "https" and urlsplit(newurl).scheme.lower() != "https":
            raise UserError(f"{req.full_url} redirects to {newurl}, which is not encrypted. {self.remedy}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Download:
    """One file on its way: what is known of it between attempts."""

    def __init__(self, url: str, path: Path, remedy: str, limits: Limits, size: int | None) -> None:
        self.url, self.path, self.remedy, self.limits, self.size = url, path, remedy, limits, size
        self.bound = limits.max_bytes if size is None else size
        self.deadline = time.monotonic() + limits.total_s
        self.reported = time.monotonic()
        self.etag = ""
        self.opener = urllib.request.OpenerDirector()  # not build_opener, which would add file: and ftp:
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _Redirects(remedy),
        ):
            self.opener.add_handler(handler)

    def run(self) -> None:
        """Try until the file is whole or the limits are reached."""
        attempts, failures, furthest = 0, 0, self._held()
        while True:
            attempts += 1
            try:
                with checked(self._in_time):
                    return self._attempt()
            except _Passing as failure:
                held = self._held()
                failures = 1 if held > furthest else failures + 1
                furthest = max(furthest, held)
                # Several downloads that broke at once do not come back at once.
                pause = self.limits.pause_s * 2 ** (failures - 1) * random.uniform(0.5, 1.5)
                pause = max(pause, failure.wait_s)
                if failures >= self.limits.attempts or time.monotonic() + pause > self.deadline:
                    asked = f"; it asks to wait {failure.wait_s:g} s" if failure.wait_s else ""
                    raise UserError(
                        f"{self.url} could not be downloaded in {attempts} attempts: {failure}{asked}. Try again "
                        f"later. {self.remedy}"
                    ) from None
                print(f"{self.url}: {failure}; trying again in {pause:.0f} s", flush=True)
                time.sleep(pause)

    def _in_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise _Passing(f"it took longer than {self.limits.total_s:g} s")

    def _held(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _attempt(self) -> None:
        held = self._held() if self.etag or self.size is not None else 0
        if held == self.size:
            return self.path.touch()
        if self.size is not None and held > self.size:
            held = 0
        headers = {"User-Agent": "avbench", "Accept-Encoding": "identity"}
        if held:
            headers["Range"] = f"bytes={held}-"
            if self.etag:
                headers["If-Range"] = self.etag
        response = self._open(headers, held)
        if response is None:
            return
        with response:
            announced = ",".join(response.headers.get_all("Content-Length", [])).split(",")
            if len(lengths := sorted({length.strip() for length in announced})) > 1:
                raise _Passing(f"the server announces two lengths, {' and '.join(lengths)[:100]} bytes")
            start = 0  # whoever answers 200 sends all of it
            if response.status == 206:
                told = response.headers.get("Content-Range", "")
                start = _range_start(told)
                if not held or start not in (0, held):
                    self._forget()
                    wanted = f"bytes {held}-" if held else "all"
                    found = told[:100] or "it does not say which"
                    raise _Passing(f"the server sends another part ({found}) than it was asked for ({wanted})")
            etag = response.headers.get("ETag", "")
            self.etag = etag if etag.startswith('"') else ""  # weak ones name no bytes
            self._receive(response, start)

    def _open(self, headers: Mapping[str, str], held: int) -> http.client.HTTPResponse | None:
        """Return the answer, or nothing where the server says that what is held is whole."""
        try:
            request = urllib.request.Request(self.url, headers=dict(headers))
            response = self.opener.open(request, timeout=self.limits.timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            said = f"the server answers {error.code} {error.reason}"
            if error.code == 416 and held:
                found = _RANGE.fullmatch(error.headers.get("Content-Range", ""))
                if self.size is None and found and found[2] == str(held):
                    return None
                self._forget()
                raise _Passing(said) from None
            if error.code in _PASSING:
                raise _Passing(said, _wait_s(error.headers.get("Retry-After", ""))) from None
            raise UserError(f"{self.url} cannot be downloaded: {said}. {self.remedy}") from None
        except (http.client.InvalidURL, ValueError) as error:
            raise UserError(f"{self.url!r} is no valid address: {error}. {self.remedy}") from None
        except (OSError, http.client.HTTPException) as error:
            raise _Passing(_reason(error)) from None
        if response.status not in (200, 206):
            response.close()
            raise UserError(f"{self.url} cannot be downloaded: the server answers {response.status}. {self.remedy}")
        return response

    def _receive(self, response: http.client.HTTPResponse, start: int) -> None:
        announced = None if response.length is None else start + response.length
        if self.size is not None and announced not in (None, self.size):
            self._forget()
            raise _Passing(f"the server announces {announced} bytes instead of {self.size}")
        if (announced or 0) > self.bound:
            raise self._too_large()
        expected = announced if self.size is None else self.size
        received = start
        try:
            with self.path.open("r+b" if start else "wb") as stream:
                stream.truncate(start)
                stream.seek(start)
                while expected is None or received < expected:
                    chunk = self._read(response, _CHUNK if expected is None else min(_CHUNK, expected - received))
                    if not chunk:
                        break
                    received += len(chunk)
                    if received > self.bound:
                        raise self._too_large()
                    stream.write(chunk)
                    self._in_time()
                    self._report(received, expected)
        except OSError as error:
            raise UserError(
                f"cannot write {self.path}: {error.strerror or error}. Check free space and permissions."
            ) from error
        # http.client raises nothing when the peer hangs up early.
        if expected is not None and received != expected:
            raise _Passing(f"the connection broke after {received} of {expected} bytes")

    @staticmethod
    def _read(response: http.client.HTTPResponse, size: int) -> bytes:
        try:
            return response.read1(size)  # what has arrived: a trickle does not keep the deadline from being seen
        except (OSError, http.client.HTTPException) as error:
            raise _Passing(_reason(error)) from None

    def _report(self, received: int, expected: int | None) -> None:
        if (now := time.monotonic()) - self.reported >= _REPORT_S:
            of = f" of {expected / 1e6:,.0f}" if expected else ""
            print(f"{self.path.name}: {received / 1e6:,.0f}{of} MB", flush=True)
            self.reported = now

    def _forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.etag = ""

    def _too_large(self) -> UserError:
        return UserError(f"{self.url} is larger than {self.bound} bytes, as it should not be. {self.remedy}")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error or type(error).__name__)


def _range_start(text: str) -> int:
    """Return where a partial answer begins, or -1 where it does not say so."""
    found = _RANGE.fullmatch(text)
    return int(found[1]) if found and found[1] else -1


def _wait_s(text: str) -> float:
    """Return the seconds that a ``Retry-After`` asks for, given as a number or as a date; 0 for anything else."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
