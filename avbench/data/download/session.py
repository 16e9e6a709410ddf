"""yt-dlp for our purpose: one address becomes one or two files, silently, within bounds, over HTTP only."""

import copy
import hashlib
import io
import re
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import ExtractorError, GeoRestrictedError, UserNotLive

from avbench.core.errors import UserError
from avbench.data.download.patience import checked
from avbench.data.download.reasons import BLOCKED, CANNOT_WRITE, PAGES, REFUSALS, FetchError, classify, one_line

if TYPE_CHECKING:
    from avbench.config.download import DownloadSettings


# Best first: the original language, the lowest resolution of at least 240 lines, whole files before fragments, the
# smallest picture, the best sound. Of two audio tracks the smaller would be speech quality, for little saving.
_SORT = ["lang", "+res:240", "proto", "+vbr", "abr", "+br"]
_PROTOCOLS = {"http", "https", "m3u8", "m3u8_native", "http_dash_segments"}
_LIMIT_S = 3600.0  # for one attempt, beside what a rate limit needs
_MAX_PAGE = 64_000_000  # bytes of a page or a playlist, which are held in memory
_MAX_PIECE = 1 << 16


class BlockedError(Exception):
    """The host refuses to serve this machine for a while.

    Attributes:
        why: what it said, in one line.
        retry_after_s: what it asked to wait, in seconds; 0 if it did not.
    """

    def __init__(self, why: str, retry_after_s: float = 0.0) -> None:
        super().__init__(why)
        self.why, self.retry_after_s = why, retry_after_s


class _WrongPartError(FetchError):
    """An answer that is not what was asked for: what was kept of the file is of no use."""


class Session(YoutubeDL):
    """A session for one download at a time; cookies that a host sets and open connections serve the next one too.

    Args:
        settings: the section ``download`` of the config.
        cookies: the text of a cookies.txt.
        check: raises when downloads are to end; called before each request and each read.

    Raises:
        UserError: yt-dlp refuses the cookies, the format or the options.
    """

    def __init__(self, settings: "DownloadSettings", cookies: str | None, check: Callable[[], None]) -> None:
        self._check, self._deadline = check, float("inf")
        self._max_bytes = settings.max_mb * 1e6
        self._limit_s = _LIMIT_S + (self._max_bytes / settings.rate_limit if settings.rate_limit else 0.0)
        params = {
            "format": settings.format,
            "format_sort": _SORT,
            "socket_timeout": settings.timeout_s,
            "ratelimit": settings.rate_limit,
            # A stream, as yt-dlp rewrites a file.
            "cookiefile": None if cookies is None else io.StringIO(cookies),
            # The caller tries again; but not all of a long playlist for one of its fragments, nor with a gap in it.
            "retries": 0,
            "extractor_retries": 0,
            "fragment_retries": settings.retries,
            "skip_unavailable_fragments": False,
            "hls_prefer_native": True,
            "noplaylist": True,
            "playlist_items": "0",
            "progress_hooks": [self._bound],
            "logger": _Silence(),
            "quiet": True,
            "noprogress": True,
            "color": "never",
            "cachedir": False,
            "updatetime": False,
        } | copy.deepcopy(dict(settings.options))
        try:
            super().__init__(params)
            _ = self.cookiejar
        except Exception as error:
            raise UserError(
                f"yt-dlp refuses the section download (format, cookies or options): {one_line(str(error))}. Correct it."
            ) from error

    def save(self, url: str, folder: Path) -> tuple[Path, Path]:
        """Download what is behind an address into a folder; return the paths of video and audio.

        Raises:
            BlockedError: the host blocks.
            FetchError: anything else that prevents it.
            UserError: the folder cannot be written to, or downloads are to end.
        """
        self._deadline = time.monotonic() + self._limit_s
        try:
            with checked(self._tick):
                info = self.extract_info(url, download=False)
                formats = _chosen(info)
                paths = [self._save(url, info, chosen, folder) for chosen in formats]
        except (BlockedError, FetchError, UserError):
            raise
        except Exception as error:
            self._in_time()  # what failed once the time was over failed for that
            raise _meaning(error, folder) from error
        tracks = list(zip(paths, formats, strict=True))
        video = next((path for path, chosen in tracks if chosen.get("vcodec") != "none"), paths[0])
        return video, next((path for path, chosen in tracks if chosen.get("acodec") != "none"), video)

    def urlopen(self, req: Request | str) -> Response:
        """Open an address: every request of yt-dlp passes here. Only HTTP is spoken, and bodies are bounded."""
        url = req if isinstance(req, str) else req.url
        if not url.lower().startswith(("http://", "https://")):
            raise FetchError("unavailable", f"refers to {one_line(url, 100)}, which is not followed")
        self._in_time()
        try:
            response = super().urlopen(req)
        except HTTPError as error:
            if error.status == 429 or (error.status in REFUSALS and PAGES.match(url)):
                why = "too many requests" if error.status == 429 else "the page refuses this machine"
                raise BlockedError(f"HTTP error {error.status}, {why}", _retry_after_s(error.response)) from error
            error.response.read = _BoundedRead(error.response.read, self._in_time)
            raise
        _require_part(req, response)
        response.read = _BoundedRead(response.read, self._in_time)
        return response

    def _save(self, url: str, info: dict, chosen: dict, folder: Path) -> Path:
        # A partial file is continued only by the same format of the same address.
        identity = repr((url, chosen.get("format_id"), chosen.get("filesize"))).encode(errors="surrogatepass")
        path = folder / f"media-{hashlib.blake2b(identity, digest_size=8).hexdigest()}"
        alone = {key: value for key, value in info.items() if key != "requested_formats"} | chosen
        try:
            done, _ = self.dl(str(path), alone)
        except _WrongPartError:
            for part in folder.glob(f"{path.name}*.part"):
                part.unlink()
            raise
        if not done:
            raise FetchError("unavailable", "the download ended without a file")
        return path

    def _in_time(self) -> None:
        self._check()
        if time.monotonic() > self._deadline:
            raise FetchError("too-slow", f"the download was not complete after {self._limit_s:.0f} s")

    def _tick(self) -> None:
        try:
            self._in_time()
        except (FetchError, UserError) as error:
            raise TimeoutError(str(error)) from None  # what yt-dlp passes on from within a request

    def _bound(self, progress: dict) -> None:
        size = max(progress.get("downloaded_bytes") or 0, progress.get("total_bytes") or 0)
        if size > self._max_bytes:
            raise FetchError("too-large", f"the file is larger than download.max_mb, {self._max_bytes / 1e6:g} MB")


