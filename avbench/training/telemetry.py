"""How fast training is, for the log and for TensorBoard."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

T = TypeVar("T")


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

    def totals(self) -> dict[str, float | None]:
        """Return ``seconds`` and the rates, rounded for reading."""
        return {"seconds": round(self.seconds, 3), **self.rates()}

    def __str__(self) -> str:
        seconds = max(self.seconds, 1e-9)
        return f"{self.clips / seconds:,.0f} clips/s, {self.waited / seconds:.0%} of the time waiting for data"


class StepClock:
    """Measures each step of training, and how much of it is waiting for its batch; starts when it is made."""

    def __init__(self) -> None:
        self._stepped_at = time.monotonic()
        self._waited = 0.0

    def timed(self, batches: Iterator[T]) -> Iterator[T]:
        """Yield batches, and measure how long each is waited for."""
        while True:
            asked_at = time.monotonic()
            batch = next(batches, None)
            if batch is None:
                return
            self._waited = time.monotonic() - asked_at
            yield batch

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of the block out of the step."""
        paused_at = time.monotonic()
        yield
        self._stepped_at += time.monotonic() - paused_at

    def finish_step(self, clips: int, *timings: Timing) -> None:
        """Add the step that ends now, of so many clips, to each of the timings."""
        now = time.monotonic()
        for timing in timings:
            timing.add(now - self._stepped_at, self._waited, clips)
        self._stepped_at = now


class Events:
    """What TensorBoard shows of a run, in the folder ``tensorboard``; nothing where the package is not installed.

    Args:
        wanted: whether anything is to be written.
        output: the run's folder.
        step: the first that will be written; what an interrupted run wrote from there on is not shown.
        log: receives one line where the package is not installed.
    """

    def __init__(self, wanted: bool, output: Path, step: int, log: Callable[[str], None]) -> None:
        self._writer = open_tensorboard(output / "tensorboard", step, log) if wanted else None

    def add(self, group: str, values: Mapping[str, Any], step: int) -> None:
        """Write a scalar for each value, named ``group/name``."""
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        """Write what is still in memory."""
        if self._writer:
            self._writer.close()


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
