"""The batches of a pretraining run: sound of the anchors, frames of their positives, and what brings them to a GPU."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from avbench.config.methods import Method
from avbench.core import rng
from avbench.features.augmentation import Augmentation
from avbench.features.mismatched_clips import MismatchedClips
from avbench.features.windows import Clips, start_s
from avbench.methods.pairing import Pairing
from avbench.training.batch_norm import group_sizes
from avbench.training.distributed import ALONE, World
from avbench.training.prefetch import ahead, prefetch

if TYPE_CHECKING:
    from avbench.config.pretraining import PretrainSettings


@dataclass
class Batch:
    """Model input as it leaves the store: int16 (n, samples) and uint8 (n, frames, height, width, 3).

    Where several processes share a batch of ``clips`` clips, these are the ones at ``part``. ``labels`` are those of
    the whole batch, int64 (clips,), since every process computes its whole loss; None where the loss needs none.
    ``draws`` are those of the augmentation, float64 (n, draws); None without one.
    """

    step: int
    epoch: int
    clips: int
    part: slice
    audio: torch.Tensor
    frames: torch.Tensor
    flips: torch.Tensor
    labels: torch.Tensor | None = None
    draws: torch.Tensor | None = None

    @property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        """What `Embedder` takes."""
        always = (self.audio, self.frames, self.flips)
        return always if self.draws is None else (*always, self.draws)


class Batches:
    """The batches of a whole run, addressed by their step: the same for any number of workers and any restart.

    Args:
        clips: the subset's.
        pairing_codes: what the method may know of them, see `numbered`.
        method: how pairs are drawn.
        settings: how to train.
        seed: of the run.
        world: the processes that share each batch.

    Raises:
        UserError: the clips cannot be batched as the method wants, or batches are too small to be shared.
    """

    def __init__(
        self,
        clips: Clips | MismatchedClips,
        pairing_codes: np.ndarray,
        method: Method,
        settings: "PretrainSettings",
        seed: int,
        world: World = ALONE,
    ) -> None:
        self.clips, self.method, self.settings, self.seed, self.world = clips, method, settings, seed, world
        drawn = (settings.batch_size, settings.epochs, seed, settings.batch_order, settings.batch_members)
        self.pairing = Pairing(method, pairing_codes, *drawn).lasting(settings.steps)
        augmented = settings.augmented
        self.augmentation = Augmentation(augmented, clips.features) if augmented else None
        first = self.epoch(0)  # the others have as many batches
        for size in {self.pairing.smallest_batch, *map(len, first)}:  # refuses what is too small
            group_sizes(size, settings.batch_norm_groups, method.name)
            world.part(size, settings.batch_norm_groups, method.name)
        self.steps_per_epoch = len(first)
        self.epochs = self.pairing.epochs
        self.steps = self.steps_per_epoch * self.epochs

    def epoch(self, epoch: int) -> list[np.ndarray]:
        """Return the anchors of each batch of an epoch."""
        return self.pairing.batches(epoch)

    def read(self, step: int, epoch: int, anchors: np.ndarray) -> Batch:
        """Cut the audio of the anchors and the video of their positives, at the same time: this process's part."""
        clips, part = len(anchors), self.world.part(len(anchors), self.settings.batch_norm_groups)
        labels = torch.from_numpy(self.pairing.classes[anchors]) if self.method.loss_uses_labels else None
        anchors = anchors[part]
        videos = self.videos(anchors, epoch)
        draws = rng.uniforms(self.seed, "window", epoch, anchors)
        duration_s = self.clips.duration_s[anchors]
        if self.settings.partner_time == "fits":
            duration_s = np.minimum(duration_s, self.clips.duration_s[videos])
        starts = start_s(self.clips.features, draws, duration_s)
        per_frame = np.arange(self.clips.frame_count) if self.settings.flip == "frame" else np.zeros(1, int)
        index = anchors[:, None] * len(per_frame) + per_frame
        flips = rng.uniforms(self.seed, "flip", epoch, index) < 0.5
        draws_of = self.augmentation.draws if self.augmentation else None
        return Batch(
            step,
            epoch,
            clips,
            part,
            torch.from_numpy(self.clips.audio(anchors, starts)),
            torch.from_numpy(self.clips.frames(videos, starts)),
            torch.from_numpy(flips if self.settings.flip == "frame" else flips[:, 0]),
            labels,
            torch.from_numpy(draws_of(self.seed, epoch, anchors)) if draws_of else None,
        )

    def videos(self, anchors: np.ndarray, epoch: int) -> np.ndarray:
        """Return the clip whose video is each anchor's positive."""
        return self.pairing.videos(anchors, epoch)

    def since(self, step: int, threads: int = 0) -> Generator[Batch]:
        """Return the batches from ``step`` on, prepared ahead by so many threads; in line without any."""
        return prefetch(self.read, self._plan(step), threads)

    def _plan(self, step: int) -> Iterator[tuple[int, int, np.ndarray]]:
        for epoch in range(step // self.steps_per_epoch, self.epochs):
            for place, anchors in enumerate(self.epoch(epoch)):
                number = epoch * self.steps_per_epoch + place
                if number >= step:
                    yield number, epoch, anchors


def on_device(batches: Generator[Batch], device: torch.device) -> Generator[Batch]:
    """Bring batches to a GPU, each while it works on the one before; on a CPU they stay what they are."""
    if device.type != "cuda":
        return batches
    stream = torch.cuda.Stream(device)
    training = torch.cuda.default_stream(device)

    def copy(batch: Batch) -> Batch:
        with torch.cuda.stream(stream):
            moved = {
                name: tensor.pin_memory().to(device, non_blocking=True)
                for name in ("audio", "frames", "flips", "labels", "draws")
                if (tensor := getattr(batch, name)) is not None
            }
        stream.synchronize()
        for tensor in moved.values():
            tensor.record_stream(training)  # its memory is not taken for the next batch while this one is in use
        return replace(batch, **moved)

    return ahead(batches, copy)
