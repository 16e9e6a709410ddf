"""How long media files last, from their headers alone."""

import wave
from pathlib import Path

# Written for files that cannot be read; they end in the ledger with the reason, whatever the number.
UNKNOWN_S = 10.0
_PATIENCE_S = 60.0  # a damaged file must not hang a job


def duration_s(path: str | Path) -> float:
    """Return a media file's duration in seconds, or ``UNKNOWN_S`` if it is missing, damaged or no media.

    PCM in WAV is read with the standard library, which is quick; anything else with PyAV.
    """
    path = Path(path)
    if not path.is_file():
        return UNKNOWN_S
    if path.suffix.lower() == ".wav":
        try:
            with wave.open(str(path)) as sound:
                if sound.getnframes() > 0:
                    return sound.getnframes() / sound.getframerate()
        except (OSError, EOFError, wave.Error, ZeroDivisionError):
            pass  # other codecs than PCM, and damage: PyAV tells one from the other
    return _with_pyav(path) or UNKNOWN_S


def _with_pyav(path: Path) -> float:
    import av

    from avbench.data.media.clip import CONTAINERS

    try:
        # "file:" and the whitelists: a name is a path and nothing else, and a playlist opens no connection.
        with av.open(
            f"file:{path.absolute()}",
            container_options={"protocol_whitelist": "file", "format_whitelist": CONTAINERS},
            metadata_errors="replace",
            timeout=_PATIENCE_S,
        ) as container:
            return (container.duration or 0) / av.time_base
    except (av.FFmpegError, OSError, ValueError):
        return 0.0
