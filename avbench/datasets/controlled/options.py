"""What a controlled dataset is made of: its sizes, the strengths of its factors, its recording conditions."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from avbench.core.errors import UserError
from avbench.datasets.controlled.class_names import MOST_CLASSES

SPLITS = ("train", "validation", "test")
SYNTHESIS_RATE = 8000  # Hz: sound is computed at this rate, so it lives below 4 kHz whatever the files' rate


@dataclass(frozen=True)
class Conditions:
    """How a set was "recorded": nuisance that says nothing about the class. Pairs are ends of uniform draws.

    Lengths are in half picture widths, colours and brightness in [0, 1].
    """

    position: float = 0.25  # centre of the object: uniform within ± this, each axis
    jitter: float = 0.02  # camera shake: standard deviation a frame
    background: float = 0.10  # amplitude of the drifting waves in the background
    brightness: float = 0.20  # exposure: factor uniform within 1 ± this
    colour_cast: float = 0.10  # white balance: factor of each channel uniform within 1 ± this
    pixel_noise: float = 0.04  # sensor noise: standard deviation
    snr_db: tuple[float, float] = (0.0, 15.0)  # clean sound over background noise, whole clip
    lowpass_hz: tuple[float, float] = (1500.0, 4000.0)  # half-power frequency of the channel
    tilt_db: float = 3.0  # spectral tilt of the channel: uniform within ± this an octave
    gain_db: float = 4.0  # recording level: uniform within ± this


CONDITIONS = {
    "indoors": Conditions(),
    "outdoors": Conditions(
        position=0.35,
        jitter=0.04,
        background=0.18,
        brightness=0.25,
        colour_cast=0.12,
        pixel_noise=0.06,
        snr_db=(-3.0, 9.0),
        lowpass_hz=(1200.0, 3000.0),
        tilt_db=4.0,
        gain_db=6.0,
    ),
    "telephone": Conditions(snr_db=(3.0, 20.0), lowpass_hz=(1000.0, 2000.0), tilt_db=5.0, gain_db=8.0),
}


@dataclass(frozen=True)
class ControlledSettings:
    """A controlled dataset. ``name`` and ``seed`` fix its classes: another name means other classes.

    Raises:
        UserError: a value is out of range; the message names the key, the value and what is allowed.
    """

    name: str = "controlled"
    seed: int = 1
    classes: int = 24
    train: int = 100  # clips per class
    validation: int = 10
    test: int = 25
    duration_s: float = 4.0
    frame_rate: int = 8  # frames per second
    size: int = 32  # width and height in pixels, even
    sample_rate: int = 16000  # Hz, a multiple of 8,000
    video: bool = True  # False: files with sound only
    spread: float = 0.4  # of instances around their class, in standard deviations between classes
    synchrony: float = 0.3  # share of clips whose sound and picture have the same events
    pitch_hue: float = 0.5  # share of clips in which pitch and hue deviate together
    gain_size: float = 0.5  # share of clips in which loudness and size deviate together
    scene_share: float = 0.85  # weight of the class in the background's colour; the rest is the clip's own
    conditions: Conditions = field(default_factory=Conditions)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "ControlledSettings":
        """Build settings from plain config values.

        ``conditions`` is a name in ``CONDITIONS`` or a mapping that may hold ``like`` (such a name, "indoors"
        unless told) and any field of :class:`Conditions`, pairs as lists.

        Raises:
            UserError: an unknown key or name, a value of the wrong type or out of range.
        """
        values = dict(values)
        conditions = values.pop("conditions", "indoors")
        changes = dict(conditions) if isinstance(conditions, Mapping) else {"like": conditions}
        like = changes.pop("like", "indoors")
        if not isinstance(like, str) or like not in CONDITIONS:
            raise UserError(f"controlled dataset: conditions = {like!r} must be one of {', '.join(CONDITIONS)}.")
        _refuse_unknown(Conditions, changes, "conditions.")
        _refuse_unknown(cls, values, "")
        changes = {key: tuple(value) if isinstance(value, list) else value for key, value in changes.items()}
        return cls(**values, conditions=dataclasses.replace(CONDITIONS[like], **changes))

    def __post_init__(self) -> None:
        """Check every value."""
        if not isinstance(self.name, str) or not self.name:
            raise UserError(f"controlled dataset: name = {self.name!r} must be a text that is not empty.")
        if not isinstance(self.video, bool):
            raise UserError(f"controlled dataset: video = {self.video!r} must be true or false.")
        self._check("seed", 0, 2**63 - 1, whole=True)
        self._check("classes", 2, MOST_CLASSES, whole=True)
        for split in SPLITS:
            self._check(split, 0, 100_000, whole=True)
        self._check("duration_s", 1, 60)
        self._check("frame_rate", 1, 60, whole=True)
        self._check("size", 16, 512, whole=True)
        self._check("sample_rate", SYNTHESIS_RATE, 48_000, whole=True)
        for key in ("synchrony", "pitch_hue", "gain_size", "scene_share"):
            self._check(key, 0, 1)
        self._check("spread", 0, 3)
        for key, step in (("size", 2), ("sample_rate", SYNTHESIS_RATE)):
            if getattr(self, key) % step:
                value = getattr(self, key)
                raise UserError(f"controlled dataset: {key} = {value} must be a multiple of {step}.")
        for key in ("position", "jitter", "background", "pixel_noise"):
            self._check(key, 0, 1, of=self.conditions)
        for key in ("brightness", "colour_cast"):
            self._check(key, 0, 0.9, of=self.conditions)
        for key in ("tilt_db", "gain_db"):
            self._check(key, 0, 20, of=self.conditions)
        self._check_pair("snr_db", -40, 80)
        self._check_pair("lowpass_hz", 200, SYNTHESIS_RATE / 2)

    def _check(self, key: str, low: float, high: float, whole: bool = False, of: Any = None) -> None:
        value = getattr(self if of is None else of, key)
        kind = "a whole number" if whole else "a number"
        allowed = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed) or not low <= value <= high:
            path = key if of is None else f"conditions.{key}"
            raise UserError(f"controlled dataset: {path} = {value!r} must be {kind} from {low:g} to {high:g}.")

    def _check_pair(self, key: str, low: float, high: float) -> None:
        pair = getattr(self.conditions, key)
        numbers = isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(v, int | float) for v in pair)
        if not numbers or not low <= pair[0] <= pair[1] <= high:
            raise UserError(
                f"controlled dataset: conditions.{key} = {pair!r} must be two numbers in ascending order "
                f"from {low:g} to {high:g}."
            )

    @property
    def frame_count(self) -> int:
        """Frames a clip."""
        return round(self.duration_s * self.frame_rate)

    @property
    def sample_count(self) -> int:
        """Audio samples per clip."""
        return math.floor(self.duration_s * SYNTHESIS_RATE) * (self.sample_rate // SYNTHESIS_RATE)

    def count(self, split: str) -> int:
        """Clips a class in a split."""
        return getattr(self, split)


def _refuse_unknown(kind: type, values: Mapping[str, Any], prefix: str) -> None:
    known = [item.name for item in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise UserError(f"controlled dataset: unknown key {prefix}{key}; known: {', '.join(known)}.")
