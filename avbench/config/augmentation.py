"""What is changed of training windows at random: sound, its log-mel, pictures. Nothing, unless it is asked for."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from avbench.config.fields import AS_GIVEN, Count, Positive, Said, meaning
from avbench.config.settings import settings
from avbench.core.errors import UserError

Part = Annotated[float, Field(gt=0, lt=1), AS_GIVEN, Said("a number between 0 and 1")]
_PART = WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})

SPECTRUM = ("time_mask_s", "mel_mask")
SOUND = ("gain_db", "noise_snr_db", *SPECTRUM)
PICTURE = ("crop", "colour")


@settings("pretraining.augmentation", minProperties=1)
class AugmentationSettings:
    """What is changed of each training window, with draws of its own.

    Raises:
        UserError: a value is not allowed.
    """

    gain_db: Annotated[
        Positive | None,
        WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
        meaning("sound is louder or softer by up to so many decibels, drawn evenly"),
    ] = None
    noise_snr_db: Annotated[
        tuple[float, ...] | None,
        WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
        meaning("white noise is added at a signal-to-noise ratio drawn evenly from `[lowest, highest]`, in decibels"),
    ] = None
    time_mask_s: Annotated[
        Positive | None,
        WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
        meaning("SpecAugment: stretches of up to so many seconds of the log-mel are masked by its mean"),
    ] = None
    mel_mask: Annotated[
        Count | None,
        WithJsonSchema({"type": "integer", "minimum": 1}),
        meaning("SpecAugment: up to so many neighbouring mel bands are masked, likewise"),
    ] = None
    masks: Annotated[Count, meaning("of SpecAugment: how many stretches, and how many groups of bands")] = 1
    crop: Annotated[
        Part | None,
        _PART,
        meaning(
            "a random part of the picture is resized to the whole: of at least this share of its area, 3/4 to 4/3 as "
            "wide for its height"
        ),
    ] = None
    colour: Annotated[
        Part | None, _PART, meaning("brightness, contrast and saturation change by factors within 1 ± this")
    ] = None

    def __post_init__(self) -> None:
        """Check the combination of values."""
        if self.noise_snr_db is not None and (
            len(self.noise_snr_db) != 2 or not self.noise_snr_db[0] <= self.noise_snr_db[1]
        ):
            raise UserError(
                f"pretraining.augmentation.noise_snr_db: {list(self.noise_snr_db)} is not allowed; it must be two "
                "numbers, the lowest ratio and the highest."
            )

    def asked(self, keys: tuple[str, ...]) -> list[str]:
        """Return which of some keys are set."""
        return [key for key in keys if getattr(self, key) is not None]
