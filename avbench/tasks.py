"""Downstream tasks: which clips train, validate and test a probe, under which true labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avbench.errors import UserError
from avbench.fileio import read_json
from avbench.settings import build
from avbench.store import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TaskSettings:
    """One row of the config's table of tasks.

    Attributes:
        name: the task's name in the tables.
        dataset: the dataset whose stored clips are classified.
        role: ``in-domain`` or ``out-of-domain``.
        train: ``subset`` trains the probe on the clips of the pretraining subset, ``all`` on every training clip.
        modalities: the encoders that are probed.
    """

    name: str
    dataset: str
    role: str
    train: str
    modalities: tuple[str, ...]


def read_tasks(table: Mapping[str, Mapping[str, Any]]) -> list[TaskSettings]:
    """Read the config's table of tasks, name → fields."""
    return [build(TaskSettings, {"name": name, **fields}, f"tasks.{name}") for name, fields in table.items()]


def task_clips(task: TaskSettings, data: Path, subset: Mapping[str, Sequence[str]] | None) -> "pd.DataFrame":
    """Return the stored clips of a task with columns clip_id, label, split, sorted by split and clip id.

    Args:
        task: which task.
        data: the folder that holds the datasets.
        subset: columns clip_id and label (true) of the pretraining subset, for tasks whose probe is trained on it.

    Raises:
        UserError: a split is empty, or validation or test hold a label that training lacks.
    """
    import pandas as pd  # here, since training imports this module too and does without pandas

    from avbench import ledger

    accounted = ledger.read(data / task.dataset / "ledger.parquet")
    training = ledger.stored(accounted, "train")
    if task.train == "subset":
        if subset is None:
            raise UserError(f"task {task.name}: train is 'subset', and no pretraining subset is given.")
        training = pd.DataFrame({name: list(subset[name]) for name in ("clip_id", "label")})
    parts = {
        "train": training,
        "validation": ledger.stored(accounted, "validation"),
        "test": ledger.stored(accounted, "test"),
    }
    for split, part in parts.items():
        if part.empty:
            raise UserError(f"task {task.name}: dataset {task.dataset} has no stored {split} clips.")
        if unseen := sorted(set(part["label"]) - set(training["label"])):
            raise UserError(
                f"task {task.name}: {len(unseen)} labels of the {split} clips of {task.dataset} have no training clip, "
                f"for example {unseen[0]!r}. Give the subset clips of every class."
            )
    clips = pd.concat([part.assign(split=split) for split, part in parts.items()], ignore_index=True)
    return clips.sort_values(["split", "clip_id"], ignore_index=True)


def open_store(data: Path, dataset: str) -> Store:
    """Open all shards of a dataset."""
    return Store(sorted((data / dataset / "store").glob("*.arrow")))


def test_coverage(data: Path, dataset: str) -> float:
    """Return the share of a dataset's listed test clips that are stored."""
    return read_json(data / dataset / "coverage.json")["splits"]["test"]["share"]
