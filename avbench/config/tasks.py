"""What is scored: the tasks of the configuration."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from avbench.config.fields import DECIDED, UNIQUE, Count, Name, Positive, meaning
from avbench.config.settings import build, settings

Modality = Literal["audio", "video"]
Modalities = Annotated[tuple[Modality, ...], UNIQUE]
BOTH = "both"
"""The modality of a probe that sees the features of sound and picture side by side."""


def encoders_of(modalities: Iterable[str]) -> tuple[str, ...]:
    """Return the encoders whose features probes of some modalities see: each once, in their order."""
    return tuple(dict.fromkeys(one for name in modalities for one in (("audio", "video") if name == BOTH else (name,))))


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
    modalities: Annotated[
        tuple[Literal["audio", "video", "both"], ...],
        UNIQUE,
        meaning(
            "the encoders that are probed: `audio`, `video`, and `both`, whose features stand side by side, each "
            "standardised; `both` is scored by `linear` and `knn`"
        ),
    ]
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

    multi_label: Annotated[bool, DECIDED] = False  # as its dataset says

    @property
    def encoders(self) -> tuple[str, ...]:
        """The encoders that embed the task's clips."""
        return encoders_of(self.modalities)

    @property
    def paired(self) -> bool:
        """Whether its clips are embedded by both encoders."""
        return len(self.encoders) == 2


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
