"""One time axis for all streams of a file, also where its time stamps begin anew."""

import av

from avbench.data.media.clip import MediaError

# As the ffmpeg program has them: where a stream of a broadcast goes back by more, or leaps ahead of all others by more,
# another part begins there.
_BACK_S = 0.1
_AHEAD_S = 10.0
_MOST_BACK_S = 1.0  # in files whose stamps do not restart, frames in disorder aside
_PRIMING_S = 0.1  # what an audio encoder needs to begin; an Opus stream may bring 80 ms


def origin(container: av.container.InputContainer) -> float:
    """Return when a file begins, in seconds on its own axis: with its earliest stream, as ``ffmpeg -ss`` counts.

    Sound that begins a little before zero is the encoder's priming: there the picture, or zero, is the beginning.
    Matroska tells how long the priming is, wherever the file begins.
    """
    begin = (container.start_time or 0) / av.time_base
    if "matroska" in container.format.name:
        streams = [*container.streams.video, *container.streams.audio]
        begin = min((_begin(s) + _priming(s) for s in streams if s.start_time is not None), default=begin)
    if not -_PRIMING_S <= begin < 0:
        return begin
    return max(begin, min([0.0, *(_begin(s) for s in container.streams.video if s.start_time is not None)]))


def _begin(stream: av.VideoStream | av.AudioStream) -> float:
    return stream.start_time * float(stream.time_base)


def _priming(stream: av.VideoStream | av.AudioStream) -> float:
    """Return what an encoder of sound put before it, in seconds, rounded as the time stamps are."""
    context = stream.codec_context
    if stream.type != "audio" or context is None or not context.sample_rate:
        return 0.0
    tick = float(stream.time_base)
    return round(context.delay / context.sample_rate / tick) * tick


class Timeline:
    """Lays packets on one axis: where broadcasts restart their clock, the next part begins where the last one ended.

    A part is found by the first stream that enters it, and the others follow with the same shift: so sound and picture
    stay in step within every part. Files of kinds that know no restart are refused where their stamps go back.
    """

    def __init__(self, container: av.container.InputContainer, streams: list) -> None:
        self._restarts = may_restart(container)
        self._kinds = {stream.index: stream.type for stream in streams}
        self._usual = {stream.index: usual_duration(stream) for stream in streams}
        self._shifts = [0.0]  # of the parts, in seconds
        self._part = dict.fromkeys(self._kinds, 0)
        self._last: dict[int, float] = {}
        self._due: dict[int, float] = {}

    def place(self, packet: av.Packet) -> None:
        """Move a packet's stamps onto the axis; packets come in the order of the file.

        Raises:
            MediaError: the stamps go back (``timestamps``).
        """
        index, scale = packet.stream_index, float(packet.time_base)
        if packet.dts is not None:
            at = packet.dts * scale
            if index in self._last:
                self._enter(index, at)
            at += self._shifts[self._part[index]]
            self._last[index] = at
            self._due[index] = at + (packet.duration * scale if packet.duration else self._usual[index])
        if shift := round(self._shifts[self._part[index]] / scale):
            packet.dts = None if packet.dts is None else packet.dts + shift
            packet.pts = None if packet.pts is None else packet.pts + shift

    def _enter(self, index: int, at: float) -> None:
        """Find the part of a stamp, which may be a new one."""
        part, due = self._part[index], self._due[index]
        placed = at + self._shifts[part]
        if not self._restarts:
            if placed < self._last[index] - _MOST_BACK_S:
                raise MediaError(
                    "timestamps", f"the time stamps of the {self._kinds[index]} go back from {due:.3f} s to {at:.3f} s"
                )
            return
        later = range(part + 1, len(self._shifts))
        best = min(later, key=lambda k: abs(at + self._shifts[k] - due), default=part)
        if best != part and abs(at + self._shifts[best] - due) < abs(placed - due) - 1e-6:
            self._part[index] = part = best
            placed = at + self._shifts[part]
        if placed < self._last[index] - _BACK_S or placed > max(self._due.values()) + _AHEAD_S:
            self._shifts.append(due - at)
            self._part[index] = len(self._shifts) - 1


def may_restart(container: av.container.InputContainer) -> bool:
    """Whether time stamps of a file of this kind may begin anew in it."""
    return bool(container.format.flags & av.format.Flags.ts_discont.value)


def usual_duration(stream: av.VideoStream | av.AudioStream) -> float:
    """Return how long a picture is shown, in seconds; 0 for sound and where no rate is told."""
    rate = (stream.average_rate or stream.guessed_rate) if stream.type == "video" else None
    return float(1 / rate) if rate else 0.0
