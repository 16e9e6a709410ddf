"""A process of its own for what reads foreign files: it has a limit of memory, and may crash or hang alone."""

import contextlib
import multiprocessing
import os
import re
import resource
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from avbench.data.media.clip import MediaError

MOST_BYTES = 1000 * 2**20
"""What decoding a clip may hold beside the program itself. A 4K H.264 clip with 4 references takes 330 MB."""
_FORK = multiprocessing.get_context("fork")  # starts in milliseconds, where a new interpreter takes a second

_starting = threading.Lock()


class Confined:
    """Calls functions, one at a time, in a process that is started when it is first needed, and again after a crash.

    Args:
        most_bytes: of memory that a call may take.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def call(self, patience_s: float, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function of a module returns; arguments and result are pickled.

        Raises:
            MediaError: the function's own, or reason ``large`` (it needs too much memory), ``timeout`` (it takes more
                than ``patience_s``) or ``corrupt`` (it raises anything else, or its process crashes).
        """
        if self._connection is None:
            self._start()
        assert self._connection is not None
        try:
            self._connection.send((function, arguments))
            if not self._connection.poll(patience_s):
                self.close()
                raise MediaError("timeout", "decoding takes far too long: the file is damaged")
            succeeded, result = self._connection.recv()
        except (EOFError, ConnectionError):
            raise self._crash() from None
        except BaseException:  # such as Ctrl-C: an answer that comes later must not be taken for the next call's
            self.close()
            raise
        if not succeeded:
            raise MediaError(*result)
        return result

    def close(self) -> None:
        """End the process, also in the middle of a call."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _start(self) -> None:
        # One at a time: a process that inherited the other's end of a pipe would hide that the other has gone.
        with _starting:
            self._connection, other = _FORK.Pipe()
            self._process = _FORK.Process(target=_serve, args=(other, self._connection, self._most_bytes), daemon=True)
            self._process.start()
            other.close()

    def _crash(self) -> MediaError:
        assert self._process is not None
        self._process.join()
        code = self._process.exitcode
        self.close()
        if code == -signal.SIGKILL:  # by the system, whose memory was at its end
            return MediaError("large", "decoding was ended by the system, for want of memory")
        return MediaError("corrupt", f"decoding ends its process (exit code {code})")


def _serve(connection: Connection, other: Connection, most_bytes: int) -> None:
    other.close()  # so that this process ends when the one that asks does
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _limit_memory(most_bytes)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            function, arguments = connection.recv()
            try:
                reply = True, function(*arguments)
            except MediaError as error:
                reply = False, (error.reason, error.detail)
            except MemoryError:
                reply = False, too_large()
            except Exception as error:
                reply = False, ("corrupt", f"decoding failed: {type(error).__name__}: {str(error)[:200]!a}")
            connection.send(reply)
    os._exit(0)  # at once: what else ends an interpreter waits for threads that this process has not


def too_large() -> tuple[str, str]:
    """Return the ledger reason and detail of a clip for which memory does not suffice."""
    return "large", "decoding needs too much memory: the pictures are too large, or each depends on too many others"


def is_full(needed: int) -> bool:
    """Whether this process has a limit of memory and cannot take so many bytes more.

    Decoders that get no memory often say that the data are invalid.
    """
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return limit != resource.RLIM_INFINITY and limit - _held() < needed


def _limit_memory(most_bytes: int) -> None:
    """Let this process take so much more memory than it has. Only Linux counts what is mapped."""
    if sys.platform.startswith("linux"):
        limit, hard = _held() + most_bytes, resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _held() -> int:
    """Return the bytes of memory that count against the limit; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    held = re.search(r"^VmData:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
    return 1024 * int(held[1]) if held else 0
