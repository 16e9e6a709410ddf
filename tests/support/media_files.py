"""Real media files for tests, written with PyAV."""

from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from tests.support.paths import SHARED

REAL_CLIPS = SHARED / "real-clips"


class Pipe:
    """What cannot be sought in."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def write_media(
    path,
    frames=None,
    *,
    fps=8,
    times: Sequence[float] | None = None,
    video_codec="libx264",
    pix_fmt="yuv420p",
    options: dict[str, str] | None = None,
    colorspace=None,
    color_range=None,
    audio=None,
    sample_rate=16000,
    layout="mono",
    audio_codec="aac",
    audio_start=0.0,
    container: dict[str, str] | None = None,
    container_format=None,
):
    """Write frames, uint8 (T, H, W, 3) shown at ``times`` or at a constant rate, and audio, float (channels, n)."""
    target = path if hasattr(path, "write") else str(path)
    with av.open(target, "w", format=container_format, options=container or {}) as output:
        video_stream = audio_stream = None
        if frames is not None:
            video_stream = output.add_stream(video_codec, rate=fps)
            video_stream.height, video_stream.width = frames.shape[1:3]
            video_stream.pix_fmt = pix_fmt
            video_stream.options = {"threads": "1"} | (options or {})
            video_stream.codec_context.time_base = Fraction(1, 90000 if times is not None else fps)
            if colorspace is not None:
                video_stream.codec_context.colorspace = colorspace
            if color_range is not None:
                video_stream.codec_context.color_range = color_range
        if audio is not None:
            audio_stream = output.add_stream(audio_codec, rate=sample_rate, layout=layout)
        if video_stream is not None:
            base = video_stream.codec_context.time_base
            for index, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
                if colorspace is not None or color_range is not None:
                    frame = frame.reformat(
                        format=pix_fmt, dst_colorspace=colorspace, src_color_range=2, dst_color_range=color_range
                    )
                frame.time_base = base
                frame.pts = round((times[index] if times is not None else index / fps) / base)
                output.mux(video_stream.encode(frame))
            output.mux(video_stream.encode(None))
        if audio_stream is not None:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio, np.float32), "fltp", layout)
            frame.sample_rate = sample_rate
            frame.time_base = Fraction(1, sample_rate)
            frame.pts = round(audio_start * sample_rate)
            output.mux(audio_stream.encode(frame))
            output.mux(audio_stream.encode(None))
    return path


def moving(count, height=32, width=32, seed=0):
    """A coloured pattern that wanders: uint8 (count, height, width, 3)."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(20, 235, (height // 8, width // 8, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    return np.array([np.roll(blocks, 2 * i, axis=1) for i in range(count)], np.uint8).reshape(count, *blocks.shape)


def photograph(height=96, width=96, seed=0):
    """A smooth picture: uint8 (height, width, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def levels(values, height=16, width=16):
    """Grey frames of the given levels: uint8 (len(values), height, width, 3)."""
    return np.broadcast_to(np.asarray(values, np.uint8)[:, None, None, None], (len(values), height, width, 3))


def noise(seconds, sample_rate=16000, channels=1, seed=0):
    """White noise at -20 dBFS: float32 (channels, n)."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.1, (channels, round(seconds * sample_rate))).astype(np.float32)


def click(seconds, at, sample_rate, channels=1):
    """Silence with a short burst at a known time: float32 (channels, n)."""
    audio = np.zeros((channels, round(seconds * sample_rate)), np.float32)
    middle = round(at * sample_rate)
    burst = np.hanning(round(0.002 * sample_rate) // 2 * 2 + 1)
    audio[:, middle - len(burst) // 2 : middle + len(burst) // 2 + 1] = 0.9 * burst
    return audio


def ordinary(path, seconds=2.0, seed=0, **keywords):
    """A small clip with nothing wrong: 8 frames a second of 32 × 32, H.264 and AAC."""
    return write_media(path, moving(round(8 * seconds), seed=seed), audio=noise(seconds, seed=seed), **keywords)
