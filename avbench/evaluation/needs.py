"""What evaluation needs of the clips that are stored: checked before anything is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avbench.config.paper_switches import PRESETS, PaperSwitches
from avbench.config.settings import build
from avbench.config.tasks import TaskSettings, read_tasks
from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.evaluation.retrieval import RANKS
from avbench.evaluation.tasks import require_clips, task_clips

if TYPE_CHECKING:
    import pandas as pd

LEAST_ON_A_MAP = 4
"""Clips that the map of the test clips needs: fewer have no neighbours to be near to."""


@dataclass(frozen=True)
class Needs:
    """What an experiment asks of one dataset.

    Attributes:
        tasks: those on the dataset's clips.
        switches: the protocol's.
        neighbours: that vote in the protocol knn; None without it.
    """

    tasks: tuple[TaskSettings, ...] = ()
    switches: PaperSwitches = PRESETS["corrected"]
    neighbours: int | None = None

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Needs":
        """Read what the workflow passes: tasks by name, switches, and neighbours if there are any.

        Raises:
            UserError: a field is wrong.
        """
        switches = build(PaperSwitches, values.get("switches", {}), "protocol")
        return cls(tuple(read_tasks(values.get("tasks", {}))), switches, values.get("neighbours"))


def require_of_dataset(accounted: "pd.DataFrame", needs: Needs) -> None:
    """Check that a dataset's stored clips can be trained on, validated and tested, whatever subset is drawn.

    That there are too few test clips for what is computed of them is printed.

    Args:
        accounted: its ledger.
        needs: what the experiment asks of it.

    Raises:
        UserError: a task has no clips of a split that it needs, a single class, a class without training clips, or
            fewer training clips than neighbours.
    """
    parts = {split: ledger.stored(accounted, split) for split in ("train", "validation", "test")}
    for task in needs.tasks:
        own = task.train == "subset" and needs.switches.probe_on_pretraining_clips
        require_clips(task, {split: part for split, part in parts.items() if not (own and split == "validation")})
        _require_voters(task, len(parts["train"]), needs)
        tested = len(parts["test"])
        if tested < (most := max(LEAST_ON_A_MAP, *RANKS)):
            print(
                f"task {task.name}: {tested} test clips are stored. Recall at a rank of as many is 1 whatever a method "
                f"does (ranks go to {most}), and fewer than {LEAST_ON_A_MAP} clips have no map."
            )


def require_of_subset(data: Path, subset: "pd.DataFrame", needs: Needs) -> None:
    """Check that the tasks which train on a subset can do so.

    Args:
        data: the folder of the datasets.
        subset: columns clip_id and label.
        needs: what the experiment asks of the pretraining dataset.

    Raises:
        UserError: as of :func:`require_of_dataset`.
    """
    columns = {name: subset[name].tolist() for name in ("clip_id", "label")}
    for task in needs.tasks:
        if task.train == "subset":
            clips = task_clips(task, data, columns, needs.switches)
            _require_voters(task, int((clips["split"] == "train").sum()), needs)


def _require_voters(task: TaskSettings, clips: int, needs: Needs) -> None:
    if needs.neighbours is not None and needs.neighbours > clips:
        raise UserError(
            f"evaluation.knn.neighbours: {needs.neighbours} is more than the {clips} training clips of task "
            f"{task.name!r}. Lower it."
        )
