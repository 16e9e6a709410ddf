"""Answers over HTTP within a time, headers too: what ``http.client`` leaves unbounded.

A timeout of a socket bounds each read from it. A host that sends a byte of a header every second, or one interim answer
(``100 Continue``) after the other, keeps every read short, and is waited for without end. All HTTP clients in use,
urllib and those of yt-dlp, build on ``http.client``, and none lets its answers' class be chosen; so it is set there,
for this process.
"""

import http.client
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_checks = threading.local()


class Answer(http.client.HTTPResponse):
    """An answer whose headers take no longer than the socket's timeout, and each read of which is :func:`checked`."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._limited = _Limited(self.fp.detach(), sock.gettimeout())
        self.fp = io.BufferedReader(self._limited)

    def begin(self) -> None:
        """Read the headers."""
        self._limited.start()
        super().begin()
        self._limited.until = float("inf")


class _Limited(io.RawIOBase):
    """A stream that looks at the time before each read from the network."""

    def __init__(self, raw: io.RawIOBase, timeout_s: float | None) -> None:
        self._raw, self._timeout_s = raw, timeout_s
        self.until = float("inf")

    def start(self) -> None:
        if self._timeout_s:
            self.until = time.monotonic() + self._timeout_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self.until:
            raise TimeoutError(f"the read operation timed out: no whole headers after {self._timeout_s:g} s")
        getattr(_checks, "check", _nothing)()
        return self._raw.readinto(buffer)  # type: ignore[attr-defined]  # typeshed gives it to RawIOBase's subclasses

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def _nothing() -> None:
    pass


@contextmanager
def checked(check: Callable[[], None]) -> Iterator[None]:
    """Call a function before each read of an answer in this thread: it raises where there is no more time."""
    _checks.check = check
    try:
        yield
    finally:
        _checks.check = _nothing


http.client.HTTPConnection.response_class = Answer  # type: ignore[attr-defined]  # typeshed leaves it out
