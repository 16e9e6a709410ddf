"""What the encoders see: log-mel spectrograms and normalised frames."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from avbench.errors import UserError

_FLOOR = 1e-10
_TOP_DB = 100.0
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class FeatureSettings:
    """Sampling of sound and picture, and the training windows cut from them. Defaults are the paper's."""

    sample_rate: int = 16000
    n_fft: int = 512
    hop: int = 160
    n_mels: int = 128
    frame_rate: float = 16.0
    video_s: float = 0.5
    audio_s: float = 1.0

    def __post_init__(self) -> None:
        """Check that the settings make sense.

        Raises:
            UserError: a value is not positive, or the hop exceeds the FFT.
        """
        for name, value in vars(self).items():
            if value <= 0:
                raise UserError(f"features: {name} is {value}, but must be positive.")
        if self.hop > self.n_fft:
            raise UserError(f"features: hop {self.hop} exceeds n_fft {self.n_fft}, so samples would be skipped.")

    @property
    def samples(self) -> int:
        """Audio samples in a training window."""
        return round(self.audio_s * self.sample_rate)

    @property
    def video_frames(self) -> int:
        """Pictures in a training window."""
        return round(self.video_s * self.frame_rate)

    @property
    def audio_shape(self) -> tuple[int, int, int]:
        """The audio encoder's input in training: (1, frames, mels)."""
        return 1, self.samples // self.hop, self.n_mels


def mel_bands(settings: FeatureSettings) -> np.ndarray:
    """Return the triangular filters that sum an FFT's magnitudes into mel bands.

    Slaney's scale (linear to 1 kHz, logarithmic above) from 0 Hz to half the sample rate, each triangle of
    unit area (M. Slaney 1998, Auditory Toolbox, Interval Research report 1998-010). Computed in float64: the
    weight of a bin at a triangle's foot would be wrong in float32.

    Returns:
        float32, (n_fft // 2 + 1, n_mels). Bands narrower than the FFT's resolution may be empty.
    """
    linear, octave = 200 / 3, np.log(6.4) / 27  # hertz a mel below 1 kHz, logarithmic step a mel above
    nyquist = settings.sample_rate / 2
    top = nyquist / linear if nyquist < 1000 else 15 + np.log(nyquist / 1000) / octave
    mels = np.linspace(0, top, settings.n_mels + 2)
    edges = np.where(mels < 15, mels * linear, 1000 * np.exp(octave * (mels - 15)))
    hertz = np.linspace(0, nyquist, settings.n_fft // 2 + 1)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    triangle = np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre))
    return (np.maximum(triangle, 0) * (2 / (high - low))).astype(np.float32)


class LogMel(nn.Module):
    """Log-mel spectrogram in decibels, on any device.

    Equal to librosa's ``power_to_db(melspectrogram(power=1.0), top_db=100)`` (centred frames, zero padding,
    Hann window, Slaney scale and norm) without the frames past ``samples // hop``. The transform is computed
    in float64, as librosa does: in float32, rounding shows from some 60 dB below the loudest band on, up to
    0.02 dB on recordings.
    """

    def __init__(self, settings: FeatureSettings) -> None:
        """Prepare window and filters; both follow the module to its device and are not saved with it."""
        super().__init__()
        self.settings = settings
        self.register_buffer("bands", torch.from_numpy(mel_bands(settings)), persistent=False)
        self.register_buffer("window", torch.hann_window(settings.n_fft, dtype=torch.float64), persistent=False)

    @torch.no_grad()
    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """Transform waveforms.

        Args:
            audio: (batch, samples), int16 or floats in [-1, 1].

        Returns:
            float32, (batch, samples // hop, n_mels), in decibels; also within autocast, as bfloat16 is too
            coarse for them.
        """
        hop = self.settings.hop
        frames = audio.shape[-1] // hop
        scale = 1 / 32768 if audio.dtype == torch.int16 else 1.0
        spectrum = torch.stft(
            audio.double(),
            self.settings.n_fft,
            hop,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        ).to(torch.complex64)
        # Not abs(): it guards against overflow, which cannot happen here, and takes three times as long.
        magnitude = (spectrum.real.square() + spectrum.imag.square()).sqrt_()
        with torch.autocast(audio.device.type, enabled=False):
            mel = magnitude.transpose(1, 2) @ (self.bands * scale)
        decibel = mel.clamp_(min=_FLOOR).log10_().mul_(10.0)
        loudest = decibel.amax((1, 2), keepdim=True)
        return torch.maximum(decibel, loudest - _TOP_DB)[:, :frames]


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
    count, mean, deviation = 0, 0.0, 0.0
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


def normalise_frames(frames: torch.Tensor) -> torch.Tensor:
    """Turn pictures into the video encoder's input, normalised with ImageNet's mean and standard deviation.

    Args:
        frames: uint8, (batch, T, H, W, 3), RGB.

    Returns:
        float32, (batch, 3, T, H, W), laid out channels-last: the axes are renamed, nothing is copied twice.
    """
    scale = torch.tensor([1 / (255 * std) for std in _IMAGENET_STD], device=frames.device)
    offset = torch.tensor(
        [-mean / std for mean, std in zip(_IMAGENET_MEAN, _IMAGENET_STD, strict=True)], device=frames.device
    )
    return torch.addcmul(offset, frames.float(), scale).movedim(-1, 1)


def flip(frames: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Mirror pictures left to right where ``draws`` is true; the input is not changed.

    Args:
        frames: (batch, T, H, W, 3), any dtype.
        draws: bool, (batch,) to flip whole clips, or (batch, T) to flip each frame on its own, as the
            authors' code does.

    Returns:
        The shape and dtype of ``frames``.
    """
    chosen = draws.to(frames.device)
    chosen = chosen.reshape(chosen.shape + (1,) * (frames.ndim - chosen.ndim))
    return torch.where(chosen, frames.flip(3), frames)
