"""Decoding: a stretch of a media file becomes frames at a fixed rate and mono audio on one common time axis."""

import dataclasses
import itertools
import math
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

if TYPE_CHECKING:
    from avbench.store import StoreSettings

# Containers of real media. Playlists (HLS, DASH, concat) are left out: they make a demuxer open other files and URLs.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dv,eac3,flac,flv,ivf,matroska,webm,mov,mp4,mp3,mpeg,mpegts,mpegvideo,mxf,nut,"
    "ogg,rm,tta,w64,wav,wtv,wv"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

# Bilinear, as torchvision, Pillow and the paper have it: when shrinking, swscale widens the triangle by the factor, so
# it is anti-aliased (its AREA is a box filter). The flags take out a rounding bias and chroma at half the width.
_SCALING = Interpolation.BILINEAR | 0x40000 | 0x2000  # SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT
# What a hostile file, or an honest one of many hours, may cost.
_MOST_PIXELS = 8192 * 8192
_MOST_BYTES = 200_000_000  # of a clip's frames, and of its samples: 330 s of 112 × 112 at 16 frames/s
_MOST_CODED_BYTES = 512 * 2**20  # held at a time: 10 s at 430 Mbit/s
_SAMPLE_RATES = range(1000, 768_001)  # beyond, what the resampler allocates has no bound
_PATIENCE_S = 60.0, 20.0  # for any clip, and more a second of it
_PREROLL_S = 0.5  # audio decoders and the resampler need a run-up
_SEEK_FROM_S = 2.0  # below, reading from the beginning costs less than it is worth
_SEEK_BACK_S = _PREROLL_S, 12.0  # encoders set a key frame every 10 s at least, unless told otherwise
_GAP_S = 0.02  # time stamps in Matroska are rounded to 1 ms; what is off by more is a real gap
_SKIPS_EXACTLY = {"h264", "hevc"}  # dropping a non-reference frame changes no other frame


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


@dataclass(frozen=True)
class _Track:
    """What is wanted of one stream.

    Attributes:
        stream: with its decoder.
        packets: in the order of decoding; the first is a key frame or the file's first.
        start: seconds on the file's own axis.
        stop: likewise.
        deadline: on the monotonic clock, when patience ends.
    """

    stream: av.VideoStream | av.AudioStream
    packets: list[av.Packet]
    start: float
    stop: float
    deadline: float


def decode(
    path: str | Path,
    settings: "StoreSettings",
    start_s: float,
    duration_s: float,
    audio_path: str | Path | None = None,
) -> Clip:
    """Decode [start_s, start_s + duration_s) of a local file.

    Time counts from the beginning of the file's earliest stream (as ``ffmpeg -ss`` does). A stream that starts late is
    padded on that axis: audio with silence, video by holding its first frame; the end is never padded. Frames keep no
    aspect ratio, rotation flags are applied, and frames that no output needs are not converted or, where the codec
    allows, not even decoded. Channels are mixed by swresample's standard matrix and resampled with its delay removed.

    Memory and time are bounded, whatever the file: ``duration_s`` may be far longer than it, and only what the clip
    depends on is held.

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
            samples), ``large`` (more than 512 MiB of coded data) or ``timeout`` (60 s and 20 times the duration).
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
    deadline = time.monotonic() + _PATIENCE_S[0] + _PATIENCE_S[1] * duration_s
    try:
        # Seeking is a shortcut. Without an index it may land behind the key frame: then seek for an earlier place, and
        # in the end read from the beginning.
        places = (start_s - back for back in _SEEK_BACK_S) if start_s > _SEEK_FROM_S else ()
        sought = (_decode(url, settings, start_s, duration_s, deadline, place) for place in places if place > 0)
        clip = next((clip for clip in sought if clip is not None), None)
        return clip or _decode(url, settings, start_s, duration_s, deadline)
    except MediaError:
        raise
    except Exception as error:  # beside its own errors PyAV raises whatever a malformed field leads to
        _check_time(deadline)
        what = error.strerror if isinstance(error, av.FFmpegError) else f"{type(error).__name__}: {str(error)[:200]!a}"
        raise MediaError("corrupt", f"cannot be read as media: {what}") from error


def is_url(source: str | Path) -> bool:
    """Return whether a source names a protocol (``https://…``, ``file://…``) rather than a path."""
    return _URL.match(str(source)) is not None


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


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise MediaError("timeout", "decoding takes far too long: the file is damaged, or its disk hardly answers")


def _decode(
    url: str,
    settings: "StoreSettings",
    start_s: float,
    duration_s: float,
    deadline: float,
    place: float | None = None,
) -> Clip | None:
    """Decode, reading from about ``place`` seconds; None if what is wanted depends on what comes before."""
    with av.open(
        url,
        container_options={"protocol_whitelist": "file", "format_whitelist": CONTAINERS},
        metadata_errors="replace",
        timeout=max(deadline - time.monotonic(), 0),  # for each packet, so that none takes for ever
    ) as container:
        video = _stream(container, "video") if settings.video else None
        audio = _stream(container, "audio", video) if settings.audio else None
        streams = [stream for stream in (video, audio) if stream is not None]
        origin = max(container.start_time or 0, 0) / av.time_base
        start, stop = origin + start_s, origin + start_s + duration_s
        if place is not None:
            if not _seeks_exactly(container, streams):
                return None
            try:
                container.seek(int((origin + place) * av.time_base))
            except (av.FFmpegError, OverflowError):
                return None
        packets = _packets(container, streams, start, stop, deadline)
        tracks = [_Track(stream, packets[stream.index], start, stop, deadline) for stream in streams]
        if place is not None and not all(map(_covers, tracks)):
            return None
        if min([stop, *map(_end, tracks)]) - start > _longest(settings):
            raise MediaError("long", f"the clip lasts longer than {_longest(settings):.0f} s; cut it into shorter ones")
        ends = [stop]
        frames = np.empty((0, settings.height, settings.width, 3), np.uint8)
        samples = np.empty(0, np.int16)
        for track in tracks:
            if track.stream is video:
                frames, end = _frames(track, settings)
            else:
                samples, end = _samples(track, settings.sample_rate)
            ends.append(end)
    # Rounding to the microsecond takes out the noise of adding and subtracting the start.
    duration = round(min(ends) - start, 6)
    if duration <= 0:
        raise MediaError("short", f"nothing is left after {start_s:g} s")
    return _cut(frames, samples, duration, settings)


def _cut(frames: np.ndarray, samples: np.ndarray, duration: float, settings: "StoreSettings") -> Clip:
    frames = frames[: _frame_count(duration, settings.frame_rate)]
    return Clip(frames, samples[: round(duration * settings.sample_rate)], duration)


def _stream(
    container: av.container.InputContainer, kind: str, related: av.VideoStream | None = None
) -> av.VideoStream | av.AudioStream:
    stream = container.streams.best(kind, related=related)
    if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
        raise MediaError(f"no-{kind}", f"the file has no {kind} stream")
    if stream.codec_context is None:
        raise MediaError("corrupt", f"no decoder for the {kind} stream")
    if kind == "video":
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > _MOST_PIXELS:
            raise MediaError("corrupt", f"frames of {width} × {height} pixels are too large")
        stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}  # holds for changes in mid-stream too
    # One thread a clip: clips run side by side, and the order in which threads finish must change nothing.
    stream.codec_context.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return stream


