"""Decoding: a stretch of a media file becomes frames at a fixed rate and mono audio on one common time axis."""

import dataclasses
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from avbench.data.media.clip import Clip, MediaError, is_url
from avbench.data.media.picture import frame_count, read_frames
from avbench.data.media.sound import read_samples
from avbench.data.media.streams import (
    PREROLL_S,
    Track,
    check_time,
    covers_start,
    end_of,
    open_container,
    open_stream,
    read_packets,
    require_memory,
    seeks_exactly,
)
from avbench.data.media.timeline import origin

if TYPE_CHECKING:
    from avbench.config.store import StoreSettings


_MOST_BYTES = 200_000_000  # of a clip's frames, and of its samples: 330 s of 112 × 112 at 16 frames/s
_PATIENCE_S = 60.0, 20.0  # for any clip, and more a second of it
_SEEK_FROM_S = 2.0  # below, reading from the beginning costs less than it is worth
_SEEK_BACK_S = PREROLL_S, 12.0  # encoders set a key frame every 10 s at least, unless told otherwise


class _SoughtTooLateError(Exception):
    """What is wanted of a file depends on what comes before the place that was sought."""


def decode(
    path: str | Path,
    settings: "StoreSettings",
    start_s: float,
    duration_s: float,
    audio_path: str | Path | None = None,
) -> Clip:
    """Decode [start_s, start_s + duration_s) of a local file.

    Time counts from the beginning of the file's earliest stream (as ``ffmpeg -ss`` does); where the stamps of a
    broadcast begin anew, the next part follows the last (:mod:`avbench.data.media.timeline`). Where a file tells no
    times of pictures (AVI), they are shown when the decoder gives them, as the ffmpeg program does. A stream that
    starts late is padded on that axis: audio with silence, video by holding its first frame; the end is never padded.
    Frames keep no aspect ratio, display matrices are applied, and frames that no output needs are not converted or,
    where the codec allows, not even decoded. Channels are mixed by swresample's standard matrix and resampled with its
    delay removed.

    Memory and time are bounded, whatever the file: ``duration_s`` may be far longer than it, and only what the clip
    depends on is held. What decoders allocate has no bound but that of the process: see
    :mod:`avbench.data.media.confined`, in which packing decodes.

    Args:
        path: a regular file; URLs and protocols are never followed.
        settings: frame rate and size, sample rate, and which of video and audio are wanted.
        start_s: seconds.
        duration_s: seconds.
        audio_path: the file to take the audio from, on its own axis; by default ``path``. The clip is as long as the
            shorter of the two.

    Raises:
        MediaError: and nothing else. Reason ``unavailable`` (a URL), ``missing``, ``unreadable``, ``corrupt``,
            ``no-video``, ``no-audio``, ``short`` (nothing left after start_s), ``long`` (more than 200 MB of frames or
            samples), ``large`` (more than 512 MiB of coded data, or more memory than there is), ``timestamps`` (they go
            back in a file whose kind knows no restart), ``silent`` (channels of which a mix leaves nothing) or
            ``timeout`` (60 s and 20 times the duration).
    """
    if audio_path is not None and settings.audio:
        sound = decode(audio_path, dataclasses.replace(settings, video=False), start_s, duration_s)
        if not settings.video:
            return sound
        picture = decode(path, dataclasses.replace(settings, audio=False), start_s, duration_s)
        return _cut(picture.frames, sound.audio, min(picture.duration_s, sound.duration_s), settings)
    url = _local(path)
    # Beyond the longest clip a second is enough to see that there is more.
    duration_s = min(duration_s, _longest(settings) + 1)
    deadline = time.monotonic() + patience_s(settings, duration_s)
    try:
        # Seeking is a shortcut. Without an index it may land behind the key frame: then seek for an earlier place, and
        # in the end read from the beginning.
        for back in _SEEK_BACK_S if start_s > _SEEK_FROM_S else ():
            if start_s > back:
                with suppress(_SoughtTooLateError):
                    return _decode(url, settings, start_s, duration_s, deadline, start_s - back)
        return _decode(url, settings, start_s, duration_s, deadline)
    except MediaError:
        raise
    except Exception as error:  # beside its own errors PyAV raises whatever a malformed field leads to
        check_time(deadline)
        require_memory(error)
        what = error.strerror if isinstance(error, av.FFmpegError) else f"{type(error).__name__}: {str(error)[:200]!a}"
        raise MediaError("corrupt", f"cannot be read as media: {what}") from error


def patience_s(settings: "StoreSettings", duration_s: float) -> float:
    """Return how long decoding a clip may take, in seconds."""
    return _PATIENCE_S[0] + _PATIENCE_S[1] * min(duration_s, _longest(settings) + 1)


def _local(path: str | Path) -> str:
    if is_url(path):
        raise MediaError("unavailable", "the source is a URL; only files on disk are decoded, so download it first")
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise MediaError("missing", "the file does not exist") from None
    except OSError as error:
        raise MediaError("unreadable", f"the file cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise MediaError("unreadable", "the source is not a regular file")
    if not os.access(path, os.R_OK):
        raise MediaError("unreadable", "the file cannot be opened: Permission denied")
    return f"file:{os.path.abspath(path)}"  # so that a name such as "concat:a|b" is a name


def _longest(settings: "StoreSettings") -> float:
    """Return how many seconds a clip may last."""
    video = settings.frame_rate * settings.width * settings.height * 3 if settings.video else 0
    return _MOST_BYTES / max(video, 2 * settings.sample_rate if settings.audio else 0)


def _decode(
    url: str,
    settings: "StoreSettings",
    start_s: float,
    duration_s: float,
    deadline: float,
    place: float | None = None,
) -> Clip:
    """Decode, reading from about ``place`` seconds, which may be too late, or from the beginning."""
    with open_container(url, max(deadline - time.monotonic(), 0)) as container:
        video = open_stream(container, "video") if settings.video else None
        audio = open_stream(container, "audio", video) if settings.audio else None
        streams = [stream for stream in (video, audio) if stream is not None]
        begin = origin(container)
        start, stop = begin + start_s, begin + start_s + duration_s
        if place is not None:
            if not seeks_exactly(container, streams):
                raise _SoughtTooLateError
            try:
                container.seek(int((begin + place) * av.time_base))
            except (av.FFmpegError, OverflowError):
                raise _SoughtTooLateError from None
        packets = read_packets(container, streams, start, stop, deadline)
        tracks = [Track(stream, packets[stream.index], start, stop, deadline) for stream in streams]
        if place is not None and not all(map(covers_start, tracks)):
            raise _SoughtTooLateError
        if min([stop, *map(end_of, tracks)]) - start > _longest(settings):
            raise MediaError("long", f"the clip lasts longer than {_longest(settings):.0f} s; cut it into shorter ones")
        ends = [stop]
        frames = np.empty((0, settings.height, settings.width, 3), np.uint8)
        samples = np.empty(0, np.int16)
        for track in tracks:
            if track.stream is video:
                frames, end = read_frames(track, settings)
            else:
                samples, end = read_samples(track, settings.sample_rate)
            ends.append(end)
    # Rounding to the microsecond takes out the noise of adding and subtracting the start.
    duration = round(min(ends) - start, 6)
    if duration <= 0:
        raise MediaError("short", f"nothing is left after {start_s:g} s")
    return _cut(frames, samples, duration, settings)


def _cut(frames: np.ndarray, samples: np.ndarray, duration: float, settings: "StoreSettings") -> Clip:
    frames = frames[: frame_count(duration, settings.frame_rate)]
    return Clip(frames, samples[: round(duration * settings.sample_rate)], duration)
