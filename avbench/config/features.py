"""Windows and log-mel parameters."""

from typing import Annotated

from pydantic import Field

from avbench.config.fields import DECIDED, Count, Positive, meaning
from avbench.config.settings import settings
from avbench.core.errors import UserError


@settings("features")
class FeatureSettings:
    """Sampling of sound and picture, and the training windows cut from them. Defaults are the paper's.

    Raises:
        UserError: a value is not allowed, or the hop exceeds the FFT.
    """

    sample_rate: Annotated[Count, DECIDED] = 16000
    n_fft: Annotated[int, Field(ge=16), meaning("of the log-mel spectrogram, in samples")] = 512
    hop: Annotated[Count, meaning("from one of its frames to the next, in samples")] = 160
    n_mels: Annotated[Count, meaning("its mel bands")] = 128
    frame_rate: Annotated[Positive, DECIDED] = 16.0
    video_s: Annotated[Positive, meaning("length of the picture's window in seconds; both windows have one centre")] = (
        0.5
    )
    audio_s: Annotated[Positive, meaning("length of the sound's window in seconds")] = 1.0

    def __post_init__(self) -> None:
        """Check that the settings make sense."""
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