def _seeks_exactly(container: av.container.InputContainer, streams: list) -> bool:
    """Whether time stamps after a seek are those that reading from the beginning gives."""
    # A program stream dates only some frames and the others by them; blocks of ADPCM are sought for as if samples.
    return container.format.name != "mpeg" and not any(s.codec_context.name.startswith("adpcm") for s in streams)


def _packets(
    container: av.container.InputContainer, streams: list, start: float, stop: float, deadline: float
) -> dict[int, list[av.Packet]]:
    """Return, a stream, the packets that are shown before ``stop``, and those that they depend on.

    They begin at the latest key frame that is shown a run-up before ``start``, wherever reading began: so a seek and
    reading from the beginning give the same, and the hours before are not held.
    """
    packets: dict[int, list[av.Packet]] = {stream.index: [] for stream in streams}
    sizes = dict.fromkeys(packets, 0)
    begins = {stream.index: (start - _PREROLL_S) / float(stream.time_base) for stream in streams}
    stops = {stream.index: stop / float(stream.time_base) for stream in streams}
    unfinished = set(packets)
    for packet in container.demux(streams):
        _check_time(deadline)
        index = packet.stream_index
        # A packet is never shown before it is decoded, so from dts = stop on nothing matters.
        if packet.dts is not None and packet.dts >= stops[index]:
            unfinished.discard(index)
            if not unfinished:
                break
        elif index in unfinished and packet.size:
            if packet.is_keyframe and packet.pts is not None and packet.pts <= begins[index]:
                packets[index].clear()
                sizes[index] = 0
            packets[index].append(packet)
            sizes[index] += packet.size
            if sum(sizes.values()) > _MOST_CODED_BYTES:
                raise MediaError(
                    "large",
                    f"the clip depends on more than {_MOST_CODED_BYTES / 2**20:.0f} MiB of coded data; encode it "
                    "again, with key frames",
                )
    return packets


def _covers(track: _Track) -> bool:
    """Whether the packets begin a run-up before the start."""
    first = track.packets[0] if track.packets else None
    begin = (track.start - _PREROLL_S) / float(track.stream.time_base)
    return first is not None and first.is_keyframe and first.pts is not None and first.pts <= begin


def _frame_count(duration: float, frame_rate: float) -> int:
    return max(int(np.ceil(duration * frame_rate - 1e-4)), 0)


