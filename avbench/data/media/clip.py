"""A decoded clip, and why a clip cannot be used."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Containers of real media. Playlists (HLS, DASH, concat) are left out: they make a demuxer open other files and URLs.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,dtshd,dv,eac3,flac,flv,gif,ivf,matroska,webm,mov,mp4,mp3,mpc,mpc8,mpeg,"
    "mpegts,mpegvideo,mxf,nistsphere,nut,ogg,oma,rm,tta,voc,w64,wav,webp_pipe,wtv,wv"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class MediaError(Exception):
    """A clip that cannot be used: ``reason`` is a ledger reason, ``detail`` one line for a human."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Clip:
    """A decoded clip.

    Attributes:
        frames: uint8, (T, height, width, 3), RGB; frame k is the one nearest to k / frame_rate seconds. T is 0 where
            the settings want no video.
        audio: int16, (round(duration_s · sample_rate),), mono; empty where the settings want no audio.
        duration_s: how long every wanted stream lasts, at most what was asked for.
    """

    frames: np.ndarray
    audio: np.ndarray
    duration_s: float


def is_url(source: str | Path) -> bool:
    """Return whether a source names a protocol (``https://…``, ``file://…``) rather than a path."""
    return _URL.match(str(source)) is not None
