"""The gate that all downloads of a shard pass: closed for everyone while the host blocks."""

import sys
import threading
import time

from avbench.core.errors import UserError

_LEAST_PAUSE_S = 0.01  # doubles to something sensible even if the config says 0


class Gate:
    """Pauses all threads when the host blocks one of them.

    A block is a matter between the host and this machine, so it is counted once, however many threads run into it.
    Pauses double until a download that was begun after the last of them succeeds.

    Args:
        pause_s: the first pause in seconds.
        max_pause_s: what the pauses may add up to, in seconds, without a success.
    """

    def __init__(self, pause_s: float, max_pause_s: float) -> None:
        self._first_s, self._max_s = max(pause_s, _LEAST_PAUSE_S), max_pause_s
        self._changed = threading.Condition()
        self._pauses = 0  # how many there have been; the ticket of an attempt
        self._successes = 0
        self._streak, self._paused_s = 0, 0.0  # pauses without a success: their number and sum
        self._until = 0.0
        self._over: str | None = None

    def enter(self) -> int:
        """Wait while there is a pause; return a ticket for :meth:`blocked` and :meth:`succeeded`.

        Raises:
            UserError: the host has blocked for too long, or the gate was shut.
        """
        with self._changed:
            while True:
                self._check()
                rest = self._until - time.monotonic()
                if rest <= 0:
                    return self._pauses
                self._changed.wait(rest)

    def blocked(self, ticket: int, why: str, at_least_s: float = 0.0) -> None:
        """Begin a pause, unless one was begun since the ticket was given.

        Args:
            ticket: that of the attempt that was blocked.
            why: what the host said, for the report on stderr.
            at_least_s: what the host asked for, in seconds.
        """
        with self._changed:
            if ticket != self._pauses or self._over is not None:
                return
            left = self._max_s - self._paused_s
            pause = max(min(self._first_s * 2**self._streak, left), at_least_s)
            if left <= 0 or pause > left:
                self._shut(
                    f"the host blocks downloads ({why}). They were paused for {self._paused_s:.0f} s without success"
                    + (f", and it asks for another {at_least_s:.0f} s" if at_least_s > left else "")
                    + f"; download.max_pause_s is {self._max_s:g}. Finished clips are kept: run again later. It helps "
                    "to download fewer clips at a time (download.concurrent, and the resource `downloads` for all "
                    "shards together) and to give cookies (download.cookies)."
                )
                return
            self._pauses += 1
            self._streak += 1
            self._paused_s += pause
            self._until = time.monotonic() + pause
        print(f"blocked by the host ({why}): pausing {pause:.3g} s", file=sys.stderr, flush=True)

    def succeeded(self, ticket: int) -> None:
        """Note a download that succeeded: the block is over, if the attempt was begun after the last pause."""
        with self._changed:
            self._successes += 1
            if ticket == self._pauses:
                self._streak, self._paused_s = 0, 0.0

    @property
    def successes(self) -> int:
        """How many downloads have succeeded."""
        with self._changed:
            return self._successes

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the gate is shut.

        Raises:
            UserError: the gate was shut.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._over is not None, seconds)
            self._check()

    def check(self) -> None:
        """Raise what ends the downloads, if anything does.

        Raises:
            UserError: the host has blocked for too long, or the gate was shut.
        """
        with self._changed:
            self._check()

    def shut(self) -> None:
        """End all waiting at once, now and from now on."""
        with self._changed:
            self._shut("the downloads were stopped. Run again: finished clips are kept.")

    def _shut(self, why: str) -> None:
        self._over = self._over or why
        self._changed.notify_all()

    def _check(self) -> None:
        if self._over is not None:
            raise UserError(self._over)
