"""How long media files last: their headers say it, or are silent, or wrong; so the packets are looked at, too."""

import os
import time
import wave
from pathlib import Path

from avbench.data.media.clip import MediaError
from avbench.data.media.confined import Confined

# Written for files that cannot be read; they end in the ledger with the reason, whatever the number.
UNKNOWN_S = 10.0
_PATIENCE_S = 60.0  # a damaged file must not hang a job
_LONG_S = 3600.0  # nobody's clip: of longer files the rest is not read
_NEAR_S = 0.1  # headers of MP4 leave out what encoders add at both ends


_reader = Confined()


def duration_s(path: str | Path) -> float:
    """Return a media file's duration in seconds, or ``UNKNOWN_S`` if it is missing, damaged or no media.

    PCM in WAV is read with the standard library, which is quick; anything else as :func:`measured_s` does, in a process
    of its own.
    """
    path = Path(path)
    if not path.is_file():
        return UNKNOWN_S
    if path.suffix.lower() == ".wav":
        try:
            with wave.open(str(path)) as sound:
                # A header that was never completed counts 4 GB.
                most = os.path.getsize(path) // (sound.getnchannels() * sound.getsampwidth())
                if (samples := min(sound.getnframes(), most)) > 0:
                    return samples / sound.getframerate()
        except (OSError, EOFError, wave.Error, ZeroDivisionError):
            pass  # other codecs than PCM, and damage: PyAV tells one from the other
    try:
        return _reader.call(2 * _PATIENCE_S, measured_s, path) or UNKNOWN_S
    except MediaError:
        return UNKNOWN_S


def has_sound(path: str | Path) -> bool:
    """Return whether a file says that it has an audio stream; no file and no media have none."""
    try:
        return Path(path).is_file() and _reader.call(2 * _PATIENCE_S, _announces_sound, path)
    except MediaError:
        return False


def _announces_sound(path: str | Path) -> bool:
    import av

    from avbench.data.media.streams import open_container

    try:
        with open_container(f"file:{Path(path).absolute()}", _PATIENCE_S) as container:
            return len(container.streams.audio) > 0
    except (av.FFmpegError, OSError, ValueError):
        return False


def measured_s(path: str | Path) -> float:
    """Return how long a file lasts by its packets; by its header if that says about the same. 0 for no media.

    Of files that last more than an hour, only the first is looked at.
    """
    import av

    from avbench.data.media.streams import open_container
    from avbench.data.media.timeline import Timeline, origin

    deadline = time.monotonic() + _PATIENCE_S
    header = end = 0.0
    exact, broken = False, True
    try:
        with open_container(f"file:{Path(path).absolute()}", _PATIENCE_S) as container:
            header = (container.duration or 0) / av.time_base
            exact = "mp4" in container.format.name
            cover = av.stream.Disposition.attached_pic
            streams = [s for s in container.streams if s.type in ("audio", "video") and not s.disposition & cover]
            begin, timeline = origin(container), Timeline(container, streams)
            for packet in container.demux(streams):
                if not packet.size or packet.stream not in streams:
                    continue
                timeline.place(packet)
                at = packet.pts if packet.pts is not None else packet.dts
                if at is not None:
                    end = max(end, float((at + (packet.duration or 0)) * packet.time_base) - begin)
                if end > _LONG_S or time.monotonic() > deadline:
                    return max(header, end)
            broken = False
    except (av.FFmpegError, OSError, ValueError, MediaError):
        pass
    if broken:
        return max(header, end)
    if abs(header - end) > _NEAR_S:
        return end
    return header if exact else max(header, end)
