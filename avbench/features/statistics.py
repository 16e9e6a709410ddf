"""Mean and deviation of each mel band, and standardisation by them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from avbench.config.features import FeatureSettings
from avbench.config.models import ModelSettings
from avbench.core.errors import UserError
from avbench.data.store import Store
from avbench.features.given_features import given_features, given_statistics
from avbench.features.log_mel import LogMel


class Standardise(nn.Module):
    """Subtract each band's mean and divide by its standard deviation plus 1e-5."""

    def __init__(self, mean: np.ndarray | torch.Tensor, std: np.ndarray | torch.Tensor) -> None:
        """Take the bands' mean and standard deviation, shape (bands,) each; saved with the module."""
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.as_tensor(std, dtype=torch.float32))

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


def subset_statistics(
    store: Store, clip_ids: Sequence[str], features: FeatureSettings, networks: ModelSettings | None = None
) -> dict[str, Any]:
    """Return ``mean`` and ``std`` of each mel band, in dB, over all frames of whole clips, and how many clips.

    Where features stand for encoders there is also ``given``, see `given_statistics`; where they stand for that of
    sound, no clip is heard, and bands are left as they are.
    """
    given = given_features(networks, store.dataset) if networks else {}
    more = {"given": given_statistics(given, clip_ids)} if given else {}
    if "audio" in given:
        bands = features.n_mels
        return {"clips": len(clip_ids), "mean": [0.0] * bands, "std": [1.0] * bands, **more}
    log_mel = LogMel(features)
    audio = (torch.from_numpy(store.audio(int(row)).copy()).unsqueeze(0) for row in store.rows(clip_ids))
    mean, std = band_statistics(log_mel(samples) for samples in audio)
    return {"clips": len(clip_ids), "mean": mean.tolist(), "std": std.tolist(), **more}
