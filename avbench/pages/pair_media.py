"""What each method pairs, to be heard and seen in the page: one anchor's sound, its positive's film, negatives."""

import base64
import io
import wave
from collections.abc import Mapping
from typing import Any

import numpy as np

from avbench.figures import style
from avbench.figures.charts.pairs import Picture, read_pairings

_QUALITY = 80  # of JPEG: six methods are less than 1 MB
_FILM = 8  # frames of the positive's film at most


def content(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pairs as JSON can hold them.

    Args:
        settings: of :attr:`avbench.plan.facts.Facts.pairs`.

    Returns:
        ``pairs``, in the order of figures: ``method``; ``sound``, WAV; ``label`` and ``taken_for`` (the label that it
        is paired by, where that is another); ``own``, whether the positive is of the same clip; ``positive`` and
        ``negatives``: ``frames``, JPEG, and labels. Media are ``data:`` addresses. ``seconds`` of the sound and
        ``frame_rate`` of the film.
    """
    features = settings["features"]
    pairings = read_pairings(settings)
    looks = style.looks(pairing.method for pairing in pairings)
    made = []
    for pairing in sorted(pairings, key=lambda pairing: list(looks).index(pairing.method)):
        assert pairing.sound is not None
        told = {
            "method": looks[pairing.method].name,
            "sound": wav(pairing.sound, features["sample_rate"]),
            **_labels(pairing.label, pairing.pairing_label),
            "own": pairing.positive.clip_id == pairing.clip_id,
            "positive": _picture(pairing.positive, _FILM),
            "negatives": [_picture(picture, 1) for picture in pairing.negatives],
        }
        made.append(told)
    seconds = max(len(pairing.sound) / features["sample_rate"] for pairing in pairings if pairing.sound is not None)
    return {"pairs": made, "seconds": seconds, "frame_rate": features["frame_rate"]}


def wav(samples: np.ndarray, rate: int) -> str:
    """Return mono sound, int16 (samples,), as the address of a WAV file that holds it."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
    return _address("audio/wav", held.getvalue())


def _picture(picture: Picture, most: int) -> dict[str, Any]:
    """Return frames and labels; of a single frame the middle one."""
    import simplejpeg

    middle = len(picture.frames) // 2
    frames = picture.frames[:most] if most > 1 else picture.frames[middle : middle + 1]
    encoded = [simplejpeg.encode_jpeg(np.ascontiguousarray(frame), _QUALITY, "RGB") for frame in frames]
    shown = [_address("image/jpeg", one) for one in encoded]
    return {"frames": shown, **_labels(picture.label, picture.pairing_label)}


def _labels(label: str, pairing_label: str) -> dict[str, str]:
    return {"label": label, "taken_for": pairing_label if pairing_label != label else ""}


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
