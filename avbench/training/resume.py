"""The checkpoint of an unfinished run: loaded when it starts, saved while it goes on, kept when it is told to stop."""

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from avbench.config.settings import differences
from avbench.core.files import remove_leftovers
from avbench.training import checkpoint
from avbench.training.signals import Stopped


class UnfinishedRun:
    """The checkpoint of a run that is under way, and when it is to be written.

    Args:
        file: the checkpoint. It lies outside the declared outputs, which the workflow deletes before it starts a job.
        every_s: seconds between two saves.
        steps: of the whole run.
        requests: of :func:`avbench.training.signals.stop_requests`.
        log: receives one line at a time.
        settings: what decides the outcome, kept with what is saved, for :meth:`report_others`.
    """

    def __init__(
        self,
        file: Path,
        every_s: float,
        steps: int,
        requests: Sequence[str],
        log: Callable[[str], None],
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.file, self.every_s, self.steps, self.requests, self.log = file, every_s, steps, requests, log
        self.settings = dict(settings or {})
        self.saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last, with a line in the log, or None where nothing was.

        Halves of checkpoints, which a killed process left, are removed. The time to the next save starts here.

        Raises:
            UserError: the file is damaged.
        """
        self.saved_at = time.monotonic()
        remove_leftovers(self.file)
        if not self.file.exists():
            return None
        saved = checkpoint.load(self.file, "Delete it; the run then begins anew.")
        self.log(f"going on at step {saved['state']['step']} of {self.steps}")
        return saved

    @property
    def stop_requested(self) -> bool:
        """Whether this process was asked to stop."""
        return bool(self.requests)

    def due(self, within_s: float | None = None) -> bool:
        """Return whether the last save is long enough ago: ``every_s`` seconds, or ``within_s`` if that is less."""
        limit = self.every_s if within_s is None else min(within_s, self.every_s)
        return time.monotonic() - self.saved_at >= limit

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint, whole or not at all.

        Args:
            state: of the run; its entry ``state`` has the next ``step``.

        Raises:
            UserError: the disk is full; the earlier checkpoint is as it was.
        """
        checkpoint.save(self.file, state | {"settings": self.settings})
        self.saved_at = time.monotonic()

    def stop_if_requested(self, snapshot: Callable[[], dict[str, Any]]) -> None:
        """Save what ``snapshot`` returns, and stop, if this process was asked to.

        Raises:
            Stopped: it was.
        """
        if self.stop_requested:
            state = snapshot()
            self.save(state)
            self.stop(state["state"]["step"])

    def stop(self, step: int) -> NoReturn:
        """Say where a run that was asked to stop has been saved, and end it.

        Raises:
            Stopped: always.
        """
        self.log(
            f"stopped by {' and '.join(self.requests) or 'a signal'} and saved at step {step} of {self.steps}, in "
            f"{self.file}; the same command goes on from there"
        )
        raise Stopped

    def report_others(self) -> None:
        """Say which interrupted runs of other settings lie beside this one; they are kept, and not gone on with."""
        for other in sorted(self.file.parent.parent.glob("*/checkpoint.pt")):
            if other != self.file:
                saved = checkpoint.load(other, "It is of other settings, and of no use: delete it.")["settings"]
                changed = "; ".join(differences(saved, self.settings))
                self.log(
                    f"not resuming {other}, which is of other settings ({changed}). Delete it when it is of no use."
                )

    @property
    def outcome(self) -> Path:
        """The folder that keeps what a finished run has made, until the whole job is finished."""
        return self.file.parent / "outcome"

    def remove(self) -> None:
        """Remove all that was kept of the run, which has ended; what runs of other settings left stays."""
        shutil.rmtree(self.file.parent, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.file.parent.parent.rmdir()

    @property
    def kept(self) -> str:
        """The end of an error's message: where the last checkpoint is, if there is one."""
        return f"The last good checkpoint is {self.file}." if self.file.exists() else ""
