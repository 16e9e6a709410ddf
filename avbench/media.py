"""Decoding: a stretch of a media file becomes frames at a fixed rate and mono audio on one common time axis."""

import itertools
import os
import re
import stat
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
_CONTAINERS = (
    "aac,ac3,aiff,asf,avi,eac3,flac,flv,matroska,webm,mov,mp4,mp3,mpeg,mpegts,mpegvideo,mxf,nut,ogg,rm,w64,wav"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

# Bilinear, as torchvision, Pillow and the paper have it: when shrinking, swscale widens the triangle by the factor, so
# it is anti-aliased (its AREA is a box filter). The flags take out a rounding bias and chroma at half the width.
_SCALING = Interpolation.BILINEAR | 0x40000 | 0x2000  # SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT
_MOST_PIXELS = 8192 * 8192  # a hostile header must not allocate gigabytes
_SEEK_FROM_S = 2.0  # below, decoding from the beginning costs less than it is worth
_PREROLL_S = 0.5  # audio decoders and the resampler need a run-up
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


def decode(path: str | Path, settings: "StoreSettings", start_s: float, duration_s: float) -> Clip:
    """Decode [start_s, start_s + duration_s) of a local file.

    Time counts from the beginning of the file's earliest stream (as ``ffmpeg -ss`` does). A stream that starts late is
    padded on that axis: audio with silence, video by holding its first frame; the end is never padded. Frames keep no
    aspect ratio, rotation flags are applied, and frames that no output needs are not converted or, where the codec
    allows, not even decoded. Channels are mixed by swresample's standard matrix and resampled with its delay removed.

    Args:
        path: a regular file; URLs and protocols are never followed.
        settings: frame rate and size, sample rate, and which of video and audio are wanted.
        start_s: seconds.
        duration_s: seconds.

    Raises:
        MediaError: reason ``unavailable`` (a URL), ``missing``, ``unreadable``, ``corrupt``, ``no-video``, ``no-audio``
            or ``short`` (nothing left after start_s).
    """
    url = _local(path)
    try:
        # Seeking is a shortcut. Where it lands after the start, as it can without an index, decode from the beginning.
        clip = _decode(url, settings, start_s, duration_s, seek=True) if start_s > _SEEK_FROM_S else None
        return clip or _decode(url, settings, start_s, duration_s, seek=False)
    except av.FFmpegError as error:
        raise MediaError("corrupt", f"cannot be read as media: {error.strerror}") from error


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


def _decode(url: str, settings: "StoreSettings", start_s: float, duration_s: float, seek: bool) -> Clip | None:
    """Decode; None if the seek landed after the beginning of what is wanted."""
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    with av.open(url, container_options=options) as container:
        video = _stream(container, "video") if settings.video else None
        audio = _stream(container, "audio", video) if settings.audio else None
        streams = [stream for stream in (video, audio) if stream is not None]
        origin = max(container.start_time or 0, 0) / av.time_base
        start, stop = origin + start_s, origin + start_s + duration_s
        if seek:
            container.seek(int((start - _PREROLL_S) * av.time_base))
        packets = _packets(container, streams, stop)
        if seek and any(not _covers(stream, packets[stream.index], start) for stream in streams):
            return None
        ends = [stop]
        frames = np.empty((0, settings.height, settings.width, 3), np.uint8)
        samples = np.empty(0, np.int16)
        if video is not None:
            frames, end = _frames(video, packets[video.index], start, stop, settings)
            ends.append(end)
        if audio is not None:
            samples, end = _samples(audio, packets[audio.index], start, stop, settings.sample_rate)
            ends.append(end)
    duration = min(ends) - start
    if duration <= 0:
        raise MediaError("short", f"nothing is left after {start_s:g} s")
    # Rounding to the microsecond takes out the noise of adding and subtracting the start.
    duration = round(duration, 6)
    frames = frames[: _frame_count(duration, settings.frame_rate)] if video is not None else frames
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


def _packets(container: av.container.InputContainer, streams: list, stop: float) -> dict[int, list[av.Packet]]:
    """Return, a stream, the packets that are shown before ``stop``, and those that they depend on."""
    packets: dict[int, list[av.Packet]] = {stream.index: [] for stream in streams}
    stops = {stream.index: stop / float(stream.time_base) for stream in streams}
    unfinished = set(packets)
    for packet in container.demux(streams):
        # A packet is never shown before it is decoded, so from dts = stop on nothing matters.
        if packet.dts is not None and packet.dts >= stops[packet.stream_index]:
            unfinished.discard(packet.stream_index)
            if not unfinished:
                break
        elif packet.stream_index in unfinished and packet.size:
            packets[packet.stream_index].append(packet)
    return packets


def _covers(stream: av.VideoStream | av.AudioStream, packets: list[av.Packet], start: float) -> bool:
    """Whether decoding can begin at or before ``start``: a seek without an index may land between key frames."""
    latest = start / float(stream.time_base)
    return any(packet.is_keyframe and packet.pts is not None and packet.pts <= latest for packet in packets)


def _frame_count(duration: float, frame_rate: float) -> int:
    return int(np.ceil(duration * frame_rate - 1e-4))


def _frames(
    stream: av.VideoStream, packets: list[av.Packet], start: float, stop: float, settings: "StoreSettings"
) -> tuple[np.ndarray, float]:
    """Return the frames nearest to start + k / frame_rate up to ``stop``, and when the video ends."""
    grid = start + np.arange(_frame_count(stop - start, settings.frame_rate)) / settings.frame_rate
    frames = np.empty((len(grid), settings.height, settings.width, 3), np.uint8)
    reformatter = VideoReformatter()
    filled = 0
    previous, shown = None, -np.inf
    for frame, time in _decoded(stream, packets, start, _needed(stream, packets, grid)):
        if time >= stop:
            break
        if time <= shown:
            continue
        if previous is not None:
            until = int(np.searchsorted(grid, (shown + time) / 2, side="right"))
            if until > filled:
                frames[filled:until] = _pixels(previous, reformatter, settings.width, settings.height)
                filled = until
        previous, shown = frame, time
    if previous is None:
        raise MediaError("no-video", f"the video stream holds no frame before {stop:g} s")
    frames[filled:] = _pixels(previous, reformatter, settings.width, settings.height)
    return frames, _end(stream, packets)


def _end(stream: av.VideoStream, packets: list[av.Packet]) -> float:
    """When the last packet's frame leaves the screen, in seconds."""
    rate = stream.average_rate or stream.guessed_rate
    usual = float(1 / rate) if rate else 0.0
    scale = float(stream.time_base)
    stamps = ((p.pts if p.pts is not None else p.dts, p.duration) for p in packets)
    return max(
        (at * scale + (length * scale if length else usual) for at, length in stamps if at is not None),
        default=0,
    )


def _needed(stream: av.VideoStream, packets: list[av.Packet], grid: np.ndarray) -> set[int] | None:
    """Return the time stamps of the frames that ``grid`` shows; None where the codec must decode every frame."""
    stamps = {packet.pts for packet in packets}
    if stream.codec_context.name not in _SKIPS_EXACTLY or None in stamps or len(stamps) != len(packets):
        return None
    ordered = np.array(sorted(stamps))
    times = ordered * float(stream.time_base)
    return set(ordered[np.searchsorted((times[1:] + times[:-1]) / 2, grid)].tolist())


def _decoded(
    stream: av.VideoStream | av.AudioStream,
    packets: list[av.Packet],
    start: float,
    needed: set[int] | None = None,
) -> Iterator[tuple[av.VideoFrame | av.AudioFrame, float]]:
    """Yield frames with their times in seconds; errors count from ``start`` on, before it is only run-up."""
    context, scale = stream.codec_context, float(stream.time_base)
    for packet in [*packets, None]:
        if needed is not None and packet is not None:
            context.skip_frame = "DEFAULT" if packet.pts in needed else "NONREF"
        try:
            decoded = context.decode(packet)
        except av.FFmpegError as error:
            at = None if packet is None else packet.pts
            if at is not None and at * scale < start:
                continue
            raise MediaError("corrupt", f"{stream.type} cannot be decoded{_at(at, scale)}: {error.strerror}") from error
        for frame in decoded:
            stamp = frame.pts if frame.pts is not None else frame.dts
            if stamp is None:
                raise MediaError("corrupt", f"{stream.type} has no time stamps")
            if frame.is_corrupt and stamp * scale >= start:
                raise MediaError("corrupt", f"{stream.type} is damaged{_at(stamp, scale)}")
            yield frame, stamp * scale


def _at(stamp: int | None, scale: float) -> str:
    return "" if stamp is None else f" at {stamp * scale:.3f} s of the file"


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


def _samples(
    stream: av.AudioStream, packets: list[av.Packet], start: float, stop: float, sample_rate: int
) -> tuple[np.ndarray, float]:
    """Return mono int16 samples from ``start`` to ``stop``, silent where there are none, and when the audio ends."""
    samples = np.zeros(round((stop - start) * sample_rate), np.int16)
    end = None
    for _, run in itertools.groupby(_decoded(stream, packets, start), _RunNumber()):
        time, mono, length = _resampled(run, sample_rate)
        offset = round((time - start) * sample_rate)
        first, last = max(offset, 0), min(offset + len(mono), len(samples))
        if last > first:
            samples[first:last] = mono[first - offset : last - offset]
        end = time + length
    if end is None:
        raise MediaError("no-audio", f"the audio stream holds no sound before {stop:g} s")
    return samples, end


class _RunNumber:
    """Numbers runs: frames that follow each other without a gap or a change of format are in one."""

    def __init__(self) -> None:
        self._number = -1
        self._shape: tuple | None = None
        self._next = 0.0

    def __call__(self, item: tuple[av.AudioFrame, float]) -> int:
        frame, time = item
        shape = frame.format.name, frame.layout.name, frame.sample_rate
        if shape != self._shape or abs(time - self._next) > _GAP_S:
            self._number += 1
            self._shape, self._next = shape, time
        # Counted from the run's first frame, so that rounded time stamps do not add up.
        self._next += frame.samples / frame.sample_rate
        return self._number


def _resampled(run: Iterable[tuple[av.AudioFrame, float]], sample_rate: int) -> tuple[float, np.ndarray, float]:
    """Mix and resample a run: its first time in seconds, int16 samples (n,), and its length in seconds."""
    resampler = av.AudioResampler("s16", "mono", sample_rate)
    parts, begin, length = [], None, 0.0
    # One frame at a time: joining them first costs more in fresh memory than the calls do.
    for frame, time in run:
        begin = time if begin is None else begin
        length += frame.samples / frame.sample_rate
        parts += resampler.resample(frame)
    parts += resampler.resample(None)
    arrays = [np.frombuffer(part.planes[0], np.int16, part.samples) for part in parts]
    return begin, np.concatenate([np.empty(0, np.int16), *arrays]), length
