"""One classifier on an encoder: of a task and a modality, and what is trained of both."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from avbench.config.evaluation import TrainingSettings
from avbench.config.features import FeatureSettings
from avbench.config.paper_switches import PaperSwitches
from avbench.core.errors import UserError


@dataclass(frozen=True)
class TrainedParts:
    """What is trained of an encoder.

    Attributes:
        encoder: whether its weights are trained.
        batch_statistics: whether its batch norm normalises by the batch, and keeps running statistics, in training.
    """

    encoder: bool
    batch_statistics: bool

    @property
    def fixed(self) -> bool:
        """Whether the encoder never changes."""
        return not self.encoder and not self.batch_statistics


def trained_parts(name: str, switches: PaperSwitches) -> TrainedParts:
    """Return what a protocol trains.

    Raises:
        UserError: there is no such protocol.
    """
    if name == "linear-sgd":
        return TrainedParts(encoder=False, batch_statistics=switches.train_mode_probe)
    if name in ("finetune", "supervised"):
        return TrainedParts(encoder=True, batch_statistics=True)
    raise UserError(f"evaluation: {name!r} trains no classifier. Those that do: linear-sgd, finetune, supervised.")


@dataclass(frozen=True)
class ClassifierRun:
    """One classifier to train.

    Attributes:
        name: what is trained, for the reader of the log.
        modality: which encoder it stands on.
        trained: what is trained of the encoder.
        clips: columns clip_id, label (true) and split.
        features: the windows.
        settings: how to train.
        seed: of the classifier's initial weights, batches, windows, flips and dropout.
    """

    name: str
    modality: str
    trained: TrainedParts
    clips: pd.DataFrame
    features: FeatureSettings
    settings: TrainingSettings
    seed: int

    def log(self, line: str) -> None:
        """Print a line that says what it is about."""
        print(f"{self.name}: {line}")

    def ids(self, split: str) -> list[str]:
        """Return the clips of a split."""
        return list(self.clips["clip_id"][self.clips["split"] == split])

    def classes(self) -> np.ndarray:
        """Return the names of the classes, text, sorted."""
        return np.unique(self.clips["label"].to_numpy(dtype=str))

    def targets(self, split: str) -> torch.Tensor:
        """Return the class of each clip of a split: int64, places in `classes`."""
        labels = self.clips["label"][self.clips["split"] == split].to_numpy(dtype=str)
        return torch.from_numpy(np.searchsorted(self.classes(), labels))
