"""Requests to stop: what schedulers send before they take the machine away."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Stopped(SystemExit):
    """Work that was asked to stop has been saved; the process ends with status 75, on which a scheduler may requeue.

    75 is EX_TEMPFAIL of sysexits.h: a failure that is none, and passes when the same is tried again.
    """

    def __init__(self) -> None:
        super().__init__(os.EX_TEMPFAIL)


@contextlib.contextmanager
def stop_requests() -> Iterator[list[str]]:
    """Yield a list that receives the name of each SIGTERM or SIGUSR1, instead of their ending the process.

    Earlier handlers are back when the block ends. Python handles signals in the main thread alone: in any other, the
    list stays empty and nothing is changed.
    """
    received: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    earlier = {
        number: signal.signal(number, lambda number, _: received.append(signal.Signals(number).name))
        for number in SIGNALS
    }
    try:
        yield received
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: one that was not installed by Python
