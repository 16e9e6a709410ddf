"""Mono samples of a stretch of audio, at a fixed rate."""

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator
from statistics import median

import av
import numpy as np

from avbench.data.media.channels import mixable, require_sound_mix, require_usable_samples
from avbench.data.media.clip import MediaError
from avbench.data.media.streams import Track, decoded_frames

_SAMPLE_RATES = range(1000, 768_001)  # beyond, what the resampler allocates has no bound
_GAP_S = 0.02  # time stamps in Matroska are rounded to 1 ms; what is off by more, and stays so, is a real gap
_WINDOW_S = 1.0  # for so long a shift must last: stamps of some recorders jitter by a frame around a steady clock
_JITTER_S = 0.05


def read_samples(track: Track, sample_rate: int) -> tuple[np.ndarray, float]:
    """Return mono int16 samples from the start as far as the audio goes, silent in gaps, and when it ends.

    Raises:
        MediaError: there is no sound (``no-audio``), samples that no recording has (``corrupt``), or channels of which
            a mix to mono leaves nothing (``silent``).
    """
    most = round((track.stop - track.start) * sample_rate)
    runs, size, end, channels = [], 0, None, 1
    for _, run in itertools.groupby(_clocked(decoded_frames(track)), lambda item: item[0]):
        begin, mono, length, count = _resampled(run, track.start, sample_rate)
        channels = max(channels, count)
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
    if channels > 1:
        require_sound_mix(samples, track)
    return samples, end


def _clocked(frames: Iterable[tuple[av.AudioFrame, float]]) -> Iterator[tuple[int, av.AudioFrame, float]]:
    """Yield (run, frame, time): frames of a run follow each other without a gap or a change of format.

    Times are counted in samples from the beginning of the run, which the stamps of its first second tell together; so
    rounded stamps do not add up, and one that is early or late moves nothing.
    """
    source, coming, held = iter(frames), deque[tuple[av.AudioFrame, float]](), 0.0
    run, shape, due = -1, None, 0.0
    while True:
        while held < _WINDOW_S and (item := next(source, None)):
            if item[0].sample_rate not in _SAMPLE_RATES:
                raise MediaError("corrupt", f"the audio has a sample rate of {item[0].sample_rate} Hz")
            coming.append(item)
            held += item[0].samples / item[0].sample_rate
        if not coming:
            return
        frame, at = coming[0]
        if _shape(frame) != shape or (abs(at - due) > _GAP_S and _lasts(coming, due)):
            run, shape = run + 1, _shape(frame)
            due = at + median(shift for shift in _shifts(coming, at) if abs(shift) <= _JITTER_S)
        yield run, frame, due
        seconds = frame.samples / frame.sample_rate
        due, held = due + seconds, held - seconds
        coming.popleft()


def _shape(frame: av.AudioFrame) -> tuple:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _shifts(coming: Iterable[tuple[av.AudioFrame, float]], due: float) -> list[float]:
    """Return by how much each stamp is later than its frame is due if they follow each other, in seconds."""
    shifts = []
    for frame, at in coming:
        shifts.append(round(at - due, 6))  # without the noise of adding
        due += frame.samples / frame.sample_rate
    return shifts


def _lasts(coming: Iterable[tuple[av.AudioFrame, float]], due: float) -> bool:
    shifts = _shifts(coming, due)
    return min(shifts) > _GAP_S or max(shifts) < -_GAP_S


def _resampled(
    run: Iterable[tuple[int, av.AudioFrame, float]], start: float, sample_rate: int
) -> tuple[float, np.ndarray, float, int]:
    """Mix and resample a run: its first time in seconds, int16 samples (n,), its length in seconds, its channels."""
    resampler = av.AudioResampler("s16", "mono", sample_rate)
    frames = iter(run)
    _, first, at = next(frames)  # no run is empty
    channels = first.layout.nb_channels
    first = mixable(first)
    ahead = _ahead((at - start) * sample_rate, first.sample_rate, sample_rate)
    begin, length = at - ahead / first.sample_rate, ahead / first.sample_rate
    parts = resampler.resample(_silence(first, ahead)) if ahead else []
    # One frame at a time: joining them first costs more in fresh memory than the calls do.
    for frame in itertools.chain([first], (mixable(frame) for _, frame, _ in frames)):
        require_usable_samples(frame, at)
        length += frame.samples / frame.sample_rate
        parts += resampler.resample(frame)
    parts += resampler.resample(None)
    arrays = [np.frombuffer(part.planes[0], np.int16, part.samples) for part in parts]
    return begin, np.concatenate([np.empty(0, np.int16), *arrays]), length, channels


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
