"""What the audio encoder's input is standardised with: measured on the pretraining subset alone."""

from collections.abc import Sequence
from typing import Any

import torch

from avbench.features import FeatureSettings, LogMel, band_statistics
from avbench.store import Store


def subset_statistics(store: Store, clip_ids: Sequence[str], features: FeatureSettings) -> dict[str, Any]:
    """Return ``mean`` and ``std`` of each mel band, in dB, over all frames of whole clips, and how many clips."""
    log_mel = LogMel(features)
    audio = (torch.from_numpy(store.audio(int(row)).copy()).unsqueeze(0) for row in store.rows(clip_ids))
    mean, std = band_statistics(log_mel(samples) for samples in audio)
    return {"clips": len(clip_ids), "mean": mean.tolist(), "std": std.tolist()}
