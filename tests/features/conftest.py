"""A store of two small clips."""

import numpy as np
import pytest

from avbench.config.store import StoreSettings
from avbench.data.store import Row, Store, encode_frames, write_shard
from tests.support.short_clips import RATE, SIZE


@pytest.fixture
def store(tmp_path):
    """Two clips of 4 s and 2.5 s: frame k is grey level 10·k, sample n of the sound is n // 1000."""
    settings = StoreSettings(frame_rate=RATE, width=SIZE, height=SIZE, sample_rate=16000, jpeg_quality=95)
    rows = []
    for name, seconds in (("-a", 4.0), ("b", 2.5)):
        count = int(seconds * RATE)
        frames = np.repeat(np.arange(count, dtype=np.uint8) * 10, SIZE * SIZE * 3).reshape(count, SIZE, SIZE, 3)
        audio = (np.arange(int(seconds * 16000)) // 1000).astype(np.int16)
        rows.append(Row(name, encode_frames(frames, settings), audio.tobytes(), seconds))
    write_shard(tmp_path / "000.arrow", rows, settings)
    return Store([tmp_path / "000.arrow"])
