"""How many decoded clips fit into memory."""

import numpy as np

from avbench.core import memory
from avbench.data.store import Store

AUTO = "auto"
_STEP = 2**24  # bytes that are taken before it is asked again whether there are any to spare


class Room:
    """Bytes that decoded clips may take: so many, or as many as the machine can spare.

    With ``auto``, clips are kept only if all of them can be. Every 16 MB the machine is asked again, and once taking
    more would leave less than a quarter of the memory available, nothing is added. So jobs that share a machine, each
    of which finds the same memory when it begins, stop together at that quarter, however many they are.

    Args:
        cache_mb: in MB (10^6 bytes), or ``auto``.
        whole: bytes of all that would be kept.
    """

    def __init__(self, cache_mb: float | str, whole: int) -> None:
        self._growing = cache_mb == AUTO and whole <= memory.spare()
        self._left = 0 if cache_mb == AUTO else int(float(cache_mb) * 1e6)

    def take(self, size: int) -> bool:
        """Take so many bytes, if there is room for them."""
        if self._growing and self._left < size:
            more = max(size, _STEP)
            self._growing = more <= memory.spare()
            self._left += more if self._growing else 0
        if self._left < size:
            return False
        self._left -= size
        return True


def decoded_bytes(store: Store, rows: np.ndarray) -> int:
    """Return how many bytes whole clips take once they are decoded: frames in uint8, sound in int16."""
    frames = sum(store.frame_count(row) for row in rows)
    samples = round(float(store.duration_s[rows].sum()) * store.settings.sample_rate)
    return frames * store.settings.height * store.settings.width * 3 + samples * 2
