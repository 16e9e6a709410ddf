"""Channels of sound: how they become one where there is no standard mix, and when a mix leaves nothing of them."""

from functools import lru_cache

import av
import numpy as np

from avbench.data.media.clip import MediaError
from avbench.data.media.streams import Track, decoded_frames

_MOST_SCALE = 100.0  # times full scale: 40 dB; integers written as floating point have 32,768
_FAINT = 33  # of 32,768: -60 dBFS
_LOUDER = 10.0  # 20 dB


def mixable(frame: av.AudioFrame) -> av.AudioFrame:
    """Return a frame that can be mixed to mono: itself, or one channel where swresample knows no mix of its layout.

    Of ambisonics that is W, the first channel, which hears all directions alike; of anything else the mean.
    """
    if _has_mix(frame.format.name, frame.layout.name):
        return frame
    channels = _by_channel(frame)
    mono = channels[0] if frame.layout.name.startswith("ambisonic") else channels.mean(0)
    mixed = av.AudioFrame.from_ndarray(np.ascontiguousarray(mono[None], np.float32), "fltp", "mono")
    mixed.sample_rate = frame.sample_rate
    return mixed


@lru_cache
def _has_mix(sample_format: str, layout: str) -> bool:
    if layout in ("mono", "stereo"):
        return True
    try:
        silence = av.AudioFrame(sample_format, layout, 16)
        silence.sample_rate = 48000
        av.AudioResampler("s16", "mono", 48000).resample(silence)
    except (av.FFmpegError, ValueError):
        return False
    return True


def _by_channel(frame: av.AudioFrame) -> np.ndarray:
    """Return the samples, floating point (channels, n), 1 being full scale."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        return (samples - 128.0) / 128
    return samples / -float(np.iinfo(samples.dtype).min) if samples.dtype.kind == "i" else samples


def require_usable_samples(frame: av.AudioFrame, run_start: float) -> None:
    """Refuse samples that are no numbers, or far beyond full scale. Lossy codecs decode to neither.

    Raises:
        MediaError: reason ``corrupt``; ``run_start`` says about where, in seconds.
    """
    if frame.format.name not in _FLOATING:
        return
    samples = frame.to_ndarray()
    if not (peak := float(np.abs(samples).max(initial=0))) <= _MOST_SCALE:  # nor for NaN
        what = f"{peak:.3g} times full scale" if np.isfinite(peak) else "not finite"
        raise MediaError("corrupt", f"samples of the sound that begins at {run_start:.3f} s of the file are {what}")


_FLOATING = ("flt", "fltp", "dbl", "dblp")


def require_sound_mix(samples: np.ndarray, track: Track) -> None:
    """Refuse a silent mix, int16 (n,), of channels that are not silent, before it is taken for silence.

    Raises:
        MediaError: reason ``silent``, with the channel and its level.
    """
    mixed = max(int(samples.max(initial=0)), -int(samples.min(initial=0)))
    if mixed >= _FAINT:
        return
    track.stream.codec_context.flush_buffers()
    peaks: dict[str, float] = {}
    for frame, at in decoded_frames(track):
        if at >= track.start:
            for name, peak in zip(_names(frame.layout), np.abs(_by_channel(frame)).max(1), strict=True):
                peaks[name] = max(peaks.get(name, 0.0), float(peak))
    name, loudest = max(peaks.items(), key=lambda item: item[1], default=("", 0.0))
    if loudest * 32768 < max(_FAINT, _LOUDER * mixed):
        return
    loud = [channel for channel, peak in peaks.items() if peak > loudest / _LOUDER]
    why = "is left out of a mix to mono" if loud == [name] else "and the others cancel when they are mixed to mono"
    raise MediaError("silent", f"channel {name}, which peaks at {20 * np.log10(loudest):.1f} dBFS, {why}")


def _names(layout: av.AudioLayout) -> list[str]:
    """Return the channels' names: numbers, and what they are where the layout says so."""
    known = [channel.name for channel in layout.channels]
    return [f"{i + 1} ({name})" if name not in ("", "NONE") else str(i + 1) for i, name in enumerate(known)]
