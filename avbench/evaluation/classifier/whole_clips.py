"""Classifying whole clips while an encoder or its classifier is trained on windows."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from avbench.data.store import Store
from avbench.evaluation.classifier.training_run import ClassifierRun
from avbench.evaluation.embedding import encode
from avbench.models.embedder import Embedder

STOP_CLIPS = 512
"""So many whole clips are classified between two looks at whether the job was asked to stop: seconds on a GPU."""


class WholeClips:
    """The logits of whole clips, in evaluation mode; the features of an encoder that never changes are kept.

    Args:
        model: holds the encoder.
        net: ``encoder`` and ``head``, on the device.
        store: where the clips are.
        run: says which clips, and whether the encoder changes.
        device: where to compute.
        between: called before every `STOP_CLIPS` clips.
    """

    def __init__(
        self,
        model: Embedder,
        net: nn.ModuleDict,
        store: Store,
        run: ClassifierRun,
        device: torch.device,
        between: Callable[[], None],
    ) -> None:
        self.model, self.net, self.store, self.run, self.device = model, net, store, run, device
        self.between = between
        self._features: dict[str, torch.Tensor] = {}

    def logits(self, split: str) -> torch.Tensor:
        """Return the logits of a split's clips, (clips, classes), without gradient."""
        self.net["encoder"].eval()
        if split not in self._features or not self.run.trained.fixed:
            ids, parts = self.run.ids(split), []
            for begin in range(0, len(ids), STOP_CLIPS):
                self.between()
                part = ids[begin : begin + STOP_CLIPS]
                parts += encode([self.model], self.store, part, self.run.modality, self.device)
            self._features[split] = torch.from_numpy(np.concatenate(parts)).to(self.device)
        with torch.no_grad():
            return self.net["head"](self._features[split])

    def loss(self, split: str) -> float:
        """Return the mean cross-entropy of a split's clips."""
        return float(F.cross_entropy(self.logits(split), self.run.targets(split).to(self.device)))
