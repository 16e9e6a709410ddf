"""Audio and video encoders with projection heads: the presets', or any network.

One code for every size of the presets: the paper's encoders and the small ones for CPUs differ in `EncoderSettings`
alone. Their encoders are fully convolutional and end in a global max pool, so they take clips of any length and any
number of mel bands. Layouts follow S. Wang et al., arXiv:2402.02899, whose video encoder is R(2+1)D-18 (Tran
et al. 2018, arXiv:1711.11248) without the widened middle planes.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from avbench.config.encoders import BuiltSettings
from avbench.config.features import FeatureSettings
from avbench.config.models import EncoderSettings, ModelSettings, settings_of
from avbench.core.errors import UserError
from avbench.models.adapted import AdaptedEncoder
from avbench.models.blocks import AudioBlock, VideoBlock
from avbench.models.feature_layer import FeatureLayer
from avbench.models.stem_convolution import StemConvolution
from avbench.training.batch_norm import group_sizes


class Encoder(nn.Module):
    """Stem, stages, global max pool: (batch, channels, *space) to features (batch, ``features``).

    Activations are kept channels-last, which is faster on CPUs and on tensor cores and changes no result.
    """

    def __init__(self, settings: EncoderSettings, kind: str) -> None:
        """Build an encoder of the given kind, "audio" or "video"."""
        super().__init__()
        video = kind == "video"
        convolution, norm, block = (
            (StemConvolution, nn.BatchNorm3d, VideoBlock)
            if video
            else (partial(nn.Conv2d, bias=False), nn.BatchNorm2d, AudioBlock)
        )
        _check(settings, kind)
        self.input = "clip" if video else "log-mel"
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
            f"{settings.blocks} must each have one entry per stage."
        )
    if not len(settings.input_shape) - 1 == len(settings.stem_kernel) == len(settings.stem_stride) == dimensions:
        raise UserError(
            f"{kind} encoder: stem_kernel {settings.stem_kernel} and stem_stride {settings.stem_stride} must "
            f"have {dimensions} entries, input_shape {settings.input_shape} one more."
        )


def encode_in_groups(encoder: nn.Module, x: torch.Tensor, groups: int) -> torch.Tensor:
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

    def __init__(
        self,
        settings: ModelSettings,
        windows: FeatureSettings | None = None,
        given: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
        initial: bool = True,
    ) -> None:
        """Build both encoders and heads; `build` does so from a seed.

        Args:
            settings: of the encoders.
            windows: lengths of the training windows; the paper's unless given. Presets take any.
            given: mean and deviation of the features that stand for encoders, by modality.
            initial: whether to read weights from files; not where a checkpoint's follow.
        """
        super().__init__()
        self.settings = settings
        windows = windows or FeatureSettings()

        def encoder(modality: str) -> Any:
            one = getattr(settings, modality)
            if isinstance(one, EncoderSettings):
                return Encoder(one, modality)
            if isinstance(one, BuiltSettings):
                return AdaptedEncoder(one, modality, windows, initial)
            return FeatureLayer(one, (given or {})[modality])

        self.audio = encoder("audio")
        self.video = encoder("video")
        self.audio_head = nn.Linear(self.audio.features, settings.embedding)
        self.video_head = nn.Linear(self.video.features, settings.embedding)

    def forward(
        self, audio: torch.Tensor, video: torch.Tensor, batch_norm_groups: int = 1
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed paired windows.

        Args:
            audio: what the encoder takes: standardised log-mel, float, shape (batch, 1, frames, mels), of the presets.
            video: normalised frames, float, shape (batch, 3, frames, height, width); or features that were given.
            batch_norm_groups: see `encode_in_groups`.

        Returns:
            L2-normalised float32 embeddings of audio and video, each (batch, ``settings.embedding``).
        """
        za = self.audio_head(encode_in_groups(self.audio, audio, batch_norm_groups)).float()
        zv = self.video_head(encode_in_groups(self.video, video, batch_norm_groups)).float()
        return F.normalize(za), F.normalize(zv)


def build(
    model: Any,
    seed: int,
    windows: FeatureSettings | None = None,
    given: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    initial: bool = True,
) -> AVModel:
    """Build a model with PyTorch's default initialisation: the same seed gives the same weights.

    The global random state is left as it was. Arguments as of `AVModel`; a model also by what the configuration has.

    Raises:
        UserError: there is no such preset, the settings do not fit together, or a network does not take its input.
    """
    settings = model if isinstance(model, ModelSettings) else settings_of(model)
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        return AVModel(settings, windows, given, initial)
