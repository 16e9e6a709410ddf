"""What an exported module adds to the package's classes: a builder without checks, the model, and HEAR's API.

Its source is written into every export, below the classes that it uses; nothing of it runs within the package.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from avbench.features.frames import normalise_frames
from avbench.features.log_mel import LogMel
from avbench.features.statistics import Standardise
from avbench.models.adapted import AdaptedEncoder
from avbench.models.builders import _drop_classifier
from avbench.models.encoders import Encoder
from avbench.models.feature_layer import FeatureLayer
from avbench.models.tensor_file import _read_safetensors


def built(settings: Any, where: str, initial: bool = False) -> nn.Module:
    """Build a network as it was built for training, its weights to follow; a user's file lies beside this one."""
    place, _, name = settings.builder.rpartition(":" if ".py:" in settings.builder else ".")
    if place.endswith(".py"):
        file = Path(__file__).with_name(Path(place).name)
        spec: Any = importlib.util.spec_from_file_location(f"encoder_{file.stem}", file)
        module: Any = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    else:
        module = import_module(place)
    builder = getattr(module, name)
    network = builder.get_model() if hasattr(builder, "get_model") else builder(**settings.options)
    if settings.builder.startswith(("torchvision.", "timm.")):
        _drop_classifier(network)
    return network


# ---- standalone
def _named(values: dict[str, Any]) -> Any:
    return SimpleNamespace(**values)


class Model(nn.Module):
    """Both encoders of a run, with their heads into the common space, in evaluation mode.

    Attributes:
        sample_rate: of sound, in Hz.
        scene_embedding_size, timestamp_embedding_size: numbers per sound, and per moment.
        audio, video: the encoders; audio_head, video_head: linear layers into the common space.
    """

    def __init__(self, folder: Path) -> None:
        """Read ``settings.json`` and ``model.safetensors``."""
        super().__init__()
        self.about = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        tensors = _read_safetensors((folder / "model.safetensors").read_bytes())
        features = _named(self.about["features"])
        self.windows = _named(self.about["features"] | self.about["windows"])
        self.sample_rate = features.sample_rate
        self.log_mel = LogMel(features, tensors.pop("log_mel.bands"))
        self.standardise = Standardise(tensors["standardise.mean"], tensors["standardise.std"])
        for modality in ("audio", "video"):
            settings = self.about["model"][modality]
            if "widths" in settings:
                encoder = Encoder(_named(settings), modality)
            elif "builder" in settings:
                encoder = AdaptedEncoder(_named(settings), modality, self.windows, False)
            else:
                zeros = {"mean": tensors[f"{modality}.standardise.mean"], "std": tensors[f"{modality}.standardise.std"]}
                encoder = FeatureLayer(_named(settings), zeros)
            setattr(self, modality, encoder)
            setattr(self, f"{modality}_head", nn.Linear(encoder.features, self.about["model"]["embedding"]))
        self.load_state_dict(tensors)
        self.scene_embedding_size = self.timestamp_embedding_size = self.audio.features
        self.eval()

    @torch.inference_mode()
    def scene_embeddings(self, audio: torch.Tensor) -> torch.Tensor:
        """Sounds (n, samples), floats in [-1, 1] or int16, to features float32 (n, width)."""
        if self.audio.input == "features":
            raise ValueError("this encoder takes features that were computed before: call model.audio(features).")
        if self.audio.input == "wave":
            return self.audio(audio.float() / (32768 if audio.dtype == torch.int16 else 1))
        return self.audio(self.standardise(self.log_mel(audio)).unsqueeze(1)).float()

    @torch.inference_mode()
    def clip_embeddings(self, frames: torch.Tensor) -> torch.Tensor:
        """Pictures, uint8 (n, frames, height, width, 3) in RGB at ``about["features"]["frame_rate"]``, to features."""
        if self.video.input == "features":
            raise ValueError("this encoder takes features that were computed before: call model.video(features).")
        return self.video(normalise_frames(frames)).float()


def load_model(model_file_path: str = "") -> Model:
    """Load the model of this folder, or of the folder that is given, on the CPU."""
    given = Path(model_file_path) if model_file_path else Path(__file__).parent
    return Model(given if given.is_dir() else given.parent)


def get_scene_embeddings(audio: torch.Tensor, model: Model) -> torch.Tensor:
    """Return one embedding per sound: audio (n, samples) in [-1, 1] at the model's rate → (n, width)."""
    return model.scene_embeddings(audio)


def get_timestamp_embeddings(
    audio: torch.Tensor, model: Model, hop_ms: float = 50.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return embeddings of windows as long as in training, around a moment every ``hop_ms``; silence is added outside.

    Returns:
        (n, moments, width); and the moments in ms, (n, moments).
    """
    length = model.windows.samples
    hop = hop_ms * model.sample_rate / 1000
    moments = int(audio.shape[1] / hop) + 1
    padded = F.pad(audio, (length // 2, length))
    starts = [round(place * hop) for place in range(moments)]
    found = [model.scene_embeddings(padded[:, start : start + length]) for start in starts]
    times = torch.arange(moments, dtype=torch.float32) * hop_ms
    return torch.stack(found, 1), times.expand(len(audio), -1)
