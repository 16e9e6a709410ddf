"""The generative factors of a clip: class prototypes, instances around them, shared and nuisance factors.

Every class has one point in a space of independent standard normal coordinates for its sound, one for its
picture and one for its scene. An instance lies around the point of its class. A coordinate z becomes a factor
through the normal distribution function Φ: factor = low + (high − low)·Φ(z), or the geometric counterpart, so
that over classes every factor is (log-)uniform in its range.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from avbench.core.errors import UserError
from avbench.core.rng import generator
from avbench.datasets.controlled.options import ControlledSettings


@dataclass(frozen=True)
class Range:
    """The range of a class factor; ``log`` for a geometric scale."""

    low: float
    high: float
    log: bool = False

    def __call__(self, z: float) -> float:
        """Squash a standard normal coordinate into the range."""
        share = 0.5 * (1 + math.erf(z / math.sqrt(2)))
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share


SOUND = {
    "fundamental_hz": Range(110, 880, log=True),
    "rolloff": Range(0.2, 2.5),  # amplitude of harmonic h falls as h^−rolloff
    "formant_hz": Range(300, 3000, log=True),
    "formant_octaves": Range(0.15, 1.0),  # standard deviation
    "noise_share": Range(0.0, 0.8),  # of the amplitude
    "noise_hz": Range(400, 3500, log=True),  # centre of a band one octave wide
    "decay_s": Range(0.04, 0.5, log=True),
    "modulation_hz": Range(3, 20, log=True),
    "modulation_depth": Range(0.0, 0.9),
}
PICTURE = {
    "lobes": Range(2, 8),  # floored: 2 … 7
    "lobe_depth": Range(0.0, 0.45),
    "elongation": Range(1.0, 1.7),  # ratio of the axes' scales to the undistorted shape
    "texture_cycles": Range(0.5, 3.0, log=True),  # in half a picture width
    "texture_turn": Range(0.0, 0.5),  # direction of the stripes, in turns
    "motion_width": Range(0.0, 0.4),  # amplitude, in half picture widths
    "motion_hz": Range(0.25, 1.5, log=True),
    "motion_turn": Range(0.0, 0.5),  # direction, in turns
    "rotation_hz": Range(-0.4, 0.4),  # turns a second
    "saturation": Range(0.3, 1.0),
    "hue": Range(0.0, 1.0),
}
SCENE = {"scene_hue": Range(0.0, 1.0), "scene_saturation": Range(0.1, 0.7), "scene_value": Range(0.15, 0.6)}

EVENT_RATE = (0.7, 2.5)  # events a second
EVENT_AMPLITUDE = (0.4, 1.0)
PITCH_SEMITONES = 4.0  # pitch deviates uniformly within ± this
HUE_TURNS = 0.1
LOUDNESS_DB = 6.0
SIZE_OCTAVES = 0.4  # radius of the object deviates within 2^± this


@lru_cache(maxsize=4096)
def class_point(seed: int, name: str, label_index: int) -> np.ndarray:
    """Return a class's point, standard normal: float64, shape (9 + 11 + 3,), sound, picture, scene."""
    size = len(SOUND) + len(PICTURE) + len(SCENE)
    point = generator(seed, "controlled-class", name, label_index).standard_normal(size)
    point.flags.writeable = False
    return point


def prototype(settings: ControlledSettings, label_index: int) -> dict[str, float]:
    """Return the class factors of a class without any spread."""
    point = class_point(settings.seed, settings.name, label_index)
    return {name: scale(z) for (name, scale), z in zip(_scales(), point, strict=True)}


