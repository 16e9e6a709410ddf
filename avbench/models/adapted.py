"""Any network as an encoder: what stands before it, and what makes one vector per clip of what it gives."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from avbench.config.encoders import BuiltSettings
from avbench.config.features import FeatureSettings
from avbench.core.errors import UserError
from avbench.models.builders import built, stages


class AdaptedEncoder(nn.Module):
    """A network of any builder: input as the presets take it, to features (batch, ``features``).

    - Where a first convolution has three channels, a log-mel's one is given thrice.
    - ``frames``: pictures are encoded each alone, and their features averaged.
    - ``clips: windows``: longer input is cut into windows as long as in training, spread evenly from its beginning to
      its end, and their features averaged; shorter input is repeated.
    - What the network gives is averaged over places: (batch, width, *space), or (batch, time, width).

    Frozen stages get no gradient, and their batch norm keeps its statistics, in training too.

    Attributes:
        features: numbers per clip.
        input: ``log-mel``, ``wave``, ``clip`` or ``frames``.
        shape: of a training window, without the batch.
    """

    def __init__(self, settings: BuiltSettings, modality: str, windows: FeatureSettings, initial: bool = True) -> None:
        """Build the network, and try it on a window.

        Args:
            settings: the encoder's.
            modality: for messages.
            windows: lengths of the training windows.
            initial: as `built`.

        Raises:
            UserError: as `built`, or the network does not take a window, or has not as many stages as are frozen.
        """
        super().__init__()
        self.settings, self.input = settings, str(settings.input)
        where = f"pretraining.model.{modality}"
        self.network = built(settings, where, initial)
        first = next((module for module in self.network.modules() if isinstance(module, nn.Conv2d)), None)
        self._repeated = 3 if self.input == "log-mel" and first is not None and first.in_channels == 3 else 1
        self.frozen = self._frozen(where)
        shape = {
            "log-mel": windows.audio_shape,
            "wave": (windows.samples,),
            "clip": (3, windows.video_frames, *settings.stored_size),
            "frames": (3, windows.video_frames, *settings.stored_size),
        }[self.input]
        self.shape, self.window = shape, shape[0] if self.input == "wave" else shape[1]
        self.features = self._tried(shape, where)
        self.train()

    def _frozen(self, where: str) -> list[str]:
        known = stages(self.network)
        if self.settings.freeze == "all":
            return [""]
        count = 0 if self.settings.freeze == "none" else int(self.settings.freeze)
        if count > len(known):
            told = ", ".join("+".join(stage) for stage in known)
            raise UserError(f"{where}.freeze: {count} is more than the {len(known)} stages of the network: {told}.")
        return [name for stage in known[:count] for name in stage]

    @torch.no_grad()
    def _tried(self, shape: tuple[int, ...], where: str) -> int:
        """Return how many features the network gives of a window of zeros."""
        self.eval()
        given = f"float32 {(1, *shape)} ({self.input})"
        try:
            features = self(torch.zeros(1, *shape))
        except Exception as error:
            raise UserError(
                f"{where}: {self.settings.builder} does not take a window of {given}: "
                f"{' '.join(str(error).split())[:300]}. Change pretraining.features, input, size, or the builder's "
                "options."
            ) from error
        if features.ndim != 2 or not features.is_floating_point():
            raise UserError(
                f"{where}: {self.settings.builder} makes {features.dtype} of the shape {tuple(features.shape)} of "
                f"{given}; an encoder gives numbers of the shape (clips, width), (clips, time, width) or "
                "(clips, width, *space)."
            )
        return features.shape[1]

    def train(self, mode: bool = True) -> "AdaptedEncoder":
        """Set the mode; what is frozen stays in evaluation mode and without gradient."""
        super().train(mode)
        for name in self.frozen:  # by name, since batch norm may have been replaced
            self.network.get_submodule(name).eval().requires_grad_(False)
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, *space), or waves (batch, samples), to features (batch, ``features``)."""
        windows = self._cut(x) if self.settings.clips == "windows" else x.unsqueeze(1)
        batch, count = windows.shape[:2]
        x = windows.flatten(0, 1)
        pictures = 1
        if self.input == "frames":
            pictures = x.shape[2]
            x = x.transpose(1, 2).flatten(0, 1)
        if self.settings.size is not None:
            x = self._resized(x, self.settings.size)
        if self._repeated > 1:
            x = x.expand(-1, self._repeated, -1, -1)
        features = _pooled(self.network(x))
        return features.unflatten(0, (batch, count * pictures)).mean(1) if count * pictures > 1 else features

    def _cut(self, x: torch.Tensor) -> torch.Tensor:
        """Cut (batch, …) into windows (batch, windows, …) along time."""
        time = 1 if self.input == "wave" else 2
        length = x.shape[time]
        if length < self.window:
            x = x.index_select(time, torch.arange(self.window, device=x.device) % length)
            length = self.window
        count = -(-length // self.window)
        starts = [round(place * (length - self.window) / max(1, count - 1)) for place in range(count)]
        return torch.stack([x.narrow(time, start, self.window) for start in starts], 1)

    @staticmethod
    def _resized(x: torch.Tensor, size: int) -> torch.Tensor:
        flat = x if x.ndim == 4 else x.transpose(1, 2).flatten(0, 1)
        flat = F.interpolate(flat, (size, size), mode="bilinear", antialias=True, align_corners=False)
        return flat if x.ndim == 4 else flat.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)


def _pooled(given: Any) -> torch.Tensor:
    """Return one vector per clip of what a network gives; of several things, of the first."""
    while isinstance(given, tuple | list):
        given = given[0]
    if given.ndim == 3:
        return given.mean(1)
    return given.flatten(2).mean(2) if given.ndim > 3 else given
