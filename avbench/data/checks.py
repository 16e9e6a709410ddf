"""What is measured of a decoded clip, and the thresholds that it must meet to be used.

Packing measures once; thresholds are applied to the measurements afterwards, so that another threshold decodes nothing.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from avbench.config.checks import CheckSettings
from avbench.data.fingerprints import audio_hash, frame_hash

if TYPE_CHECKING:
    from avbench.data.media.clip import Clip


# The threshold that rejects a clip with a reason: keys of the section ``checks``.
THRESHOLDS = {
    "short": "min_duration_s",
    "duration": "max_excess_s",
    "silent": "silence_dbfs",
    "still": "still_difference",
    "duplicate": "duplicates",
    "recording": "recordings",
}


@dataclass(frozen=True)
class Measurements:
    """What is measured of a clip; NaN, or an empty hash, for what it has not.

    Attributes:
        duration_s: how long all its streams last, in seconds.
        excess_s: by how much the file outlasts the clip, in seconds, where it should hold the trimmed clip only.
        peak_dbfs: level of the loudest sample, in decibels relative to full scale.
        clipped: share of the samples that are at full scale, in [0, 1].
        motion: how far frames about a second apart differ, on the scale 0 to 255 (see :func:`motion`).
        frame_hash: perceptual hash of the frames, hexadecimal (:mod:`avbench.data.duplicates`).
        audio_hash: perceptual hash of the audio, hexadecimal.
    """

    duration_s: float = math.nan
    excess_s: float = math.nan
    peak_dbfs: float = math.nan
    clipped: float = math.nan
    motion: float = math.nan
    frame_hash: str = ""
    audio_hash: str = ""


def measure(clip: "Clip", sample_rate: int, excess_s: float = math.nan) -> Measurements:
    """Measure a decoded clip whose audio has ``sample_rate`` Hz."""
    heard, seen = len(clip.audio) > 0, len(clip.frames) > 0
    return Measurements(
        clip.duration_s,
        excess_s,
        peak_dbfs(clip.audio) if heard else math.nan,
        float((abs(clip.audio.astype(np.int32)) >= 32767).mean()) if heard else math.nan,
        motion(clip.frames, len(clip.frames) / clip.duration_s) if seen else math.nan,
        frame_hash(clip.frames) if seen else "",
        audio_hash(clip.audio, sample_rate) if heard else "",
    )


def fault(measured: Measurements, settings: CheckSettings) -> tuple[str, str] | None:
    """Return the ledger reason (``short``, ``duration``, ``silent`` or ``still``) and a detail, or None if all is well.

    What a clip has not (NaN) is not checked: it was packed without that stream on purpose.
    """
    if measured.duration_s < settings.min_duration_s:
        return "short", f"lasts {measured.duration_s:.3f} s, less than {settings.min_duration_s:g} s"
    if measured.excess_s > settings.max_excess_s:
        return "duration", (
            f"the file lasts {measured.excess_s:.1f} s longer than the clip, more than {settings.max_excess_s:g} s: "
            "it is not the trimmed clip"
        )
    if measured.peak_dbfs < settings.silence_dbfs:
        return "silent", f"peaks at {measured.peak_dbfs:.1f} dBFS, below {settings.silence_dbfs:g} dBFS"
    if measured.motion < settings.still_difference:
        return "still", f"frames differ by {measured.motion:.3f}, less than {settings.still_difference:g}"
    return None


def peak_dbfs(audio: np.ndarray) -> float:
    """Return the peak level of int16 samples, (n,), in dBFS; minus infinity for digital silence, at any constant."""
    highest, lowest = int(audio.max()), int(audio.min())
    return 20 * math.log10(max(highest, -lowest) / 32768) if highest > lowest else -math.inf


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
