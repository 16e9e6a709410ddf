"""Made recordings whose fingerprints are compared, and by how many bits hashes differ."""

import numpy as np

from avbench.config.store import StoreSettings
from tests.support import media_files as files

STORE = StoreSettings(frame_rate=8.0, width=112, height=112, sample_rate=16000)
RATE = STORE.sample_rate


def scene(seed, seconds=4):
    """A picture that wanders, and noise that swells: uint8 (T, 96, 96, 3) and float32 (1, n)."""
    picture = files.photograph(96, 160, seed)
    frames = np.stack([picture[:, 2 * k : 2 * k + 96] for k in range(8 * seconds)])
    sound = files.noise(seconds, RATE, seed=seed)
    return frames, sound * (1.2 + np.sin(np.arange(sound.shape[1]) / RATE * 3))


def integers(sound):
    return (sound[0] * 32767).clip(-32768, 32767).astype(np.int16)


def differing(one, other):
    return (int(one, 16) ^ int(other, 16)).bit_count()
