"""The packets and decoded frames of one stream, within bounds of time and memory."""

import errno
import time
from collections.abc import Iterator
from dataclasses import dataclass

import av

from avbench.data.media.clip import CONTAINERS, MediaError
from avbench.data.media.confined import MOST_BYTES, is_full, too_large
from avbench.data.media.timeline import Timeline, may_restart, usual_duration

# What a hostile file, or an honest one of many hours, may cost.
_MOST_PIXELS = 8192 * 8192
_MOST_CODED_BYTES = 512 * 2**20  # held at a time: 10 s at 430 Mbit/s
_LONGEST_DELAY = 16  # pictures that a decoder of H.264 or HEVC may hold back
_FEWEST_HELD = 4  # pictures, by a decoder: one is shown, one waits, one is made of another
PREROLL_S = 0.5  # audio decoders and the resampler need a run-up
SKIPS_EXACTLY = {"h264", "hevc"}  # dropping a non-reference frame changes no other frame


@dataclass(frozen=True)
class Track:
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


def check_time(deadline: float) -> None:
    """Raise a :class:`MediaError` once the monotonic clock is past the deadline."""
    if time.monotonic() > deadline:
        raise MediaError("timeout", "decoding takes far too long: the file is damaged, or its disk hardly answers")


def require_memory(error: Exception, needed: int = 0) -> None:
    """Raise a :class:`MediaError` if an error tells that memory is at its end, or if so many bytes are not left."""
    lacks = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    if lacks or is_full(needed):
        raise MediaError(*too_large()) from error


def open_container(url: str, patience_s: float) -> av.container.InputContainer:
    """Open a local file, ``file:…``; its packets have the time stamps that it tells, and none may take longer.

    A name is a path and nothing else, and a playlist opens no connection.
    """
    container = av.open(
        url,
        container_options={"protocol_whitelist": "file", "format_whitelist": CONTAINERS},
        metadata_errors="replace",
        timeout=patience_s,
    )
    # PyAV asks for guesses at what AVI does not tell: when pictures are shown. They are wrong where B frames are.
    container.flags &= ~av.container.Flags.gen_pts.value
    return container


def open_stream(
    container: av.container.InputContainer, kind: str, related: av.VideoStream | None = None
) -> av.VideoStream | av.AudioStream:
    """Return the best stream of a kind, set up to decode on one thread; a file without one is a :class:`MediaError`."""
    usable = [s for s in getattr(container.streams, kind) if _is_film(s)]
    if not usable:
        raise MediaError(f"no-{kind}", f"the file has no {kind} stream")
    decodable = [stream for stream in usable if stream.codec_context is not None]
    if not decodable:
        raise MediaError("corrupt", f"no decoder for the {kind} stream")
    best = container.streams.best(kind, related=related)
    # Phones write a second track that only they can decode; a cover may be the best picture.
    stream = best if best in decodable else max(decodable, key=_quality)
    if kind == "video":
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > _MOST_PIXELS:
            raise MediaError("large", f"pictures of {width} × {height} pixels are too large")
        if _FEWEST_HELD * picture_bytes(stream) > MOST_BYTES:
            what = f"{width} × {height} pixels in {stream.codec_context.pix_fmt}"
            raise MediaError("large", f"pictures of {what} are too large")
        stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}  # holds for changes in mid-stream too
    # One thread a clip: clips run side by side, and the order in which threads finish must change nothing.
    stream.codec_context.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return stream


def _is_film(stream: av.VideoStream | av.AudioStream) -> bool:
    return not stream.disposition & av.stream.Disposition.attached_pic


def _quality(stream: av.VideoStream | av.AudioStream) -> tuple:
    context = stream.codec_context
    size = context.width * context.height if stream.type == "video" else context.channels
    return bool(stream.disposition & av.stream.Disposition.default), size, -stream.index


def picture_bytes(stream: av.VideoStream | av.AudioStream) -> int:
    """Return how much memory a decoded picture takes; 0 for sound."""
    layout = stream.codec_context.format if stream.type == "video" else None
    return stream.codec_context.width * stream.codec_context.height * layout.padded_bits_per_pixel // 8 if layout else 0


def seeks_exactly(container: av.container.InputContainer, streams: list) -> bool:
    """Whether time stamps after a seek are those that reading from the beginning gives."""
    # Where stamps may restart, only what came before tells the time; blocks of ADPCM are sought for as if samples.
    adpcm = any(stream.codec_context.name.startswith("adpcm") for stream in streams)
    return not (may_restart(container) or adpcm or any(map(_begins_with_its_first, streams)))


