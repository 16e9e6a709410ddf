"""What is scored: the tasks of the configuration."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from avbench.config.fields import DECIDED, UNIQUE, Count, Name, Positive, meaning
from avbench.config.settings import build, settings

Modality = Literal["audio", "video"]
Modalities = Annotated[tuple[Modality, ...], UNIQUE]


@settings("tasks.{name}")
class TaskSettings:
    """One row of the config's table of tasks; ``name`` is the task's in the tables."""

    name: Annotated[str, DECIDED]
    dataset: Annotated[Name, meaning("whose clips are classified")]
    role: Annotated[
        Literal["in-domain", "out-of-domain"], meaning("`in-domain` or `out-of-domain`; claims are about roles")
    ]
    train: Annotated[
        Literal["subset", "all"],
        meaning("the probe's training clips: the pretraining `subset`, or `all` training clips of the dataset"),
    ]
    modalities: Annotated[Modalities, meaning("the encoders that are probed")]
    window_s: Annotated[
        Positive | None,
        meaning(
            "length of the windows that `linear-sgd`, `finetune` and `supervised` train on; pretraining's `audio_s` "
            "unless given"
        ),
    ] = None
    published_mel_bands: Annotated[
        Count | None, meaning("mel bands of this task where the protocol's switch `task_mel_bands` is on")
    ] = None


@settings("tasks")
class Task(TaskSettings):
    """A task as the user writes it: with what is shown beside it."""

    published_task: Annotated[
        Name | None,
        meaning("the task of the published table (`config/published.yaml`) that stands beside it"),
    ] = field(default=None, kw_only=True)


def read_tasks(table: Mapping[str, Mapping[str, Any]]) -> list[TaskSettings]:
    """Read the config's table of tasks, name → fields."""
    return [build(TaskSettings, {"name": name, **fields}, f"tasks.{name}") for name, fields in table.items()]