def clip_factors(settings: ControlledSettings, label_index: int, split: str, k: int) -> dict[str, Any]:
    """Draw the factors of clip ``k`` of a class in a split, whatever else the set holds.

    Returns a flat dictionary of floats, booleans and, for events, tuples of floats. Times are in seconds from
    the start of the clip.

    Raises:
        UserError: the set has no such class.
    """
    if not 0 <= label_index < settings.classes:
        raise UserError(f"controlled dataset: class {label_index} must be from 0 to {settings.classes - 1}.")
    rng = generator(settings.seed, "controlled-clip", settings.name, label_index, split, k)
    point = class_point(settings.seed, settings.name, label_index)
    own = rng.standard_normal(len(point))
    scene = slice(len(point) - len(SCENE), len(point))
    z = point + settings.spread * own
    z[scene] = point[scene]
    factors: dict[str, Any] = {name: scale(value) for (name, scale), value in zip(_scales(), z, strict=True)}
    for (name, scale), value in zip(SCENE.items(), own[scene], strict=True):
        # A weighted mean of the class's colour and the clip's own.
        factors[name] = settings.scene_share * factors[name] + (1 - settings.scene_share) * scale(value)

    factors["synchronous"] = bool(rng.random() < settings.synchrony)
    sound_events, picture_events = _events(rng, settings.duration_s), _events(rng, settings.duration_s)
    if factors["synchronous"]:
        picture_events = sound_events
    factors["sound_onsets_s"], factors["sound_amplitudes"] = sound_events
    factors["picture_onsets_s"], factors["picture_amplitudes"] = picture_events

    factors["pitch_hue_shared"], pitch, hue = _maybe_shared(rng, settings.pitch_hue)
    factors["gain_size_shared"], loudness, size = _maybe_shared(rng, settings.gain_size)
    factors["pitch_semitones"] = PITCH_SEMITONES * pitch
    factors["hue_turns"] = HUE_TURNS * hue
    factors["loudness_db"] = LOUDNESS_DB * loudness
    factors["size_octaves"] = SIZE_OCTAVES * size

    nuisance = settings.conditions
    around = rng.uniform(-1, 1, size=10).tolist()
    factors["position_x"], factors["position_y"] = (nuisance.position * value for value in around[:2])
    factors["brightness"] = 1 + nuisance.brightness * around[2]
    for channel, value in zip(("red", "green", "blue"), around[3:6], strict=True):
        factors[f"cast_{channel}"] = 1 + nuisance.colour_cast * value
    factors["tilt_db"] = nuisance.tilt_db * around[6]
    factors["recording_gain_db"] = nuisance.gain_db * around[7]
    factors["motion_phase"], factors["orientation"] = around[8] / 2, around[9] / 2  # turns
    factors["snr_db"] = rng.uniform(*nuisance.snr_db)
    factors["lowpass_hz"] = rng.uniform(*nuisance.lowpass_hz)
    factors["noise_slope"] = rng.uniform(0, 1)  # amplitude of the background noise falls as f^−slope
    return factors


def _scales() -> list[tuple[str, Range]]:
    return [*SOUND.items(), *PICTURE.items(), *SCENE.items()]


def _events(rng: np.random.Generator, duration_s: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Draw onset times and amplitudes. Gaps are uniform within ±50 % of their mean; at least one event."""
    gap = 1 / rng.uniform(*EVENT_RATE)
    most = math.ceil(2 * duration_s / gap) + 1
    onsets = gap * (rng.random() * 0.9 + np.concatenate([[0], np.cumsum(rng.uniform(0.5, 1.5, size=most))]))
    amplitudes = rng.uniform(*EVENT_AMPLITUDE, size=most + 1)
    inside = onsets < max(duration_s - 0.1, onsets[0] + 1e-9)
    return tuple(onsets[inside].tolist()), tuple(amplitudes[inside].tolist())


def _maybe_shared(rng: np.random.Generator, probability: float) -> tuple[bool, float, float]:
    """Draw two deviations, uniform in [−1, 1): the same with this probability, else independent."""
    shared = bool(rng.random() < probability)
    first, second = rng.uniform(-1, 1, size=2).tolist()
    return shared, first, first if shared else second
