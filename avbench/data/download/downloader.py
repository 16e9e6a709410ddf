"""Downloading the file of a clip: a page of YouTube or of another site that yt-dlp knows, or a media file itself."""

import queue
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avbench.config.download import DownloadSettings
from avbench.core.errors import UserError
from avbench.data.download.gate import Gate
from avbench.data.download.reasons import FetchError, is_passing

if TYPE_CHECKING:
    from avbench.data.download.session import Session


_HTTP = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_BACKOFF_S = 1.0
_MAX_BACKOFF_S = 60.0
_REFUSED = 3  # refusals of a clip, and other clips that were served meanwhile


@dataclass(frozen=True)
class Fetched:
    """Files on disk; ``audio`` is ``video`` where one file holds both."""

    video: Path
    audio: Path


class Downloader:
    """Downloads the files of a shard's clips; may be used from several threads at once, and as a context.

    Args:
        settings: the section ``download`` of the config.

    Raises:
        UserError: the cookies cannot be read, or yt-dlp refuses the format or the options.
    """

    def __init__(self, settings: DownloadSettings) -> None:
        self._settings = settings
        self._gate = Gate(settings.pause_s, settings.max_pause_s)
        self._cookies = _read_cookies(settings.cookies)
        # A session serves one download at a time. They are made when they are needed: last in, first out.
        self._sessions: queue.LifoQueue[Session | None] = queue.LifoQueue()
        for _ in range(settings.concurrent - 1):
            self._sessions.put(None)
        self._sessions.put(self._session())

    def __enter__(self) -> "Downloader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(self, url: str, folder: Path) -> Fetched:
        """Download the file, or the two files, behind an address.

        The lowest resolution of at least 240 lines is taken, else the highest below. Files that an earlier attempt
        has left in ``folder`` are continued. When the host blocks, all threads wait.

        Args:
            url: ``http://`` or ``https://``; a page with one video, or a media file.
            folder: an existing folder for this clip alone. Names in it are ours, whatever the server says.

        Raises:
            FetchError: the clip cannot be had.
            UserError: the host blocks everything for too long, the disk cannot be written to, or :meth:`close` was
                called. No fault of the clip: the job should end.
        """
        if not _HTTP.match(url):
            raise FetchError("unavailable", "only http:// and https:// addresses are downloaded")
        failures, blocks, others = 0, 0, self._gate.successes
        while True:
            try:
                answer = self._attempt(url, folder)
                if isinstance(answer, Fetched):
                    return answer
                blocks += 1
                # The host refuses one clip, and serves others between its refusals: that is no matter of all.
                if min(blocks, self._gate.successes - others) >= _REFUSED:
                    raise FetchError("blocked", f"the host serves other clips and refuses this one: {answer}")
            except FetchError as error:
                if failures == self._settings.retries or not is_passing(error.reason):
                    raise
                self._gate.sleep(min(_BACKOFF_S * 2**failures, _MAX_BACKOFF_S) * random.uniform(0.5, 1.5))
                failures += 1

    def close(self) -> None:
        """End all waiting at once, and the downloads under way as soon as they receive something or time out."""
        self._gate.shut()
        for _ in range(self._settings.concurrent):
            if (session := self._sessions.get()) is not None:
                session.close()
        for _ in range(self._settings.concurrent):
            self._sessions.put(None)

    def _attempt(self, url: str, folder: Path) -> Fetched | str:
        """Return what the host said if it blocked it, and the gate knows."""
        from avbench.data.download.session import BlockedError

        session = self._sessions.get()
        try:
            ticket = self._gate.enter()
            if session is None:
                session = self._session()
            try:
                fetched = Fetched(*session.save(url, folder))
            except BlockedError as block:
                self._gate.blocked(ticket, block.why, block.retry_after_s)
                return block.why
            self._gate.succeeded(ticket)
            return fetched
        finally:
            self._sessions.put(session)

    def _session(self) -> "Session":
        # Imported here: yt-dlp takes a second to import, and most datasets are on disk.
        from avbench.data.download.session import Session

        return Session(self._settings, self._cookies, self._gate.check)


def _read_cookies(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"download.cookies: cannot read {path}: {error}. It is a cookies.txt in Netscape's format."
        ) from None
