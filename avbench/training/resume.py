"""What is kept of an unfinished run, and what runs of other settings left."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from avbench.config.settings import differences
from avbench.training import checkpoint


def unfinished_file(output: Path, everything: Mapping[str, Any]) -> Path:
    """Return where a run of these settings is saved while it is under way.

    It lives outside the declared outputs, which the workflow deletes before it starts a job.
    """
    return output / "unfinished" / checkpoint.fingerprint(everything) / "checkpoint.pt"


def report_leftovers(unfinished: Path, work: Path, settings: Mapping[str, Any], log: Callable[[str], None]) -> None:
    """Say what an interrupted run of other settings left here; it is kept, and not gone on with."""
    for other in sorted(unfinished.glob("*/checkpoint.pt")):
        if other.parent != work:
            changed = "; ".join(differences(checkpoint.load(other)["settings"], settings))
            log(f"not resuming {other}, which is of other settings ({changed}). Delete it when it is of no use.")
