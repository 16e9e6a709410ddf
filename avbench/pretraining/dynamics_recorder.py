"""The dynamics of a run: a fixed list of clips is embedded every now and then while it is trained."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from avbench.config.features import FeatureSettings
from avbench.core.arrays import open_arrays
from avbench.core.files import atomic, remove_leftovers
from avbench.data.store import Store
from avbench.features.given_features import given_features
from avbench.features.windows import Clips, start_s

if TYPE_CHECKING:
    from avbench.models.embedder import Embedder
    from avbench.pretraining.window_batches import Batches


BATCH = 64
"""Clips embedded at a time; in evaluation mode it decides nothing but the memory."""


def recorded_epochs(epochs: int) -> list[int]:
    """Return after how many epochs a run of so many is recorded: none, 1, 2, 4, 8, …, and all."""
    powers = itertools.takewhile(lambda power: power < epochs, (2**k for k in itertools.count()))
    return sorted({0, *powers, epochs})


@torch.no_grad()
def embed_windows(embedder: "Embedder", clips: Clips, device: torch.device) -> dict[str, np.ndarray]:
    """Embed one window in the middle of each clip, in evaluation mode and float32; the model is left as it was.

    Returns:
        ``audio`` and ``video``: the encoders' pooled features, (n, width). ``audio-head`` and ``video-head``: their
        projections into the common space, (n, dimension), of length one. All are rounded to float16.
    """
    training, model = embedder.training, embedder.model
    starts = start_s(clips.features, np.full(len(clips), 0.5), clips.duration_s)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("audio", "video", "audio-head", "video-head")}
    embedder.eval()
    for begin in range(0, len(clips), BATCH):
        part = np.arange(begin, min(begin + BATCH, len(clips)))
        audio = embedder.audio_input(torch.from_numpy(clips.audio(part, starts[part])).to(device))
        video = embedder.video_input(torch.from_numpy(clips.frames(part, starts[part])).to(device))
        for name, encoder, head, inputs in (
            ("audio", model.audio, model.audio_head, audio),
            ("video", model.video, model.video_head, video),
        ):
            features = encoder(inputs)
            projected = torch.nn.functional.normalize(head(features))
            for key, values in ((name, features), (f"{name}-head", projected)):
                found[key].append(values.half().cpu().numpy())
    embedder.train(training)
    return {name: np.concatenate(parts) for name, parts in found.items()}


class DynamicsRecorder:
    """Embeds a run's dynamics clips after each of `recorded_epochs`.

    What has been recorded lies in files beside the run's checkpoint, so that a run which was interrupted ends with all
    of it: each is written before any checkpoint of its step or a later one.

    Args:
        store: where the clips are.
        clip_ids: the dynamics clips, without their labels.
        features: lengths of the windows. A clip that is shorter is repeated.
        batches: of the run.
        folder: of the unfinished run.
    """

    def __init__(
        self, store: Store, clip_ids: Sequence[str], features: FeatureSettings, batches: "Batches", folder: Path
    ) -> None:
        given = given_features(batches.settings.networks, store.dataset)
        self.clips, self.clip_ids = Clips(store, clip_ids, features, short="repeat", given=given), list(clip_ids)
        self.epochs, self.steps_per_epoch = recorded_epochs(batches.epochs), batches.steps_per_epoch
        self.folder = folder

    def _file(self, epoch: int) -> Path:
        return self.folder / f"dynamics-{epoch}.npz"

    def record(self, embedder: "Embedder", step: int, device: torch.device) -> None:
        """Embed the clips if ``step``, the next one, is the first after an epoch to record.

        Raises:
            UserError: the disk is full.
        """
        epoch, rest = divmod(step, self.steps_per_epoch)
        if rest == 0 and epoch in self.epochs:
            _write(self._file(epoch), embed_windows(embedder, self.clips, device))

    def write(self, output: Path) -> None:
        """Write all that was recorded: ``clip_id`` (n,), ``epochs`` and ``steps`` (e,), and `embed_windows`, (e, n, …).

        Raises:
            UserError: the disk is full.
        """
        recorded = []
        for epoch in self.epochs:
            with open_arrays(self._file(epoch)) as arrays:
                recorded.append({name: arrays[name] for name in arrays.names})
        epochs = np.array(self.epochs, np.int64)
        clips = {"clip_id": np.array(self.clip_ids), "epochs": epochs, "steps": epochs * self.steps_per_epoch}
        _write(output, clips | {name: np.stack([arrays[name] for arrays in recorded]) for name in recorded[0]})


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    remove_leftovers(path)
    with atomic(path) as part, part.open("wb") as stream:
        np.savez(stream, **arrays)
