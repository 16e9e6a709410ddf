"""What the verbs of pretraining are given. Nothing here imports torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench.config.features import FeatureSettings
from avbench.config.job import read_job
from avbench.config.methods import Method
from avbench.config.pretraining import PretrainSettings


@dataclass(frozen=True)
class PretrainJob:
    """One method on one subset with one seed: all that decides the outcome, and where it is read and written.

    Attributes:
        method: how pairs are drawn, a method's fields
        pretraining: how to train
        features: windows and log-mel parameters
        seed: of everything drawn: initial weights, batches, windows, flips, positives
        identity: names of dataset, subset, labels and budget, kept with the outcome
        subset: file of the pretraining subset
        statistics: file of the subset's mel statistics
        output: the run's folder
        labels: file of labels or neighbours for pairing; none for methods that use none
        dynamics_clips: file of clips to embed along training, written to dynamics.npz; none for no dynamics
        data: folder of the datasets (data)
    """

    method: Method
    pretraining: PretrainSettings
    features: FeatureSettings
    seed: int
    identity: Mapping[str, str]
    subset: Path
    statistics: Path
    output: Path
    labels: Path | None = None
    dynamics_clips: Path | None = None
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "PretrainJob":
        """Read a job; raises UserError as `read_job`."""
        return read_job(cls, values)

    @property
    def inputs(self) -> list[Path]:
        """The files that decide the outcome."""
        return [path for path in (self.subset, self.labels, self.statistics, self.dynamics_clips) if path]


@dataclass(frozen=True)
class UntrainedJob:
    """The initial weights of each seed.

    Attributes:
        pretraining: how runs are trained; the model is of interest
        features: windows and log-mel parameters
        statistics: file of the subset's mel statistics
        seeds: one per checkpoint
        outputs: the checkpoints to write
    """

    pretraining: PretrainSettings
    features: FeatureSettings
    statistics: Path
    seeds: tuple[int, ...]
    outputs: tuple[Path, ...]

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "UntrainedJob":
        """Read a job; raises UserError as `read_job`."""
        return read_job(cls, values)
