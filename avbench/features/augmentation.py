"""Random changes of training windows, on the device that trains; each is a function of draws that come with the batch.

A window's draws are keyed by seed, epoch and clip, as its flip is, so that neither its batch nor its process matters.
"""

import math

import numpy as np
import torch

from avbench.config.augmentation import AugmentationSettings
from avbench.config.features import FeatureSettings
from avbench.core import rng

_RATIO = 4 / 3  # of a crop, at most, as of torchvision's RandomResizedCrop
_BITS = 53  # of a draw


class Augmentation:
    """What is changed of sound and picture of a batch.

    Args:
        settings: what, and how much.
        features: of the windows.
    """

    def __init__(self, settings: AugmentationSettings, features: FeatureSettings) -> None:
        self.settings, self.features = settings, features
        masks = [
            f"{axis} {what} {number}"
            for axis, key in (("time", "time_mask_s"), ("mel", "mel_mask"))
            if getattr(settings, key) is not None
            for number in range(settings.masks)
            for what in ("width", "start")
        ]
        self._columns = [
            *(["gain"] if settings.gain_db is not None else []),
            *(["ratio of noise", "noise"] if settings.noise_snr_db is not None else []),
            *masks,
            *(["area", "shape", "top", "left"] if settings.crop is not None else []),
            *(["brightness", "contrast", "saturation"] if settings.colour is not None else []),
        ]

    def draws(self, seed: int, epoch: int, anchors: np.ndarray) -> np.ndarray:
        """Draw what changes the windows of some clips in an epoch: float64 (n, draws), in [0, 1)."""
        columns = [rng.uniforms(seed, f"augmentation: {name}", epoch, anchors) for name in self._columns]
        return np.stack(columns, axis=1)

    def _of(self, draws: torch.Tensor, name: str) -> torch.Tensor:
        return draws[:, self._columns.index(name)]

    def sound(self, audio: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """Change waveforms, int16 (n, samples): float32 within [-1, 1], or as they are where nothing is asked for.

        Gain comes first; noise is relative to what it leaves.
        """
        settings = self.settings
        if settings.gain_db is None and settings.noise_snr_db is None:
            return audio
        sound = audio.float() / 32768
        if settings.gain_db is not None:
            decibel = settings.gain_db * (2 * self._of(draws, "gain") - 1)
            sound = sound * (10 ** (decibel / 20)).float()[:, None]
        if settings.noise_snr_db is not None:
            low, high = settings.noise_snr_db
            decibel = low + (high - low) * self._of(draws, "ratio of noise")
            level = (sound.square().mean(1).double() * 10 ** (-decibel / 10)).sqrt().float()
            sound = sound + level[:, None] * white_noise(self._of(draws, "noise"), sound.shape[1])
        return sound.clamp(-1, 1)

    def spectrum(self, mel: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """Mask standardised log-mels, float32 (n, frames, bands): stretches and bands become 0, their mean.

        Widths and places are drawn as torchaudio's ``mask_along_axis_iid`` draws them (Park et al. 2019, "SpecAugment",
        arXiv:1904.08779).
        """
        widest = {"time": self.settings.time_mask_s, "mel": self.settings.mel_mask}
        for dim, (axis, most) in enumerate(widest.items(), start=1):
            if most is None:
                continue
            if axis == "time":
                most = most * self.features.sample_rate / self.features.hop
            for number in range(self.settings.masks):
                width = most * self._of(draws, f"{axis} width {number}")
                start = (mel.shape[dim] - width) * self._of(draws, f"{axis} start {number}")
                places = torch.arange(mel.shape[dim], device=mel.device)
                begin = start.long()[:, None]
                hidden = (places >= begin) & (places < begin + width.long()[:, None])
                mel = mel.masked_fill(hidden.unsqueeze(3 - dim), 0.0)
        return mel

    def pictures(self, frames: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """Crop pictures and change their colours, uint8 (n, frames, height, width, 3), all frames of a clip alike."""
        if not self.settings.asked(("crop", "colour")):
            return frames
        from torchvision.transforms.v2 import functional  # here: it takes seconds to import

        clips = frames.permute(0, 1, 4, 2, 3)
        if self.settings.crop is not None:
            size = list(clips.shape[-2:])
            boxes = self.boxes(draws, *size).tolist()
            clips = torch.stack(
                [
                    functional.resized_crop(one, *box, size, antialias=True)
                    for one, box in zip(clips, boxes, strict=True)
                ]
            )
        if self.settings.colour is not None:
            for name in ("brightness", "contrast", "saturation"):
                change = getattr(functional, f"adjust_{name}")
                factors = (1 + self.settings.colour * (2 * self._of(draws, name) - 1)).tolist()
                clips = torch.stack([change(one, factor) for one, factor in zip(clips, factors, strict=True)])
        return clips.permute(0, 1, 3, 4, 2)

    def boxes(self, draws: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Return the crops of some clips: int64 (n, 4), top, left, height and width.

        The share of the area is even in [crop, 1], the logarithm of the shape in ±ln(4/3), as torchvision's
        ``RandomResizedCrop`` has them. A box that does not fit is cut off there rather than drawn again.
        """
        assert self.settings.crop is not None
        area = self.settings.crop + (1 - self.settings.crop) * self._of(draws, "area")
        shape = torch.exp(math.log(_RATIO) * (2 * self._of(draws, "shape") - 1))
        high = (height * (area / shape).sqrt()).round().clamp(1, height)
        wide = (width * (area * shape).sqrt()).round().clamp(1, width)
        top = ((height - high + 1) * self._of(draws, "top")).floor()
        left = ((width - wide + 1) * self._of(draws, "left")).floor()
        return torch.stack([top, left, high, wide], dim=1).long()


def white_noise(draws: torch.Tensor, count: int) -> torch.Tensor:
    """Return white noise of power one, evenly distributed: float32 (n, count), of a draw each.

    SplitMix64 in counter mode, as :func:`avbench.core.rng.uniforms`, in integers that wrap on every device alike: a GPU
    makes the same noise as a CPU.

    Args:
        draws: float64 (n,), in [0, 1).
        count: samples.
    """
    key = _mixed((draws * 2**_BITS).long())[:, None]
    place = torch.arange(1, count + 1, device=draws.device)
    bits = _mixed(key + _signed(0x9E3779B97F4A7C15) * place)
    even = _shifted(bits, 40).float() * 2.0**-24  # of 24 bits, which a float32 holds
    return (2 * even - 1) * math.sqrt(3)


def _mixed(state: torch.Tensor) -> torch.Tensor:
    state = (state ^ _shifted(state, 30)) * _signed(0xBF58476D1CE4E5B9)
    state = (state ^ _shifted(state, 27)) * _signed(0x94D049BB133111EB)
    return state ^ _shifted(state, 31)


def _shifted(state: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift 64 bits to the right, as if they were unsigned."""
    return (state >> bits) & (2 ** (64 - bits) - 1)


def _signed(constant: int) -> int:
    return constant - 2**64 if constant >= 2**63 else constant
