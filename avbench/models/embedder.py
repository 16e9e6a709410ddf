"""The two encoders with what stands before them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from avbench.config.features import FeatureSettings
from avbench.config.pretraining import PretrainSettings
from avbench.config.settings import build as build_settings
from avbench.core.hashing import hash64
from avbench.features.augmentation import Augmentation
from avbench.features.frames import flip, normalise_frames
from avbench.features.log_mel import LogMel
from avbench.features.statistics import Standardise
from avbench.models.encoders import build


class Numbered(Protocol):
    """A batch that knows its step."""

    step: int


B = TypeVar("B", bound=Numbered)


class Embedder(torch.nn.Module):
    """The two encoders with what stands before them: log-mel, standardisation, flip, normalisation."""

    def __init__(
        self,
        settings: PretrainSettings,
        features: FeatureSettings,
        statistics: Mapping[str, Any],
        seed: int,
        initial: bool = True,
    ) -> None:
        """Build the model; ``initial`` says whether files of weights are read, as they are not below a checkpoint."""
        super().__init__()
        augmented = settings.augmented
        self.augmentation = Augmentation(augmented, features) if augmented else None
        self.flip_mode, self.batch_norm_groups = settings.flip, settings.batch_norm_groups
        self.model = build(settings.networks, seed, features, statistics.get("given"), initial)
        self.log_mel = LogMel(features)
        self.standardise = Standardise(np.array(statistics["mean"]), np.array(statistics["std"]))

    def trained(self) -> Iterator[torch.nn.Parameter]:
        """Return the parameters that are not frozen."""
        return (parameter for parameter in self.model.parameters() if parameter.requires_grad)

    def seeded(self, batches: Iterable[B], seed: int) -> Iterator[B]:
        """Return batches, each of which has a ``step``; what a network itself draws follows from seed and step.

        Dropout draws from PyTorch's generator. Presets draw nothing.
        """
        for batch in batches:
            if self.model.settings.others:
                torch.manual_seed(hash64(seed, "network", batch.step))
            yield batch

    def audio_input(self, audio: torch.Tensor, draws: torch.Tensor | None = None) -> torch.Tensor:
        """int16 (n, samples) → float32 (n, 1, time, mel), or what the encoder takes: waves, or features as they are.

        With ``draws``, those of the augmentation, sound is changed.
        """
        if self.model.audio.input == "features":
            return audio
        changed = self.augmentation if draws is not None else None
        if changed:
            audio = changed.sound(audio, draws)
        if self.model.audio.input == "wave":
            return audio.float() / 32768 if audio.dtype == torch.int16 else audio
        mel = self.standardise(self.log_mel(audio))
        return (changed.spectrum(mel, draws) if changed else mel).unsqueeze(1)

    def video_input(
        self, frames: torch.Tensor, flips: torch.Tensor | None = None, draws: torch.Tensor | None = None
    ) -> torch.Tensor:
        """uint8 (n, frames, height, width, 3) → float32 (n, 3, frames, height, width); features as they are.

        With ``draws``, those of the augmentation, pictures are changed.
        """
        if self.model.video.input == "features":
            return frames
        if self.augmentation and draws is not None:
            frames = self.augmentation.pictures(frames, draws)
        if flips is not None and self.flip_mode != "none":
            frames = flip(frames, flips)
        return normalise_frames(frames)

    def forward(
        self, audio: torch.Tensor, frames: torch.Tensor, flips: torch.Tensor, draws: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return L2-normalised embeddings of audio and video, float32 (n, 128) each."""
        sound, picture = self.audio_input(audio, draws), self.video_input(frames, flips, draws)
        return self.model(sound, picture, self.batch_norm_groups)


def load_embedder(state: Mapping[str, Any]) -> Embedder:
    """Rebuild a finished run's model from its checkpoint, in evaluation mode."""
    settings = build_settings(PretrainSettings, state["settings"]["pretraining"], "pretraining")
    features = build_settings(FeatureSettings, state["settings"]["features"], "features")
    embedder = Embedder(settings, features, state["statistics"], state["settings"]["seed"], initial=False)
    embedder.model.load_state_dict(state["model"])
    return embedder.eval()
