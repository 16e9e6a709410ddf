"""Mono samples of a stretch of audio, at a fixed rate."""

import itertools
import math
from collections.abc import Iterable

import av
import numpy as np

from avbench.data.media.clip import MediaError
from avbench.data.media.streams import Track, decoded_frames

_SAMPLE_RATES = range(1000, 768_001)  # beyond, what the resampler allocates has no bound
_GAP_S = 0.02  # time stamps in Matroska are rounded to 1 ms; what is off by more is a real gap


def read_samples(track: Track, sample_rate: int) -> tuple[np.ndarray, float]:
    """Return mono int16 samples from the start as far as the audio goes, silent in gaps, and when it ends."""
    most = round((track.stop - track.start) * sample_rate)
    runs, size, end = [], 0, None
    for _, run in itertools.groupby(decoded_frames(track), _RunNumber()):
        begin, mono, length = _resampled(run, track.start, sample_rate)
        offset = round((begin - track.start) * sample_rate)
        first, last = max(offset, 0), min(offset + len(mono), most)
        if last > first:
            runs.append((first, last, mono[first - offset : last - offset]))
            size = max(size, last)
        end = begin + length
    if end is None:
        raise MediaError("no-audio", f"the audio stream holds no sound before {track.stop:g} s")
    # The last sample may be missing: the resampler rounds down.
    samples = np.zeros(min(size + 1, most), np.int16)
    for first, last, mono in runs:
        samples[first:last] = mono
    return samples, end


class _RunNumber:
    """Numbers runs: frames that follow each other without a gap or a change of format are in one."""

    def __init__(self) -> None:
        self._number = -1
        self._shape: tuple | None = None
        self._next = 0.0

    def __call__(self, item: tuple[av.AudioFrame, float]) -> int:
        frame, at = item
        if frame.sample_rate not in _SAMPLE_RATES:
            raise MediaError("corrupt", f"the audio has a sample rate of {frame.sample_rate} Hz")
        shape = frame.format.name, frame.layout.name, frame.sample_rate
        if shape != self._shape or abs(at - self._next) > _GAP_S:
            self._number += 1
            self._shape, self._next = shape, at
        # Counted from the run's first frame, so that rounded time stamps do not add up.
        self._next += frame.samples / frame.sample_rate
        return self._number


def _resampled(
    run: Iterable[tuple[av.AudioFrame, float]], start: float, sample_rate: int
) -> tuple[float, np.ndarray, float]:
    """Mix and resample a run: its first time in seconds, int16 samples (n,), and its length in seconds."""
    resampler = av.AudioResampler("s16", "mono", sample_rate)
    frames = iter(run)
    first, at = next(frames)  # no run is empty
    ahead = _ahead((at - start) * sample_rate, first.sample_rate, sample_rate)
    begin, length = at - ahead / first.sample_rate, ahead / first.sample_rate
    parts = resampler.resample(_silence(first, ahead)) if ahead else []
    # One frame at a time: joining them first costs more in fresh memory than the calls do.
    for frame, _ in itertools.chain([(first, at)], frames):
        length += frame.samples / frame.sample_rate
        parts += resampler.resample(frame)
    parts += resampler.resample(None)
    arrays = [np.frombuffer(part.planes[0], np.int16, part.samples) for part in parts]
    return begin, np.concatenate([np.empty(0, np.int16), *arrays]), length


def _ahead(offset: float, rate: int, sample_rate: int) -> int:
    """Return how many samples at ``rate`` bring the beginning, at ``offset`` output samples, onto the output's grid."""
    counts = np.arange(min(rate // math.gcd(rate, sample_rate), 1000))
    places = offset - counts * (sample_rate / rate)
    return int(np.abs(places - places.round()).round(3).argmin())  # the first that is near enough


def _silence(like: av.AudioFrame, samples: int) -> av.AudioFrame:
    frame = av.AudioFrame(like.format, like.layout, samples)
    frame.sample_rate = like.sample_rate
    for plane in frame.planes:
        plane.update((b"\x80" if like.format.name.startswith("u8") else b"\0") * plane.buffer_size)
    return frame
