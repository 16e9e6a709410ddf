"""Mean and deviation of each mel band, and standardisation by them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from avbench.config.features import FeatureSettings
from avbench.core.errors import UserError
from avbench.data.store import Store
from avbench.features.log_mel import LogMel


class Standardise(nn.Module):
    """Subtract each band's mean and divide by its standard deviation plus 1e-5."""

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        """Take the bands' mean and standard deviation, shape (bands,) each; saved with the module."""
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(np.asarray(mean, dtype=np.float32)))
        self.register_buffer("std", torch.as_tensor(np.asarray(std, dtype=np.float32)))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Standardise float values (…, bands); the shape stays."""
        return (mel - self.mean) / (self.std + 1e-5)


def band_statistics(batches: Iterable[torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Return each band's mean and (population) standard deviation over all frames of all clips.

    Batches are merged as Chan, Golub & LeVeque (1979) do, which loses no digits, as a sum of squares would.

    Args:
        batches: spectrograms (batch, frames, n_mels); each is read once, so memory does not grow.

    Returns:
        Two arrays, float64, shape (n_mels,).

    Raises:
        UserError: there is nothing to average.
    """
    count = 0
    mean = deviation = torch.zeros((), dtype=torch.float64)  # takes the shape (n_mels,) with the first batch
    for batch in batches:
        frames = batch.reshape(-1, batch.shape[-1]).double()
        if not len(frames):
            continue
        added = len(frames)
        batch_mean = frames.mean(0)
        shift = batch_mean - mean
        deviation = deviation + ((frames - batch_mean) ** 2).sum(0) + shift**2 * (count * added / (count + added))
        count += added
        mean = mean + shift * (added / count)
    if not count:
        raise UserError("there are no training clips from which to compute the bands' mean and deviation.")
    return mean.cpu().numpy(), (deviation / count).sqrt().cpu().numpy()


def subset_statistics(store: Store, clip_ids: Sequence[str], features: FeatureSettings) -> dict[str, Any]:
    """Return ``mean`` and ``std`` of each mel band, in dB, over all frames of whole clips, and how many clips."""
    log_mel = LogMel(features)
    audio = (torch.from_numpy(store.audio(int(row)).copy()).unsqueeze(0) for row in store.rows(clip_ids))
    mean, std = band_statistics(log_mel(samples) for samples in audio)
    return {"clips": len(clip_ids), "mean": mean.tolist(), "std": std.tolist()}
