"""The two encoders: presets by name, the paper's and a small one, or a mapping with an encoder for each modality."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avbench.config import schema
from avbench.config.encoders import BuiltSettings, GivenSettings, decided, read_encoder
from avbench.core.errors import UserError

MODALITIES = ("audio", "video")


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

    audio: EncoderSettings | BuiltSettings | GivenSettings
    video: EncoderSettings | BuiltSettings | GivenSettings
    embedding: int = 128

    @property
    def others(self) -> dict[str, BuiltSettings | GivenSettings]:
        """The encoders that are not of a preset, by modality."""
        both = {modality: getattr(self, modality) for modality in MODALITIES}
        return {modality: one for modality, one in both.items() if not isinstance(one, EncoderSettings)}

    @property
    def given(self) -> dict[str, GivenSettings]:
        """Features that stand for encoders, by modality."""
        return {modality: one for modality, one in self.others.items() if isinstance(one, GivenSettings)}


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


def settings_of(model: Any, where: str = "model") -> ModelSettings:
    """Read a model: the name of a preset, or a mapping with ``audio`` and ``video``, each a preset or a mapping.

    Args:
        model: as the configuration has it.
        where: the key, for messages.

    Raises:
        UserError: there is no such preset, a key is unknown or missing, or a value is not allowed.
    """
    if isinstance(model, Mapping):
        allowed = (*MODALITIES, "embedding")
        if unknown := sorted(set(model) - set(allowed), key=str):
            raise UserError(f"{where}: unknown key {unknown[0]!r}. Allowed are {', '.join(allowed)}.")
        if missing := [modality for modality in MODALITIES if modality not in model]:
            raise UserError(f"{where}: the key {missing[0]!r} is missing; each modality needs an encoder.")
        embedding = model.get("embedding", 128)
        if type(embedding) is not int or embedding < 1:
            raise UserError(
                f"{where}.embedding: {embedding!r} is not allowed; it must be a whole number of at least 1."
            )
        audio, video = (_encoder(model[modality], modality, f"{where}.{modality}") for modality in MODALITIES)
        return ModelSettings(audio, video, embedding)
    if not isinstance(model, str) or model not in PRESETS:
        raise UserError(
            f"{where}: there is no model preset {model!r}. Presets are: {', '.join(PRESETS)}; or give a mapping with "
            "audio and video."
        )
    return PRESETS[model]


def _encoder(value: Any, modality: str, where: str) -> EncoderSettings | BuiltSettings | GivenSettings:
    if isinstance(value, Mapping):
        return read_encoder(value, modality, where)
    return getattr(settings_of(value, where), modality)


def resolved(model: Any, stored_size: tuple[int, int]) -> Any:
    """Return a model with all that decides it written out, see `encoders.decided`; names of presets stay names.

    Raises:
        UserError: as `settings_of`, or a file of the user's cannot be read.
    """
    if not isinstance(model, Mapping):
        return model
    others = settings_of(model, "config: pretraining.model").others
    return dict(model) | {modality: decided(one, stored_size) for modality, one in others.items()}


def model_schema() -> dict[str, Any]:
    """Return the JSON Schema of a model as the user may write it."""
    presets = {"enum": list(PRESETS)}
    mapping = {
        "if": {"required": ["features"]},
        "then": schema.of(GivenSettings) | {"type": "object"},
        "else": schema.of(BuiltSettings) | {"type": "object"},
    }
    encoder = {"if": {"type": "object"}, "then": mapping, "else": presets}
    whole = {
        "type": "object",
        "additionalProperties": False,
        "required": list(MODALITIES),
        "properties": {
            "audio": encoder,
            "video": encoder,
            "embedding": {"type": "integer", "minimum": 1, "default": 128},
        },
    }
    return {"if": {"type": "object"}, "then": whole, "else": presets}
