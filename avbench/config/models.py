"""Encoders by name: the paper's, and a small one."""

from dataclasses import dataclass

from avbench.core.errors import UserError


@dataclass(frozen=True)
class EncoderSettings:
    """One encoder: a strided convolution (the stem), then stages of blocks of convolutions.

    Stage k has ``widths[k]`` channels and ``blocks[k]`` blocks; its first block strides by ``strides[k]``.
    """

    input_shape: tuple[int, ...]
    """Training input without the batch: (1, frames, mels) for audio, (3, frames, height, width) for video."""
    stem_kernel: tuple[int, ...]
    stem_stride: tuple[int, ...]
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    blocks: tuple[int, ...]
    convolutions: int = 2
    """Convolutions a block: 3×3 for audio; pairs of spatial (1,3,3) and temporal (3,1,1) for video."""


@dataclass(frozen=True)
class ModelSettings:
    """Both encoders and the dimension of the space in which they meet."""

    audio: EncoderSettings
    video: EncoderSettings
    embedding: int = 128


PRESETS = {
    # The published encoders: 100 frames of 128 mel bands, 8 frames of 112×112.
    "paper": ModelSettings(
        audio=EncoderSettings(
            input_shape=(1, 100, 128),
            stem_kernel=(7, 7),
            stem_stride=(2, 2),
            widths=(64, 128, 256, 512),
            strides=(1, 2, 2, 1),
            blocks=(1, 1, 1, 1),
        ),
        video=EncoderSettings(
            input_shape=(3, 8, 112, 112),
            stem_kernel=(3, 7, 7),
            stem_stride=(1, 2, 2),
            widths=(64, 128, 256, 512),
            strides=(1, 2, 2, 2),
            blocks=(2, 2, 2, 2),
        ),
    ),
    # For one CPU core: 32 frames of 32 mel bands, 4 frames of 32×32.
    "small": ModelSettings(
        audio=EncoderSettings(
            input_shape=(1, 32, 32),
            stem_kernel=(3, 3),
            stem_stride=(2, 2),
            widths=(16, 32, 64, 128),
            strides=(2, 2, 2, 1),
            blocks=(1, 1, 1, 1),
            convolutions=1,
        ),
        video=EncoderSettings(
            input_shape=(3, 4, 32, 32),
            stem_kernel=(3, 5, 5),
            stem_stride=(2, 4, 4),
            widths=(16, 64),
            strides=(2, 2),
            blocks=(1, 1),
            convolutions=1,
        ),
    ),
}


def settings_of(preset: str) -> ModelSettings:
    """Return a preset's settings.

    Raises:
        UserError: there is no such preset.
    """
    if preset not in PRESETS:
        raise UserError(f"there is no model preset {preset!r}. Presets are: {', '.join(PRESETS)}.")
    return PRESETS[preset]
