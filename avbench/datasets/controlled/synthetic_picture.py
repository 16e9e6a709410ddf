"""From factors to pictures."""

import colorsys
from functools import lru_cache

import numpy as np

from avbench.datasets.controlled.gaussian import normals
from avbench.datasets.controlled.options import ControlledSettings

FLASH = 0.6  # brightness that an event of amplitude 1 adds to the object
BOUNCE = 0.25  # upward displacement at an event of amplitude 1, in half picture widths
FLASH_DECAY_S = 0.15
_RADIUS = 0.45  # of the object, in half picture widths
_TEXTURE = 0.35  # contrast of the stripes


def paint(settings: ControlledSettings, factors: dict, rng: np.random.Generator) -> np.ndarray:
    """Compute a clip's frames: uint8, shape (frames, size, size, 3), RGB.

    A lobed, striped object turns and swings in front of drifting waves; events make it flash and bounce.
    """
    count, size = settings.frame_count, settings.size
    seconds = (np.arange(count) / settings.frame_rate).astype(np.float32)
    x, y = _grid(size)
    shake = np.float32(settings.conditions.jitter) * rng.standard_normal((2, count), dtype=np.float32)
    flash = _flashes(factors, seconds, 1 / settings.frame_rate)

    mask, stripes = _object(factors, seconds, x, y, shake, flash)
    wave = _waves(settings.conditions.background, seconds, x, y, shake, rng)
    colour = colorsys.hsv_to_rgb((factors["hue"] + factors["hue_turns"]) % 1, factors["saturation"], 0.75)
    scene = colorsys.hsv_to_rgb(factors["scene_hue"], factors["scene_saturation"], factors["scene_value"])
    glow = np.float32(FLASH) * flash[:, None, None]

    frames = np.empty((count, size, size, 3), dtype=np.float32)
    for channel, name in enumerate(("red", "green", "blue")):
        # over = mask·object + (1 − mask)·background
        background = np.float32(scene[channel]) + wave
        over = np.float32(colour[channel]) * stripes + glow - background
        over *= mask
        over += background
        over *= np.float32(255 * factors["brightness"] * factors[f"cast_{name}"])
        frames[..., channel] = over
    if settings.conditions.pixel_noise:
        grain = normals(rng, frames.size).reshape(frames.shape)
        frames += np.float32(255 * settings.conditions.pixel_noise) * grain
    np.clip(frames, 0, 255, out=frames)
    return frames.astype(np.uint8)


@lru_cache(maxsize=4)
def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres in half picture widths: x, shape (1, 1, size), and y, shape (1, size, 1), downwards."""
    centre = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    return centre[None, None, :], centre[None, :, None]


def _flashes(factors: dict, seconds: np.ndarray, exposure_s: float) -> np.ndarray:
    """Flash by frame, shape (frames,). A frame shows the events that happen while it is on the screen."""
    onset = np.array(factors["picture_onsets_s"])[:, None]
    amplitude = np.array(factors["picture_amplitudes"])[:, None]
    age = np.maximum(seconds - onset, 0)
    begun = onset < seconds + exposure_s
    return (amplitude * begun * np.exp(-age / FLASH_DECAY_S)).sum(axis=0).astype(np.float32)


def _object(
    factors: dict, seconds: np.ndarray, x: np.ndarray, y: np.ndarray, shake: np.ndarray, flash: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The object's coverage in [0, 1] and its brightness with stripes, both (frames, size, size)."""
    swing = factors["motion_width"] * np.sin(2 * np.pi * (factors["motion_hz"] * seconds + factors["motion_phase"]))
    heading = 2 * np.pi * factors["motion_turn"]
    centre_x = factors["position_x"] + swing * np.cos(heading) + shake[0]
    centre_y = factors["position_y"] + swing * np.sin(heading) + shake[1] - BOUNCE * flash
    turn = (2 * np.pi * (factors["orientation"] + factors["rotation_hz"] * seconds)).astype(np.float32)
    cos, sin = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    dx, dy = x - centre_x.astype(np.float32)[:, None, None], y - centre_y.astype(np.float32)[:, None, None]
    # Coordinates that turn with the object, squeezed so that its area does not depend on its elongation.
    squeeze = np.float32(np.sqrt(factors["elongation"]))
    u, v = (dx * cos + dy * sin) / squeeze, (dy * cos - dx * sin) * squeeze
    distance = np.sqrt(u * u + v * v) + np.float32(1e-6)

    radius = np.float32(_RADIUS * 2 ** factors["size_octaves"])
    edge = radius * (1 + np.float32(factors["lobe_depth"]) * _cosine_of_multiple(u / distance, int(factors["lobes"])))
    pixel = np.float32(2 / x.shape[-1])
    mask = np.clip((edge - distance) / pixel + np.float32(0.5), 0, 1)

    along = 2 * np.pi * factors["texture_turn"]
    wave_number = 2 * np.pi * factors["texture_cycles"]
    stripes = np.cos(np.float32(wave_number * np.cos(along)) * u + np.float32(wave_number * np.sin(along)) * v)
    return mask, 1 + np.float32(_TEXTURE) * stripes


def _cosine_of_multiple(cosine: np.ndarray, n: int) -> np.ndarray:
    """cos(n·θ) from cos(θ), n ≥ 2: Chebyshev's recurrence, much faster than arctan2 and cos."""
    previous, current = cosine, 2 * cosine * cosine - 1
    for _ in range(n - 2):
        previous, current = current, 2 * cosine * current - previous
    return current


def _waves(
    amplitude: float,
    seconds: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    shake: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Two drifting plane waves, shape (frames, size, size)."""
    total = np.float32(0)
    for heading, cycles, drift, phase in rng.random((2, 4)):
        number = 2 * np.pi * (0.3 + 0.9 * cycles)  # in half picture widths
        across = (number * np.cos(2 * np.pi * heading)), (number * np.sin(2 * np.pi * heading))
        moving = 2 * np.pi * (phase + (drift - 0.5) * seconds) - across[0] * shake[0] - across[1] * shake[1]
        total = total + np.cos(
            np.float32(across[0]) * x + np.float32(across[1]) * y + moving.astype(np.float32)[:, None, None]
        )
    return np.float32(amplitude / 2) * total
