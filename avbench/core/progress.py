"""Progress for people: a bar on a terminal, a line a minute in a log file, curves in TensorBoard."""

import sys
import time
from collections.abc import Callable

from tqdm import tqdm


class Progress:
    """Count steps towards a total.

    On a terminal this is a tqdm bar; elsewhere (a scheduler's log) it prints one line per minute and one at the end.

    Args:
        total: steps to do.
        done: steps already done by an earlier, interrupted job.
        label: what is being counted, for the reader.
        unit: the name of one step.
    """

    def __init__(self, total: int, label: str, unit: str, done: int = 0) -> None:
        self.total, self.label, self.unit, self.done, self._first = total, label, unit, done, done
        self._begin = self._printed = time.monotonic()
        terminal = sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=done, desc=label, unit=unit, dynamic_ncols=True) if terminal else None

    def advance(self, note: Callable[[], str], steps: int = 1) -> None:
        """Count ``steps`` more; ``note()`` is asked for a short remark only when something is shown."""
        self.done += steps
        if self._bar is not None:
            self._bar.set_postfix_str(note(), refresh=False)
            self._bar.update(steps)
        elif (now := time.monotonic()) - self._printed >= 60 or self.done == self.total:
            rate = (self.done - self._first) / max(now - self._begin, 1e-9)
            left = (self.total - self.done) / rate if rate else float("nan")
            print(
                f"{self.label}: {self.done}/{self.total} {self.unit}s, {rate:.1f} {self.unit}s/s, "
                f"{left:.0f} s left, {note()}",
                file=sys.stderr,
                flush=True,
            )
            self._printed = now

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
