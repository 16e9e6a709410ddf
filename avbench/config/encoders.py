"""Encoders that are not presets: any network by the name of what builds it, and features that were computed before."""

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import WithJsonSchema

from avbench.config.fields import DECIDED, Count, Text, meaning
from avbench.config.settings import build, settings
from avbench.core.errors import UserError

INPUTS: Mapping[str, tuple[str, ...]] = {"audio": ("log-mel", "wave"), "video": ("clip", "frames")}
"""What an encoder of each modality may take, its usual input first."""
_USUAL = (
    ("torchvision.models.video.", "clip"),
    ("torchvision.", "frames"),
    ("timm.", "frames"),
    ("torchaudio.", "wave"),
)
_FILE = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_PUBLISHED = re.compile(r"[A-Z0-9_]+")  # weights as torchvision names them


@settings("pretraining.model")
class BuiltSettings:
    """An encoder made by a function: torchvision's, torchaudio's, timm's, or one of a file of the user's."""

    builder: Annotated[
        Text,
        meaning(
            "a dotted name such as `torchvision.models.resnet18`, `torchaudio.models.wav2vec2_model`, "
            "`timm.create_model`, or `path/to/file.py:function`"
        ),
    ]
    options: Annotated[
        Mapping[str, Any], WithJsonSchema({"type": "object"}), meaning("what the builder is called with, by name")
    ] = dataclasses.field(default_factory=dict)
    input: Annotated[
        Literal["log-mel", "wave", "clip", "frames"] | None,
        meaning(
            "sound: `log-mel` (clip, channel, frame, band) or `wave` (clip, sample); picture: `clip` (clip, channel, "
            "frame, row, column), or `frames`, each encoded alone and the features averaged. Follows from the "
            "builder's library unless given"
        ),
    ] = None
    size: Annotated[
        Count | None, meaning("pictures, or log-mels, are resized to so many pixels a side; as they are unless given")
    ] = None
    clips: Annotated[
        Literal["whole", "windows"],
        meaning(
            "how whole clips are encoded: `whole`, at any length, or in `windows` as long as in training, the features "
            "averaged, for networks of a fixed length"
        ),
    ] = "whole"
    weights: Annotated[
        Text | None,
        meaning("initial weights: a name of torchvision's, such as `DEFAULT`, or a file (`.pt`, `.safetensors`)"),
    ] = None
    freeze: Annotated[
        Count | Literal["all", "none"],
        WithJsonSchema(
            {"if": {"type": "string"}, "then": {"enum": ["all", "none"]}, "else": {"type": "integer", "minimum": 1}}
        ),
        meaning("`none`, `all`, or so many stages from the input on (`python -m avbench models` lists them)"),
    ] = "none"
    # The SHA-256 of the user's file, so that another one is another run.
    code: Annotated[str | None, DECIDED] = None
    # (height, width) of the stored pictures.
    stored_size: Annotated[tuple[int, ...], DECIDED] = (112, 112)

    @property
    def file(self) -> str | None:
        """The user's file that the builder is in."""
        match = _FILE.fullmatch(self.builder)
        return match["file"] if match else None

    @property
    def function(self) -> str:
        """The name of the builder within its file or module."""
        match = _FILE.fullmatch(self.builder)
        return match["function"] if match else self.builder.rpartition(".")[2]

    @property
    def weights_file(self) -> str | None:
        """The file of initial weights."""
        return None if self.weights is None or _PUBLISHED.fullmatch(self.weights) else self.weights

    @property
    def read_files(self) -> tuple[str, ...]:
        """The files whose content decides a run, but for the code."""
        return (self.weights_file,) if self.weights_file else ()


@settings("pretraining.model")
class GivenSettings:
    """Features that somebody else computed stand for the encoder; what is trained on them is a layer, and the head."""

    features: Annotated[
        Text,
        meaning(
            "a file of features, `.npz` or `.parquet`; `{dataset}` in its name stands for the dataset whose clips they "
            "are of"
        ),
    ]
    width: Annotated[Count, meaning("of the layer that is trained on the features, and is what protocols score")] = 512

    @property
    def read_files(self) -> tuple[str, ...]:
        """The patterns of files whose content decides a run."""
        return (self.features,)


def read_encoder(value: Mapping[str, Any], modality: str, where: str) -> BuiltSettings | GivenSettings:
    """Read a mapping under `pretraining.model`.

    Raises:
        UserError: a key is unknown or missing, or a value is not allowed or does not suit the modality.
    """
    if ("features" in value) == ("builder" in value):
        raise UserError(f"{where}: give either 'builder', what makes the network, or 'features', a file of features.")
    if "features" in value:
        given = build(GivenSettings, value, where)
        if Path(given.features).suffix not in (".npz", ".parquet"):
            raise UserError(f"{where}.features: {given.features!r} is neither a .npz nor a .parquet file.")
        return given
    built = build(BuiltSettings, value, where)
    if not _FILE.fullmatch(built.builder) and not _DOTTED.fullmatch(built.builder):
        raise UserError(
            f"{where}.builder: {built.builder!r} is neither a dotted name such as 'torchvision.models.resnet18' nor a "
            "function of a file such as 'path/to/file.py:function'."
        )
    usual = next((kind for start, kind in _USUAL if built.builder.startswith(start)), INPUTS[modality][0])
    chosen: Any = built.input or (usual if usual in INPUTS[modality] else INPUTS[modality][0])
    if chosen not in INPUTS[modality]:
        raise UserError(f"{where}.input: {chosen!r} is not allowed; it must be one of {', '.join(INPUTS[modality])}.")
    if chosen == "wave" and built.size is not None:
        raise UserError(f"{where}.size: {built.size} means nothing to an encoder of waves. Leave it out.")
    return dataclasses.replace(built, input=chosen)


def decided(encoder: BuiltSettings | GivenSettings, stored_size: tuple[int, int]) -> dict[str, Any]:
    """Return an encoder's settings with all that decides it: the user's code by its hash, the stored pictures' size.

    Raises:
        UserError: the user's file cannot be read.
    """
    if isinstance(encoder, GivenSettings):
        return dataclasses.asdict(encoder)
    code = None if encoder.file is None else code_digest(encoder.file)
    return dataclasses.asdict(encoder) | {"code": code, "stored_size": list(stored_size)}


def code_digest(file: str) -> str:
    """Return the SHA-256 of a user's file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(
            f"pretraining.model: the file {file!r} cannot be read ({error.strerror}). Relative paths count from the "
            "working folder."
        ) from None
