"""How, where and how fast to pretrain."""

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from avbench.config import models, schema
from avbench.config.augmentation import AugmentationSettings
from avbench.config.budgets import Budgets
from avbench.config.choices import names
from avbench.config.features import FeatureSettings
from avbench.config.fields import DECIDED, Count, Name, NotNegative, Positive, Shown, Whole, meaning
from avbench.config.settings import build, settings


@settings("pretraining")
class PretrainSettings:
    """How to train. Defaults are the paper's where it gives a value."""

    model: Annotated[
        Any,
        Shown(models.model_schema),
        meaning(f"a preset, {names(models.PRESETS)} (`python -m avbench models`), or a mapping of encoders, see below"),
    ] = "paper"
    epochs: Annotated[Count, meaning("passes over the subset; a subset may have its own")] = 100
    # Of a budget that is given in steps: epochs follow from it where batches are known.
    steps: Annotated[Count | None, DECIDED] = None
    batch_size: Annotated[
        int,
        Field(ge=2),
        meaning(
            "clips per batch; one-per-class batches are at most as large as the number of classes, single-class ones "
            "as their class"
        ),
    ] = 309
    learning_rate: Annotated[Positive, meaning("of Adam")] = 1e-4
    weight_decay: Annotated[NotNegative, meaning("of Adam")] = 1e-5
    schedule: Annotated[
        Literal["constant", "cosine"], meaning("`constant`, or `cosine` from the full rate to zero")
    ] = "constant"
    temperature: Annotated[Positive, meaning("of the similarities in InfoNCE")] = 0.07
    flip: Annotated[
        Literal["clip", "frame", "none"],
        # Each frame for itself is a switch of the paper's protocol.
        WithJsonSchema({"enum": ["clip", "none"]}),
        meaning("mirror pictures at random: `clip` as a whole, or `none`"),
    ] = "clip"
    augmentation: Annotated[
        Mapping[str, Any] | None,
        Shown(lambda: schema.of(AugmentationSettings)),
        meaning("what is changed of training windows at random, see below; nothing unless given"),
    ] = None
    # Of batches of one class; fixed: every epoch is like the first.
    batch_order: Annotated[Literal["fresh", "fixed"], DECIDED] = "fresh"
    # A batch is normalised in so many groups, as by GPUs that are not synchronised.
    batch_norm_groups: Annotated[Count, DECIDED] = 1
    # Of batches of one clip per class; by-class: in the order of the classes, which decides whose group is the first.
    batch_members: Annotated[Literal["shuffled", "by-class"], DECIDED] = "shuffled"
    # Windows lie inside anchor and partner; anchor: inside the anchor alone.
    partner_time: Annotated[Literal["fits", "anchor"], DECIDED] = "fits"
    precision: Annotated[Literal["float32", "bfloat16"], meaning("`float32`, or `bfloat16` by autocast")] = "float32"
    tf32: Annotated[bool, meaning("on GPUs, float32 is multiplied with ten bits of mantissa: faster, coarser")] = False
    clip_grad: Annotated[
        Positive | None, meaning("the gradient is scaled down to this norm where it is longer; no limit unless given")
    ] = None
    # Fixed rather than taken from the machine.
    cpu_threads: Annotated[
        Count,
        meaning(
            "threads of a computation on the CPU; part of the outcome, since sums split otherwise give other last "
            "digits"
        ),
    ] = 1

    def __post_init__(self) -> None:
        """Check the model and the augmentation; raises UserError as `models.settings_of`, or of a value."""
        models.settings_of(self.model, "pretraining.model")
        _ = self.augmented

    @property
    def networks(self) -> models.ModelSettings:
        """The encoders that the model names."""
        return models.settings_of(self.model)

    @property
    def augmented(self) -> AugmentationSettings | None:
        """What is changed of training windows."""
        if self.augmentation is None:
            return None
        return build(AugmentationSettings, self.augmentation, "pretraining.augmentation")

    def recorded(self) -> dict[str, Any]:
        """Return what identifies a run: all settings, of the augmentation only if there is one."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value is not None or key != _LATER}


_LATER = "augmentation"
"""A setting that came later: runs that do without it are the same as before."""


@settings("machine")
class MachineSettings:
    """Where and how fast to train: nothing that decides the outcome, so a change of it repeats no run.

    On another device, or compiled, the outcome is the same up to rounding.
    """

    device: Annotated[
        str,
        Field(pattern="^(auto|cpu|cuda(:[0-9]+)?)$"),
        meaning("`auto` (the first GPU if there is one), `cpu`, `cuda`, `cuda:1`"),
    ] = "auto"
    loader_threads: Annotated[Whole, meaning("threads that prepare batches ahead; 0 prepares them in line")] = 0
    cache_mb: Annotated[
        NotNegative | Literal["auto"],
        WithJsonSchema({"if": {"type": "string"}, "then": {"const": "auto"}, "else": {"type": "number", "minimum": 0}}),
        meaning(
            "keep decoded clips in memory: `auto` keeps all if a quarter of the free memory remains; a number is a "
            "limit in MB. On a cluster that limits a job to its `mem_mb`, `auto` finds little room; a number is "
            "asked for"
        ),
    ] = "auto"
    checkpoint_every_s: Annotated[
        NotNegative,
        meaning(
            "seconds between checkpoints of an unfinished run; one is also made at an epoch's end if the last is 10 s "
            "old"
        ),
    ] = 120
    compile: Annotated[
        bool,
        meaning(
            "compile the model by torch.compile, which takes a minute or more first; where it fails, training goes on "
            "without"
        ),
    ] = False
    tensorboard: Annotated[bool, meaning("write events into the run's folder, if the package is installed")] = False


MACHINE = tuple(entry.name for entry in dataclasses.fields(MachineSettings))
"""Keys of `pretraining` that do not decide the outcome: rules pass them on without repeating runs when they change."""


@settings("pretraining")
class Pretraining(MachineSettings, PretrainSettings):
    """The section as the user writes it: how to train, where and how fast, and on what."""

    dataset: Annotated[Name, meaning("the dataset to train on, with audio and video")] = field(kw_only=True)
    features: Annotated[FeatureSettings, meaning("the windows and their log-mel spectrogram, see below")] = field(
        default_factory=FeatureSettings, kw_only=True
    )
    budgets: Annotated[
        Budgets | None, meaning("several lengths of runs instead of `epochs`, each trained and scored, see below")
    ] = field(default=None, kw_only=True)
    gpus: Annotated[
        Whole,
        meaning("GPUs that a job asks the scheduler for; with two or more, as many processes share every batch"),
    ] = field(default=0, kw_only=True)
    seeds_together: Annotated[
        Count,
        meaning(
            "the first so many seeds are trained one after another in one process, which starts once and decodes clips "
            "once: for models whose runs take seconds. On a cluster or several GPUs seeds rather run side by side. "
            "Further seeds have jobs of their own, so that adding one repeats nothing. With seeds in rounds, any "
            "number above 1 trains those of a round together"
        ),
    ] = field(default=1, kw_only=True)
