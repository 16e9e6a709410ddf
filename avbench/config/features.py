"""Windows and log-mel parameters."""

from dataclasses import dataclass

from avbench.core.errors import UserError


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
