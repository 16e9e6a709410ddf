"""How fast training is, for the log and for TensorBoard."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


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