def _begins_with_its_first(stream: av.VideoStream | av.AudioStream) -> bool:
    """Whether every packet depends on the first: in 4:4:4 it tells the build of x264, and old ones coded otherwise."""
    return stream.codec_context.name == "h264" and (stream.codec_context.pix_fmt or "").startswith(("yuv444", "gbrp"))


def read_packets(
    container: av.container.InputContainer, streams: list, start: float, stop: float, deadline: float
) -> dict[int, list[av.Packet]]:
    """Return, a stream, the packets that are shown before ``stop``, and those that they depend on.

    They begin at the latest key frame that is shown a run-up before ``start``, wherever reading began: so a seek and
    reading from the beginning give the same, and the hours before are not held.
    """
    packets: dict[int, list[av.Packet]] = {stream.index: [] for stream in streams}
    sizes = dict.fromkeys(packets, 0)
    begins = {stream.index: (start - PREROLL_S) / float(stream.time_base) for stream in streams}
    stops = {stream.index: stop / float(stream.time_base) for stream in streams}
    whole = {stream.index for stream in streams if _begins_with_its_first(stream)}
    unfinished = set(packets)
    timeline = Timeline(container, streams)
    for packet in container.demux(streams):
        check_time(deadline)
        index = packet.stream_index
        if index not in packets or not packet.size:
            continue
        timeline.place(packet)
        # A packet is never shown before it is decoded, so from dts = stop on nothing matters.
        if packet.dts is not None and packet.dts >= stops[index]:
            unfinished.discard(index)
            if not unfinished:
                break
        elif index in unfinished:
            if packet.is_keyframe and index not in whole and _is_shown_by(packet, begins[index]):
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


def covers_start(track: Track) -> bool:
    """Whether the packets begin a run-up before the start."""
    first = track.packets[0] if track.packets else None
    begin = (track.start - PREROLL_S) / float(track.stream.time_base)
    return first is not None and first.is_keyframe and _is_shown_by(first, begin)


def _is_shown_by(packet: av.Packet, stamp: float) -> bool:
    """Whether a packet is surely shown by a time; some files say only when it is decoded, and the decoder waits."""
    if packet.pts is not None:
        return packet.pts <= stamp
    return packet.dts is not None and packet.dts + _LONGEST_DELAY * (packet.duration or 0) <= stamp


def end_of(track: Track) -> float:
    """When the last packet leaves the screen, in seconds; of audio an estimate, of pictures without pts too early."""
    usual, scale = usual_duration(track.stream), float(track.stream.time_base)
    stamps = ((_stamp(packet), packet.duration) for packet in track.packets)
    return max(
        (at * scale + (length * scale if length else usual) for at, length in stamps if at is not None),
        default=0,
    )


def latest_end_of(track: Track) -> float:
    """When the last picture leaves the screen at the latest, in seconds."""
    told = all(packet.pts is not None for packet in track.packets)
    return end_of(track) + (0 if told else _LONGEST_DELAY * usual_duration(track.stream))


def _stamp(packet: av.Packet | av.VideoFrame | av.AudioFrame) -> int | None:
    """When a packet or frame is shown; where that is not told, as in AVI, when the decoder has or gives it."""
    return packet.pts if packet.pts is not None else packet.dts


def decoded_frames(
    track: Track, needed: set[int] | None = None
) -> Iterator[tuple[av.VideoFrame | av.AudioFrame, float]]:
    """Yield frames with their times in seconds; errors count from the start on, before it is only run-up."""
    stream, start = track.stream, track.start
    context, scale, usual = stream.codec_context, float(stream.time_base), usual_duration(stream)
    follows = None
    for packet in [*track.packets, None]:
        if needed is not None and packet is not None:
            context.skip_frame = "DEFAULT" if packet.pts in needed else "NONREF"
        try:
            decoded = context.decode(packet)
        except av.FFmpegError as error:
            require_memory(error, 2 * picture_bytes(stream))
            stamp = None if packet is None else _stamp(packet)
            at = None if stamp is None else stamp * scale
            if at is not None and at < start:
                continue
            place = "" if at is None else f" at {at:.3f} s of the file"
            raise MediaError("corrupt", f"{stream.type} cannot be decoded{place}: {error.strerror}") from error
        for frame in decoded:
            check_time(track.deadline)
            stamp = _stamp(frame)
            # Where a packet holds several frames of sound (WMA, ADPCM), only the first has a time stamp; without pts,
            # the pictures that the decoder gives at the end have none.
            at = follows if stamp is None else stamp * scale
            if at is None:
                raise MediaError("corrupt", f"{stream.type} has no time stamps")
            if frame.is_corrupt and at >= start:
                raise MediaError("corrupt", f"{stream.type} is damaged at {at:.3f} s of the file")
            follows = at + (frame.samples / frame.sample_rate if stream.type == "audio" else usual)
            yield frame, at
