"""Checks that a decoded clip must pass before it is stored."""

import math
from dataclasses import dataclass

import numpy as np

from avbench.media import Clip


@dataclass(frozen=True)
class CheckSettings:
    """What a clip must be.

    Attributes:
        min_duration_s: seconds for which all its streams last.
        silence_dbfs: its loudest sample must reach this level, in decibels relative to full scale.
        still_difference: frames about a second apart must differ by this much (see :func:`motion`). A photograph
            encoded as H.264 stays below 0.5 up to a constant rate factor of 38 even with sensor noise; the calmest of
            eight VGGSound clips, a canary before a static camera, has 3.0. Between neighbouring frames slow motion and
            coding noise look alike (0.5 and 0.3 on the same material).
    """

    min_duration_s: float
    silence_dbfs: float = -60.0
    still_difference: float = 0.5


def check(clip: Clip, settings: CheckSettings) -> tuple[str, str] | None:
    """Return the ledger reason (``short``, ``silent`` or ``still``) and a detail for a human, or None if all is well.

    A clip without frames or samples was decoded without that stream on purpose and is not checked for it.
    """
    if clip.duration_s < settings.min_duration_s:
        return "short", f"lasts {clip.duration_s:.3f} s, less than {settings.min_duration_s:g} s"
    if len(clip.audio):
        level = peak_dbfs(clip.audio)
        if level < settings.silence_dbfs:
            return "silent", f"peaks at {level:.1f} dBFS, below {settings.silence_dbfs:g} dBFS"
    if len(clip.frames):
        difference = motion(clip.frames, len(clip.frames) / clip.duration_s)
        if difference < settings.still_difference:
            return "still", f"frames differ by {difference:.3f}, less than {settings.still_difference:g}"
    return None


def peak_dbfs(audio: np.ndarray) -> float:
    """Return the peak level of int16 samples, (n,), in dBFS; minus infinity for digital silence."""
    peak = max(int(audio.max()), -int(audio.min()))
    return 20 * np.log10(peak / 32768) if peak else -np.inf


def motion(frames: np.ndarray, frame_rate: float) -> float:
    """Return how far frames are apart, uint8 (T, H, W, 3): a mean absolute difference on the scale 0 to 255.

    Frames one second apart are compared (in shorter clips, half the length), and frames about 0.6 s apart; the larger
    value counts. The two lags have no common divisor, so that periodic motion cannot hide. A single frame has none.
    """
    lag = min(round(frame_rate), len(frames) // 2)
    if lag < 1:
        return 0.0
    shorter = next(k for k in range(round(0.62 * lag), 0, -1) if math.gcd(k, lag) == 1)
    return max(_difference(frames[:-k], frames[k:]) for k in (lag, shorter))


def _difference(earlier: np.ndarray, later: np.ndarray) -> float:
    # In uint8, which is several times faster than widening first.
    return float((np.maximum(earlier, later) - np.minimum(earlier, later)).mean())
