"""Stored samples: what a dataset looks and sounds like after decoding, resizing and resampling."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from avbench.core.files import read_csv
from avbench.figures import names, panels, spectrogram, style
from avbench.figures.reading import Settings

if TYPE_CHECKING:
    from avbench.config.features import FeatureSettings
    from avbench.data.store import Store


SHOWN_CLIPS = 9


def draw_samples(settings: Settings, stem: Path) -> None:
    """Stored clips of a subset, each of another class as far as there are enough."""
    from avbench.config.features import FeatureSettings
    from avbench.config.settings import build
    from avbench.data.store import open_store

    clips = pd.DataFrame(read_csv(settings["subset"], ("clip_id", "label")))
    chosen = pd.concat([clips.drop_duplicates("label"), clips]).drop_duplicates("clip_id").head(SHOWN_CLIPS)
    features = build(FeatureSettings, settings["features"], "features")
    store = open_store(Path(settings["data"]), settings["dataset"])
    samples = load(store, list(chosen["clip_id"]), list(chosen["label"]), features)
    style.save(draw(samples, left_out=clips["label"].nunique() - chosen["label"].nunique()), stem)


@dataclass(frozen=True)
class Sample:
    """A stored clip: frames uint8 (n, H, W, 3), log-mel spectrogram (frames, mels) in decibels, length."""

    clip_id: str
    label: str
    frames: np.ndarray
    spectrogram: np.ndarray
    seconds: float


def load(
    store: "Store",
    clip_ids: Sequence[str],
    labels: Sequence[str],
    features: "FeatureSettings",
    frames: int = 4,
) -> list[Sample]:
    """Read whole clips from a store, with ``frames`` pictures spread evenly over each.

    Raises:
        UserError: the store lacks a clip.
    """
    import torch

    from avbench.features.log_mel import LogMel

    log_mel = LogMel(features)
    samples = []
    for row, clip_id, label in zip(store.rows(clip_ids), clip_ids, labels, strict=True):
        count = store.frame_count(row)
        places = np.linspace(0, count - 1, min(frames, count)).astype(int)
        pictures = np.concatenate([store.frames(row, int(place), 1) for place in places])
        sound = torch.from_numpy(np.array(store.audio(row)))[None]
        samples.append(Sample(clip_id, label, pictures, log_mel(sound)[0].numpy(), float(store.duration_s[row])))
    return samples


def draw(samples: Sequence[Sample], across: int = 3, left_out: int = 0) -> Figure:
    """Draw a grid of samples: label, strip of pictures, spectrogram over time; and how many classes are left out."""
    across = min(across, len(samples))
    down = math.ceil(len(samples) / across)
    with style.shared():
        made = style.figure(style.PAGE * across / 3, 1.75 * down)
        cells = made.subfigures(down, across, squeeze=False)
        for place, sample in enumerate(samples):
            cell = cells[place // across, place % across]
            upper, lower = cell.subplots(2, 1, height_ratios=[1, 1.3])
            upper.set_title(names.wrap(sample.label, 34, 1), fontsize=7)
            upper.imshow(_strip(sample.frames), interpolation="nearest")
            panels.bare(upper)
            spectrogram.show(lower, sample.spectrogram, sample.seconds)
            lower.set_yticks([0, sample.spectrogram.shape[1]])
            lower.set_ylabel("Mel band")
            lower.set_xlabel("Time (s)", labelpad=1)
        if left_out:
            shown = len({sample.label for sample in samples})
            text = f"{shown} of {shown + left_out} classes are shown, the first of the subset"
            made.suptitle(text if across > 1 else names.wrap(text, 30, 3), fontsize=7)
    return made


def _strip(frames: np.ndarray) -> np.ndarray:
    """Set frames (n, H, W, 3) side by side, with a white gap of a twentieth of their width."""
    gap = np.full((frames.shape[1], max(1, frames.shape[2] // 20), 3), 255, np.uint8)
    parts = [part for frame in frames for part in (gap, frame)]
    return np.concatenate(parts[1:], axis=1)
