"""Following a run: a fixed list of clips is embedded every now and then while the run goes on."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from avbench.config.features import FeatureSettings
from avbench.core.files import atomic, remove_leftovers
from avbench.data.store import Store
from avbench.features.windows import Clips, start_s

if TYPE_CHECKING:
    from avbench.models.embedder import Task


BATCH = 64
"""Clips embedded at a time; in evaluation mode it decides nothing but the memory."""


def followed_epochs(epochs: int) -> list[int]:
    """Return after how many epochs a run of so many is looked at: none, 1, 2, 4, 8, …, and all."""
    powers = itertools.takewhile(lambda power: power < epochs, (2**k for k in itertools.count()))
    return sorted({0, *powers, epochs})


@torch.no_grad()
def embed_windows(task: "Task", clips: Clips, device: torch.device) -> dict[str, np.ndarray]:
    """Embed one window in the middle of each clip, in evaluation mode and float32; the model is left as it was.

    Returns:
        ``audio`` and ``video``: the encoders' pooled features, (n, width). ``audio-head`` and ``video-head``: their
        projections into the common space, (n, dimension), of length one. All are rounded to float16.
    """
    training, model = task.training, task.model
    starts = start_s(clips.features, np.full(len(clips), 0.5), clips.duration_s)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("audio", "video", "audio-head", "video-head")}
    task.eval()
    for begin in range(0, len(clips), BATCH):
        part = np.arange(begin, min(begin + BATCH, len(clips)))
        audio = task.audio_input(torch.from_numpy(clips.audio(part, starts[part])).to(device))
        video = task.video_input(torch.from_numpy(clips.frames(part, starts[part])).to(device))
        for name, encoder, head, inputs in (
            ("audio", model.audio, model.audio_head, audio),
            ("video", model.video, model.video_head, video),
        ):
            features = encoder(inputs)
            projected = torch.nn.functional.normalize(head(features))
            for key, values in ((name, features), (f"{name}-head", projected)):
                found[key].append(values.half().cpu().numpy())
    task.train(training)
    return {name: np.concatenate(parts) for name, parts in found.items()}


class Following:
    """What a run's followed clips look like after each of `followed_epochs`.

    What has been seen lies in files beside the run's checkpoint, so that a run which was interrupted ends with all of
    it: each is written before any checkpoint of its step or a later one.

    Args:
        store: where the clips are.
        clip_ids: the clips to follow; nothing else is known of them.
        features: lengths of the windows. A clip that is shorter is repeated.
        epochs, steps_per_epoch: of the run.
        folder: of the unfinished run.
    """

    def __init__(
        self,
        store: Store,
        clip_ids: Sequence[str],
        features: FeatureSettings,
        epochs: int,
        steps_per_epoch: int,
        folder: Path,
    ) -> None:
        self.clips, self.clip_ids = Clips(store, clip_ids, features, short="repeat"), list(clip_ids)
        self.epochs, self.steps_per_epoch, self.folder = followed_epochs(epochs), steps_per_epoch, folder

    def _file(self, epoch: int) -> Path:
        return self.folder / f"followed-{epoch}.npz"

    def look(self, task: "Task", step: int, device: torch.device) -> None:
        """Embed the clips if ``step``, the next one, is the first after a followed epoch.

        Raises:
            UserError: the disk is full.
        """
        epoch, rest = divmod(step, self.steps_per_epoch)
        if rest == 0 and epoch in self.epochs:
            _write(self._file(epoch), embed_windows(task, self.clips, device))

    def write(self, output: Path) -> None:
        """Write all that was seen: ``clip_id`` (n,), ``epochs`` and ``steps`` (e,), and (e, n, …) of `embed_windows`.

        Raises:
            UserError: the disk is full.
        """
        seen = []
        for epoch in self.epochs:
            with np.load(self._file(epoch)) as arrays:
                seen.append(dict(arrays))
        epochs = np.array(self.epochs, np.int64)
        known = {"clip_id": np.array(self.clip_ids), "epochs": epochs, "steps": epochs * self.steps_per_epoch}
        _write(output, known | {name: np.stack([arrays[name] for arrays in seen]) for name in seen[0]})


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    remove_leftovers(path)
    with atomic(path) as part, part.open("wb") as stream:
        np.savez(stream, **arrays)
