"""Batches of labelled windows of one modality."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from avbench.config.evaluation import TrainingSettings
from avbench.core import rng
from avbench.features.windows import Clips, start_s
from avbench.methods.batches import batches


@dataclass
class Batch:
    """Windows as they leave the store; ``flips`` is None for sound."""

    step: int
    epoch: int
    anchors: np.ndarray
    windows: torch.Tensor
    flips: torch.Tensor | None


class Windows:
    """The batches of a whole training run: random windows of the training clips, in random order."""

    def __init__(self, clips: Clips, modality: str, flip: str, settings: TrainingSettings, seed: int) -> None:
        self.clips, self.modality, self.flip, self.seed = clips, modality, flip, seed
        self.epochs, self.batch_size = settings.epochs, min(settings.batch_size, len(clips))
        self.steps_per_epoch = len(self.epoch(0))
        self.steps = self.epochs * self.steps_per_epoch

    def epoch(self, epoch: int) -> list[np.ndarray]:
        """Return the clips of each batch of an epoch; less than a batch sits out."""
        return batches("shuffled", np.zeros(len(self.clips), int), self.batch_size, self.seed, epoch)

    def plan(self, first: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield step, epoch and clips of every batch from a step on."""
        for epoch in range(first // self.steps_per_epoch, self.epochs):
            for place, anchors in enumerate(self.epoch(epoch)):
                step = epoch * self.steps_per_epoch + place
                if step >= first:
                    yield step, epoch, anchors

    def read(self, step: int, epoch: int, anchors: np.ndarray) -> Batch:
        """Cut a batch; windows and flips are drawn as in pretraining."""
        draws = rng.uniforms(self.seed, "window", epoch, anchors)
        starts = start_s(self.clips.features, draws, self.clips.duration_s[anchors])
        if self.modality == "audio":
            return Batch(step, epoch, anchors, torch.from_numpy(self.clips.audio(anchors, starts)), None)
        count = self.clips.frame_count if self.flip == "frame" else 1
        flips = rng.uniforms(self.seed, "flip", epoch, anchors[:, None] * count + np.arange(count)) < 0.5
        flips = torch.from_numpy(flips if self.flip == "frame" else flips[:, 0])
        return Batch(step, epoch, anchors, torch.from_numpy(self.clips.frames(anchors, starts)), flips)
