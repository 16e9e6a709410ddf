"""What is scored: the tasks of the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avbench.config.settings import build


@dataclass(frozen=True)
class TaskSettings:
    """One row of the config's table of tasks.

    Attributes:
        name: the task's name in the tables.
        dataset: the dataset whose stored clips are classified.
        role: ``in-domain`` or ``out-of-domain``.
        train: ``subset`` trains on the clips of the pretraining subset, ``all`` on every training clip.
        modalities: the encoders that are evaluated.
        window_s: length of the sound windows that classifiers are trained on by gradient, if not pretraining's.
        published_mel_bands: the mel bands that the paper evaluates this task with, if not pretraining's.
    """

    name: str
    dataset: str
    role: str
    train: str
    modalities: tuple[str, ...]
    window_s: float | None = None
    published_mel_bands: int | None = None


def read_tasks(table: Mapping[str, Mapping[str, Any]]) -> list[TaskSettings]:
    """Read the config's table of tasks, name → fields."""
    return [build(TaskSettings, {"name": name, **fields}, f"tasks.{name}") for name, fields in table.items()]
