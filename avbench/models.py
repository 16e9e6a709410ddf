"""Audio and video encoders with projection heads.

One code for every size: the paper's encoders and the small ones for CPUs differ in `EncoderSettings` alone.
Both encoders are fully convolutional and end in a global max pool, so they take clips of any length and any
number of mel bands. Layouts follow S. Wang et al., arXiv:2402.02899, whose video encoder is R(2+1)D-18 (Tran
et al. 2018, arXiv:1711.11248) without the widened middle planes.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from avbench.errors import UserError


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


class AudioBlock(nn.Sequential):
    """3×3 convolutions, each with batch norm and ReLU; the first one strides."""

    def __init__(self, inputs: int, outputs: int, stride: int, convolutions: int) -> None:
        """Build a block that maps ``inputs`` to ``outputs`` channels."""
        layers: list[nn.Module] = []
        for index in range(convolutions):
            first = index == 0
            layers += [
                nn.Conv2d(inputs if first else outputs, outputs, 3, stride if first else 1, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class VideoBlock(nn.Module):
    """Residual block of (spatial, temporal) convolution pairs; the first pair strides.

    Batch norm and ReLU stand between all convolutions and after the residual sum. Where shapes differ, the
    shortcut is a strided 1×1×1 convolution without batch norm.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, convolutions: int) -> None:
        """Build a block that maps ``inputs`` to ``outputs`` channels."""
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(convolutions):
            source, step = (inputs, stride) if index == 0 else (outputs, 1)
            if index:
                layers += [nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)]
            layers += [
                nn.Conv3d(source, outputs, (1, 3, 3), (1, step, step), (0, 1, 1), bias=False),
                nn.BatchNorm3d(outputs),
                nn.ReLU(inplace=True),
                nn.Conv3d(outputs, outputs, (3, 1, 1), (step, 1, 1), (1, 0, 0), bias=False),
            ]
        self.residual = nn.Sequential(*layers)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv3d(inputs, outputs, 1, stride, bias=False)
        self.norm = nn.BatchNorm3d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, inputs, T, H, W) to (batch, outputs, T', H', W')."""
        return F.relu(self.norm(self.residual(x) + self.shortcut(x)), inplace=True)


class Encoder(nn.Module):
    """Stem, stages, global max pool: (batch, channels, *space) to features (batch, ``features``).

    Activations are kept channels-last, which is faster on CPUs and on tensor cores and changes no result.
    """

    def __init__(self, settings: EncoderSettings, kind: str) -> None:
        """Build an encoder of the given kind, "audio" or "video"."""
        super().__init__()
        video = kind == "video"
        convolution, norm, block = (
            (nn.Conv3d, nn.BatchNorm3d, VideoBlock) if video else (nn.Conv2d, nn.BatchNorm2d, AudioBlock)
        )
        _check(settings, kind)
        self.features = settings.widths[-1]
        self.memory_format = torch.channels_last_3d if video else torch.channels_last
        padding = tuple(size // 2 for size in settings.stem_kernel)
        self.stem = nn.Sequential(
            convolution(
                settings.input_shape[0],
                settings.widths[0],
                settings.stem_kernel,
                settings.stem_stride,
                padding,
                bias=False,
            ),
            norm(settings.widths[0]),
            nn.ReLU(inplace=True),
        )
        stages: list[nn.Module] = []
        inputs = settings.widths[0]
        for width, stride, count in zip(settings.widths, settings.strides, settings.blocks, strict=True):
            for index in range(count):
                stages.append(block(inputs, width, 1 if index else stride, settings.convolutions))
                inputs = width
        self.stages = nn.Sequential(*stages)
        self.to(memory_format=self.memory_format)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, *space), any size of space, to features (batch, ``features``)."""
        x = self.stages(self.stem(x.contiguous(memory_format=self.memory_format)))
        return x.amax(tuple(range(2, x.ndim)))


def _check(settings: EncoderSettings, kind: str) -> None:
    dimensions = {"audio": 2, "video": 3}[kind]
    if not len(settings.widths) == len(settings.strides) == len(settings.blocks) > 0:
        raise UserError(
            f"{kind} encoder: widths {settings.widths}, strides {settings.strides} and blocks "
            f"{settings.blocks} must each have one entry a stage."
        )
    if not len(settings.input_shape) - 1 == len(settings.stem_kernel) == len(settings.stem_stride) == dimensions:
        raise UserError(
            f"{kind} encoder: stem_kernel {settings.stem_kernel} and stem_stride {settings.stem_stride} must "
            f"have {dimensions} entries, input_shape {settings.input_shape} one more."
        )


def group_sizes(batch_size: int, groups: int, where: str = "batch_norm_groups") -> list[int]:
    """Cut a batch into groups as PyTorch's ``DataParallel`` cuts it for so many GPUs.

    Groups of ⌈batch / groups⌉ clips, the last with what is left: 309 in 4 is 78, 78, 78, 75. One departure: a clip that
    would be alone in the last group joins the one before it.

    Args:
        batch_size: clips.
        groups: at least 1.
        where: how the message begins.

    Raises:
        UserError: there are fewer than two clips a group.
    """
    if groups == 1:
        return [batch_size]
    if batch_size < 2 * groups:
        raise UserError(
            f"{where}: a batch of {batch_size} clips is too small for {groups} groups of batch norm with two clips or "
            "more each. Lower protocol.batch_norm_groups, or choose subset and batch size so that batches are larger."
        )
    size = -(-batch_size // groups)
    sizes = [min(size, batch_size - begin) for begin in range(0, batch_size, size)]
    if sizes[-1] == 1:
        sizes[-2:] = [size + 1]
    return sizes


def encode_in_groups(encoder: Encoder, x: torch.Tensor, groups: int) -> torch.Tensor:
    """Encode a batch as so many GPUs would that share it and do not synchronise batch norm.

    In training mode, each group of `group_sizes` is normalised by its own statistics. The running statistics follow
    the first group alone: ``DataParallel`` keeps those of the first GPU, and the others' copies are thrown away.
    """
    if groups == 1 or not encoder.training:
        return encoder(x)
    first, *others = x.split(group_sizes(len(x), groups))
    features = [encoder(first)]
    for group in others:
        copies = {name: buffer.clone() for name, buffer in encoder.named_buffers()}
        features.append(functional_call(encoder, copies, (group,)))
    return torch.cat(features)


class AVModel(nn.Module):
    """Encoders ``audio`` and ``video`` with one linear head each into the shared space."""

    def __init__(self, settings: ModelSettings) -> None:
        """Build both encoders and heads; `build` does so from a seed."""
        super().__init__()
        self.settings = settings
        self.audio = Encoder(settings.audio, "audio")
        self.video = Encoder(settings.video, "video")
        self.audio_head = nn.Linear(self.audio.features, settings.embedding)
        self.video_head = nn.Linear(self.video.features, settings.embedding)

    def forward(
        self, audio: torch.Tensor, video: torch.Tensor, batch_norm_groups: int = 1
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed paired windows.

        Args:
            audio: standardised log-mel, float, shape (batch, 1, frames, mels).
            video: normalised frames, float, shape (batch, 3, frames, height, width).
            batch_norm_groups: see `encode_in_groups`.

        Returns:
            L2-normalised float32 embeddings of audio and video, each (batch, ``settings.embedding``).
        """
        za = self.audio_head(encode_in_groups(self.audio, audio, batch_norm_groups)).float()
        zv = self.video_head(encode_in_groups(self.video, video, batch_norm_groups)).float()
        return F.normalize(za), F.normalize(zv)


def settings_of(preset: str) -> ModelSettings:
    """Return a preset's settings.

    Raises:
        UserError: there is no such preset.
    """
    if preset not in PRESETS:
        raise UserError(f"there is no model preset {preset!r}. Presets are: {', '.join(PRESETS)}.")
    return PRESETS[preset]


def build(model: str | ModelSettings, seed: int) -> AVModel:
    """Build a model with PyTorch's default initialisation: the same seed gives the same weights.

    The global random state is left as it was.

    Raises:
        UserError: there is no such preset, or the settings do not fit together.
    """
    settings = settings_of(model) if isinstance(model, str) else model
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        return AVModel(settings)


def flop_count(encoder: EncoderSettings, kind: str) -> int:
    """Count floating-point operations of one clip's training step, forward and backward, without running it.

    A multiplication and an addition are two operations; only convolutions are counted, as is customary.
    """
    from torch.utils.flop_counter import FlopCounterMode  # here: 0.1 s of every process that trains

    with torch.device("meta"):
        network = Encoder(encoder, kind)
        clip = torch.empty(1, *encoder.input_shape)
        with FlopCounterMode(display=False) as counter:
            network(clip).sum().backward()
    return counter.get_total_flops()


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable numbers."""
    return sum(parameter.numel() for parameter in module.parameters())


def describe(preset: str) -> list[dict[str, object]]:
    """Return one row an encoder: preset, encoder, input, features, parameters, head, gflop.

    ``parameters`` are the encoder's without its head, whose are in ``head``; ``gflop`` is in 1e9 operations a
    clip, forward and backward.
    """
    settings = settings_of(preset)
    with torch.device("meta"):
        model = AVModel(settings)
    rows = []
    for kind in ("audio", "video"):
        encoder: EncoderSettings = getattr(settings, kind)
        rows.append(
            {
                "preset": preset,
                "encoder": kind,
                "input": "×".join(map(str, encoder.input_shape)),
                "features": encoder.widths[-1],
                "parameters": parameter_count(getattr(model, kind)),
                "head": parameter_count(getattr(model, f"{kind}_head")),
                "gflop": flop_count(encoder, kind) / 1e9,
            }
        )
    return rows


def table() -> str:
    """Return `describe` of all presets as text for reading."""
    names = ("preset", "encoder", "input", "features", "parameters", "head", "GFLOP a clip")
    lines = ["{:<8}{:<9}{:>15}{:>10}{:>12}{:>8}{:>14}".format(*names)]
    for row in (row for preset in PRESETS for row in describe(preset)):
        lines.append(
            f"{row['preset']:<8}{row['encoder']:<9}{row['input']:>15}{row['features']:>10}"
            f"{row['parameters']:>12,}{row['head']:>8,}{row['gflop']:>14.3g}"
        )
    return "\n".join([*lines, "GFLOP: 1e9 operations, forward and backward; parameters: without the head."])
