"""What the verbs of pretraining are given. Nothing here imports torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from avbench.config.features import FeatureSettings
from avbench.config.job import read_job
from avbench.config.methods import Method
from avbench.config.mismatches import MismatchSettings
from avbench.config.pretraining import PretrainSettings
from avbench.core.errors import UserError


@dataclass(frozen=True)
class PretrainJob:
    """One method on one subset, a run per seed: all that decides the outcomes, and where they are read and written.

    Attributes:
        method: how pairs are drawn, a method's fields
        pretraining: how to train
        features: windows and log-mel parameters
        seeds: one a run, of everything drawn: initial weights, batches, windows, flips, positives
        identity: names of dataset, subset, labels and budget, kept with the outcome
        subset: file of the pretraining subset
        statistics: file of the subset's mel statistics
        outputs: the runs' folders, in the same order
        labels: files of labels or neighbours for pairing, one a run, which may be the same; none for methods without
        dynamics_clips: file of clips to embed along training, written to dynamics.npz; none for no dynamics
        chosen: file of a learning rate and a temperature that were chosen, instead of pretraining's; none to keep
        trials: checkpoints of finished trials; a run that is the same as one of them is taken over, not trained
        trial: whether these are trials: one whose loss is no longer finite has then failed, and the job has not (no)
        mismatch: which share of the clips does not match, and how; none for pairs as they are
        data: folder of the datasets (data)
    """

    method: Method
    pretraining: PretrainSettings
    features: FeatureSettings
    seeds: tuple[int, ...]
    identity: Mapping[str, str]
    subset: Path
    statistics: Path
    outputs: tuple[Path, ...]
    labels: tuple[Path, ...] = ()
    dynamics_clips: Path | None = None
    chosen: Path | None = None
    trials: tuple[Path, ...] = ()
    trial: bool = False
    mismatch: MismatchSettings | None = None
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "PretrainJob":
        """Read a job; raises UserError as `read_job`, and where seeds, outputs and labels are not as many."""
        job = read_job(cls, values)
        for key, given in (("outputs", job.outputs), ("labels", job.labels or job.seeds)):
            if len(given) != len(job.seeds):
                raise UserError(f"job: {key}: {len(given)} are given for {len(job.seeds)} seeds; give one a seed.")
        return job

    @property
    def runs(self) -> "list[SeedRun]":
        """The run of each seed."""
        labels = self.labels or [None] * len(self.seeds)
        return [SeedRun(*run) for run in zip(self.seeds, self.outputs, labels, strict=True)]

    @property
    def encoder_files(self) -> list[Path]:
        """The files of weights, and of features of the pretraining clips, that encoders are made of."""
        others = self.pretraining.networks.others.values()
        named = dict.fromkeys(path for one in others for path in one.read_files)
        return [Path(path.replace("{dataset}", self.identity["dataset"])) for path in named]

    def inputs(self, run: "SeedRun") -> list[Path]:
        """Return the files that decide the outcome of a run."""
        given = (self.subset, run.labels, self.statistics, self.dynamics_clips, self.chosen)
        plugins = (Path(path) for path, _ in self.method.plugins)
        return [*(path for path in given if path), *self.encoder_files, *plugins]


class SeedRun(NamedTuple):
    """A seed's part of a job: the seed, the run's folder, and the file of labels for pairing, if there is one."""

    seed: int
    output: Path
    labels: Path | None


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
