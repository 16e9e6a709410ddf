"""Progress for people: a bar on a terminal, a line a minute in a log file, curves in TensorBoard."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Progress:
    """Count steps towards a total.

    On a terminal this is a tqdm bar; elsewhere (a scheduler's log) it prints one line a minute and one at the end.

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


@dataclass
class Timing:
    """Where the time of training goes.

    Attributes:
        seconds: in all.
        waited: seconds of them in which the next batch was not there yet.
        clips: trained on in that time.
    """

    seconds: float = 0.0
    waited: float = 0.0
    clips: int = 0

    def add(self, seconds: float, waited: float, clips: int) -> None:
        """Count one step."""
        self.seconds += seconds
        self.waited += waited
        self.clips += clips

    def rates(self) -> dict[str, float | None]:
        """Return ``clips_per_s`` and ``waiting_share``, rounded for reading; None when nothing was done."""
        if not self.seconds:
            return {"clips_per_s": None, "waiting_share": None}
        return {
            "clips_per_s": round(self.clips / self.seconds, 1),
            "waiting_share": round(self.waited / self.seconds, 4),
        }

    def __str__(self) -> str:
        seconds = max(self.seconds, 1e-9)
        return f"{self.clips / seconds:,.0f} clips/s, {self.waited / seconds:.0%} of the time waiting for data"


def open_tensorboard(folder: Path, step: int, log: Callable[[str], None]) -> "SummaryWriter | None":
    """Open a folder of TensorBoard events; None, with a line in the log, where the package is not installed.

    Args:
        folder: of the events; an interrupted run goes on in it.
        step: the first that will be written; what an interrupted run wrote from there on is not shown.
        log: receives one line.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log("machine.tensorboard is set, and the package is not installed: no events. Try `pip install tensorboard`.")
        return None
    return SummaryWriter(str(folder), purge_step=step)
