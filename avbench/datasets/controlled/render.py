"""One clip: factors, pictures, sound. A pure function of the settings and the clip's key."""

import numpy as np

from avbench.core.rng import generator
from avbench.datasets.controlled.factors import clip_factors
from avbench.datasets.controlled.options import ControlledSettings
from avbench.datasets.controlled.synthetic_picture import paint
from avbench.datasets.controlled.synthetic_sound import synthesise


def render(settings: ControlledSettings, label_index: int, split: str, k: int) -> tuple[np.ndarray, np.ndarray, dict]:
    """Render clip ``k`` of a class in a split ("train", "validation" or "test").

    Nothing depends on how many clips or classes the set has: sets of other sizes are nested.

    Returns:
        frames: uint8, (frames, size, size, 3), RGB; no frames if ``settings.video`` is false.
        sound: float32, (samples,), within [−1, 1], at ``settings.sample_rate``.
        factors: see :func:`avbench.datasets.controlled.factors.clip_factors`.
    """
    key = (settings.name, label_index, split, k)
    factors = clip_factors(settings, label_index, split, k)
    sound = synthesise(settings, factors, generator(settings.seed, "controlled-sound", *key))
    if settings.video:
        frames = paint(settings, factors, generator(settings.seed, "controlled-picture", *key))
    else:
        frames = np.empty((0, settings.size, settings.size, 3), dtype=np.uint8)
    return frames, sound, factors