def _frames(track: _Track, settings: "StoreSettings") -> tuple[np.ndarray, float]:
    """Return the frames nearest to start + k / frame_rate as far as the video goes, and when it ends."""
    end = _end(track)
    count = _frame_count(min(end, track.stop) - track.start, settings.frame_rate)
    grid = track.start + np.arange(count) / settings.frame_rate
    frames = np.empty((len(grid), settings.height, settings.width, 3), np.uint8)
    reformatter = VideoReformatter()
    filled = 0
    previous, shown = None, -np.inf
    for frame, at in _decoded(track, _needed(track, grid)):
        if at >= track.stop:
            break
        if at <= shown:
            continue
        if previous is not None:
            until = int(np.searchsorted(grid, (shown + at) / 2, side="right"))
            if until > filled:
                frames[filled:until] = _pixels(previous, reformatter, settings.width, settings.height)
                filled = until
        previous, shown = frame, at
    if previous is None:
        raise MediaError("no-video", f"the video stream holds no frame before {track.stop:g} s")
    if filled < len(grid):
        frames[filled:] = _pixels(previous, reformatter, settings.width, settings.height)
    return frames, end


def _end(track: _Track) -> float:
    """When the last packet leaves the screen, in seconds; of audio an estimate."""
    rate = (track.stream.average_rate or track.stream.guessed_rate) if track.stream.type == "video" else None
    usual = float(1 / rate) if rate else 0.0
    scale = float(track.stream.time_base)
    stamps = ((p.pts if p.pts is not None else p.dts, p.duration) for p in track.packets)
    return max(
        (at * scale + (length * scale if length else usual) for at, length in stamps if at is not None),
        default=0,
    )


def _needed(track: _Track, grid: np.ndarray) -> set[int] | None:
    """Return the time stamps of the frames that ``grid`` shows; None where the codec must decode every frame."""
    stamps = {packet.pts for packet in track.packets}
    exact = track.stream.codec_context.name in _SKIPS_EXACTLY
    if not exact or None in stamps or len(stamps) != len(track.packets):
        return None
    ordered = np.array(sorted(stamps))
    times = ordered * float(track.stream.time_base)
    return set(ordered[np.searchsorted((times[1:] + times[:-1]) / 2, grid)].tolist())


def _decoded(track: _Track, needed: set[int] | None = None) -> Iterator[tuple[av.VideoFrame | av.AudioFrame, float]]:
    """Yield frames with their times in seconds; errors count from the start on, before it is only run-up."""
    stream, start = track.stream, track.start
    context, scale = stream.codec_context, float(stream.time_base)
    follows = None
    for packet in [*track.packets, None]:
        if needed is not None and packet is not None:
            context.skip_frame = "DEFAULT" if packet.pts in needed else "NONREF"
        try:
            decoded = context.decode(packet)
        except av.FFmpegError as error:
            at = None if packet is None or packet.pts is None else packet.pts * scale
            if at is not None and at < start:
                continue
            place = "" if at is None else f" at {at:.3f} s of the file"
            raise MediaError("corrupt", f"{stream.type} cannot be decoded{place}: {error.strerror}") from error
        for frame in decoded:
            _check_time(track.deadline)
            stamp = frame.pts if frame.pts is not None else frame.dts
            # Where a packet holds several frames of sound (WMA, ADPCM), only the first has a time stamp.
            at = follows if stamp is None else stamp * scale
            if at is None:
                raise MediaError("corrupt", f"{stream.type} has no time stamps")
            if frame.is_corrupt and at >= start:
                raise MediaError("corrupt", f"{stream.type} is damaged at {at:.3f} s of the file")
            if stream.type == "audio":
                follows = at + frame.samples / frame.sample_rate
            yield frame, at


def _pixels(frame: av.VideoFrame, reformatter: VideoReformatter, width: int, height: int) -> np.ndarray:
    """Return a frame as uint8 (height, width, 3) RGB, upright."""
    turns = round(frame.rotation / 90) % 4  # counter-clockwise
    if turns % 2:
        width, height = height, width
    small = reformatter.reformat(
        frame,
        width,
        height,
        "rgb24",
        src_colorspace=frame.colorspace,
        dst_colorspace=Colorspace.DEFAULT,
        interpolation=_SCALING,
        src_color_range=frame.color_range,
        dst_color_range=ColorRange.JPEG,
    )
    plane = small.planes[0]
    pixels = np.frombuffer(plane, np.uint8).reshape(height, plane.line_size)[:, : 3 * width].reshape(height, width, 3)
    return np.rot90(pixels, turns) if turns else pixels


def _samples(track: _Track, sample_rate: int) -> tuple[np.ndarray, float]:
    """Return mono int16 samples from the start as far as the audio goes, silent in gaps, and when it ends."""
    most = round((track.stop - track.start) * sample_rate)
    runs, size, end = [], 0, None
    for _, run in itertools.groupby(_decoded(track), _RunNumber()):
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
    parts, begin, length = [], None, 0.0
    # One frame at a time: joining them first costs more in fresh memory than the calls do.
    for frame, at in run:
        if begin is None:
            ahead = _ahead((at - start) * sample_rate, frame.sample_rate, sample_rate)
            begin, length = at - ahead / frame.sample_rate, ahead / frame.sample_rate
            if ahead:
                parts += resampler.resample(_silence(frame, ahead))
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