def _require_part(req: Request | str, response: Response) -> None:
    """Check that an answer is what was asked for: yt-dlp takes the middle of a file for all of it."""
    told_lengths = ",".join(response.headers.get_all("Content-Length", [])).split(",")
    if len(lengths := sorted({length.strip() for length in told_lengths})) > 1:
        raise _WrongPartError(
            "network", f"the server announces two lengths, {one_line(' and '.join(lengths), 100)} bytes"
        )
    if response.status != 206:
        return
    asked = "" if isinstance(req, str) else req.headers.get("Range", "")
    told = response.headers.get("Content-Range", "")
    if not told or _first_byte(asked.replace("=", " ")) != _first_byte(told):
        raise _WrongPartError(
            "network",
            f"the server sends another part ({one_line(told, 60) or 'it does not say which'}) than it was asked for "
            f"({one_line(asked, 60) or 'all'})",
        )


def _first_byte(range_: str) -> int | None:
    found = re.match(r"bytes (\d{1,18})-", range_)
    return int(found[1]) if found else (None if range_ else 0)


class _BoundedRead:
    """Reading a body in pieces that take about a second, so that neither a drip nor a flood goes on unnoticed."""

    def __init__(self, read: Callable[[int], bytes], in_time: Callable[[], None]) -> None:
        self._read, self._in_time, self._size = read, in_time, 1

    def __call__(self, amt: int | None = None) -> bytes:
        pieces, length = [], 0
        while amt is None or length < amt:
            self._in_time()
            begun = time.monotonic()
            piece = self._read(self._size if amt is None else min(self._size, amt - length))
            if not piece:
                break
            slow = time.monotonic() - begun > 1
            self._size = max(self._size // 2, 1) if slow else min(self._size * 2, _MAX_PIECE)
            pieces.append(piece)
            length += len(piece)
            if amt is None and length > _MAX_PAGE:
                raise FetchError("too-large", f"a page is larger than {_MAX_PAGE // 10**6} MB")
        return b"".join(pieces)


class _Silence:
    """A logger that drops everything: what matters is raised."""

    def debug(self, message: str) -> None:
        """Drop a message."""

    warning = error = debug


def _chosen(info: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the formats to download."""
    if not info or info.get("_type", "video") != "video":
        raise FetchError("not-media", "the address leads to a list of videos, or to none, and not to one")
    if (status := info.get("live_status")) in ("is_live", "is_upcoming", "post_live"):
        raise FetchError("live", f"a live stream ({status.replace('_', ' ')})")
    formats = info.get("requested_formats") or [info]
    for chosen in formats:
        # Anything else would start other programs with what the server says.
        if chosen.get("protocol") not in _PROTOCOLS:
            raise FetchError("no-format", f"only served by the protocol {one_line(str(chosen.get('protocol')), 50)!r}")
    return formats


def _meaning(error: Exception, folder: Path) -> Exception:
    """Return what an exception of yt-dlp means to us."""
    extraction = next((e for e in _chain(error) if isinstance(e, ExtractorError)), None)
    # The message itself: without the address's last part, which yt-dlp puts in front.
    message = str(extraction.orig_msg if extraction else error) or type(error).__name__
    detail = one_line(message)
    if isinstance(extraction, GeoRestrictedError):
        return FetchError("geo-blocked", detail)
    if isinstance(extraction, UserNotLive):
        return FetchError("live", detail)
    reason = classify(message)
    if reason == BLOCKED:
        return BlockedError(detail)
    if reason == CANNOT_WRITE or isinstance(error, OSError):
        return UserError(f"cannot write to {folder}: {detail}. Check free space and permissions.")
    return FetchError(reason, detail)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _retry_after_s(response: Response) -> float:
    """Return the seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3); 0 without one."""
    value = (response.headers.get("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return 0.0
