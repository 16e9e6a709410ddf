"""What the verbs of evaluation are given. Nothing here imports torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench.config.evaluation import LinearSettings, TrainingSettings
from avbench.config.features import FeatureSettings
from avbench.config.job import read_job
from avbench.config.paper_switches import PaperSwitches
from avbench.config.settings import build
from avbench.config.tasks import TaskSettings, read_tasks
from avbench.core.errors import UserError


def _tasks(table: Mapping[str, Any]) -> tuple[TaskSettings, ...]:
    return tuple(read_tasks(table))


def _task(table: Mapping[str, Any]) -> TaskSettings:
    tasks = read_tasks(table)
    if len(tasks) != 1:
        raise UserError(f"job: task: {len(tasks)} tasks are given; a baseline is trained on one.")
    return tasks[0]


def _switches(values: Mapping[str, Any]) -> PaperSwitches:
    return build(PaperSwitches, values, "protocol")


@dataclass(frozen=True)
class EmbedJob:
    """The clips of every task, embedded by finished runs.

    Attributes:
        checkpoints: finished runs
        outputs: the embeddings to write, one per checkpoint
        tasks: table of the tasks: name → fields
        subset: file of the pretraining subset
        switches: the paper's switches of evaluation
        cpu_threads: threads of each computation (1); on a CPU, the same number gives the same bytes
        data: folder of the datasets (data)
    """

    checkpoints: tuple[Path, ...]
    outputs: tuple[Path, ...]
    tasks: tuple[TaskSettings, ...]
    subset: Path
    switches: PaperSwitches
    cpu_threads: int = 1
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "EmbedJob":
        """Read a job; raises UserError as `read_job`."""
        return read_job(cls, values, tasks=_tasks, switches=_switches)


@dataclass(frozen=True)
class FrozenJob:
    """The scores and the geometry of each run's frozen features.

    Attributes:
        embeddings: files that the verb embed wrote
        seeds: the runs' seeds, in the same order
        outputs: score files to write, in the same order; predictions and geometry are written beside each
        tasks: table of the tasks: name → fields
        protocols: settings of each protocol to evaluate: name → fields
        identity: names of method, subset, labels and budget
        cpu_threads: threads of each computation (1); the same number gives the same bytes
        data: folder of the datasets (data)
    """

    embeddings: tuple[Path, ...]
    seeds: tuple[int, ...]
    outputs: tuple[Path, ...]
    tasks: tuple[TaskSettings, ...]
    protocols: Mapping[str, Mapping[str, Any]]
    identity: Mapping[str, str]
    cpu_threads: int = 1
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "FrozenJob":
        """Read a job; raises UserError as `read_job`."""
        return read_job(cls, values, tasks=_tasks)


@dataclass(frozen=True)
class TrainedJob:
    """A run, evaluated by training a classifier on its encoders, alone or with them.

    Attributes:
        protocol: what is trained: a classifier (linear-sgd), or all (finetune)
        checkpoint: the finished run
        output: the score file to write; predictions are written beside it
        tasks: table of the tasks: name → fields
        subset: file of the pretraining subset
        switches: the paper's switches of evaluation; train_mode_probe acts on linear-sgd
        settings: how to train
        seed: the run's, of everything that is drawn
        identity: names of method, subset, labels and budget
        data: folder of the datasets (data)
    """

    protocol: str
    checkpoint: Path
    output: Path
    tasks: tuple[TaskSettings, ...]
    subset: Path
    switches: PaperSwitches
    settings: TrainingSettings
    seed: int
    identity: Mapping[str, str]
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "TrainedJob":
        """Read a job; raises UserError as `read_job`."""
        section = f"evaluation.{values.get('protocol')}"
        return read_job(
            cls,
            values,
            tasks=_tasks,
            switches=_switches,
            settings=lambda given: build(TrainingSettings, given, section),
        )


@dataclass(frozen=True)
class SupervisedJob:
    """The baseline of a task, trained from scratch on its true labels with every seed.

    Attributes:
        task: the task: name → fields; its ``train`` says whether the subset or all training clips are used
        subset_name: the subset's name in the tables
        switches: the paper's switches of evaluation
        settings: how to train
        features: pretraining's windows and mel bands
        seeds: one a score file
        outputs: score files to write; predictions are written beside each
        subset: file of the pretraining subset; none to train on all clips
        data: folder of the datasets (data)
    """

    task: TaskSettings
    subset_name: str
    switches: PaperSwitches
    settings: TrainingSettings
    features: FeatureSettings
    seeds: tuple[int, ...]
    outputs: tuple[Path, ...]
    subset: Path | None = None
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "SupervisedJob":
        """Read a job; raises UserError as `read_job`."""
        return read_job(
            cls,
            values,
            task=_task,
            switches=_switches,
            settings=lambda given: build(TrainingSettings, given, "evaluation.supervised"),
        )

    @property
    def tasks(self) -> tuple[TaskSettings, ...]:
        """The task alone, as jobs of several have them."""
        return (self.task,)


@dataclass(frozen=True)
class TuneJob:
    """The trials of a method, scored by the validation clips of a task, and the choice among them.

    Attributes:
        points: learning rate and temperature of each trial, in the order of the grid
        checkpoints: the trials' runs, in the same order
        trials: the file to write of what each reached
        choice: the file to write of the setting that is chosen
        task: the task: name → fields
        probe: settings of the linear probe
        subset: file of the pretraining subset
        switches: the paper's switches of evaluation
        cpu_threads: threads of each computation (1); on a CPU, the same number gives the same bytes
        data: folder of the datasets (data)
    """

    points: tuple[tuple[float, ...], ...]
    checkpoints: tuple[Path, ...]
    trials: Path
    choice: Path
    task: TaskSettings
    probe: LinearSettings
    subset: Path
    switches: PaperSwitches
    cpu_threads: int = 1
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "TuneJob":
        """Read a job; raises UserError as `read_job`."""
        return read_job(
            cls,
            values,
            task=_task,
            switches=_switches,
            probe=lambda given: build(LinearSettings, given, "evaluation.linear"),
        )

    @property
    def tasks(self) -> tuple[TaskSettings, ...]:
        """The task alone, as jobs of several have them."""
        return (self.task,)
