"""Clips some of which do not match: another clip's sound, one that is moved in time, silence, or a still picture."""

from collections.abc import Sequence

import numpy as np

from avbench.config.mismatches import MismatchSettings
from avbench.core.hashing import keyed_ranks
from avbench.features.windows import Clips


def draw_of(settings: MismatchSettings, seed: int) -> int:
    """Return the seed of the draw of the clips: the settings' own, or the run's."""
    return seed if settings.seed is None else settings.seed


def ranked(clip_ids: Sequence[str], settings: MismatchSettings, seed: int) -> np.ndarray:
    """Return the clips that do not match, by the rank of their keyed hash: int64, places in ``clip_ids``.

    These are ``round(rate · n)`` clips; of swapped ones an even number, since each needs another. Those of a lower rate
    come first among those of a higher one, and kinds take the same clips.

    Args:
        clip_ids: of the subset.
        settings: kind and rate.
        seed: of the draw.
    """
    count = round(settings.rate * len(clip_ids))
    if settings.kind == "swapped":
        count = 2 * round(settings.rate * len(clip_ids) / 2)
        count -= 2 * (count > len(clip_ids))
    return np.argsort(keyed_ranks(seed, "mismatch", clip_ids), kind="stable")[:count]


def sounds(clip_ids: Sequence[str], settings: MismatchSettings, seed: int) -> np.ndarray:
    """Return whose sound each clip has: int64 (n,). Of swapped clips the first and second by rank swap, and so on."""
    found = np.arange(len(clip_ids))
    if settings.kind == "swapped":
        chosen = ranked(clip_ids, settings, seed)
        found[chosen] = chosen.reshape(-1, 2)[:, ::-1].reshape(-1)
    return found


def mismatched(clips: Clips, clip_ids: Sequence[str], settings: MismatchSettings, seed: int) -> "MismatchedClips":
    """Return clips some of which do not match.

    Args:
        clips: of the subset.
        clip_ids: in the same order.
        settings: which share, and how.
        seed: of the run, for a draw of its own.
    """
    draw = draw_of(settings, seed)
    chosen = np.zeros(len(clip_ids), dtype=bool)
    chosen[ranked(clip_ids, settings, draw)] = True
    return MismatchedClips(clips, settings, chosen, sounds(clip_ids, settings, draw))


class MismatchedClips:
    """Clips as :class:`avbench.features.windows.Clips`, some of which do not match.

    Args:
        clips: as they are.
        settings: what does not match.
        chosen: bool (n,), which clips.
        sounds: int64 (n,), whose sound each clip has.
    """

    def __init__(self, clips: Clips, settings: MismatchSettings, chosen: np.ndarray, sounds: np.ndarray) -> None:
        self.clips, self.settings, self.chosen, self.sounds = clips, settings, chosen, sounds
        self.store, self.features = clips.store, clips.features
        self.duration_s, self.frame_count = clips.duration_s, clips.frame_count

    def __len__(self) -> int:
        return len(self.clips)

    def audio(self, index: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Cut audio windows as :meth:`Clips.audio`; of a swapped sound that is shorter, the last it has."""
        chosen = self.chosen[index]
        if self.settings.kind == "shifted":
            starts = np.where(chosen, self.shifted(index, starts), starts)
        cut = self.clips.audio(self.sounds[index], starts)
        if self.settings.kind == "muted":
            cut[chosen] = 0
        return cut

    def frames(self, index: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Cut video windows as :meth:`Clips.frames`; of a still picture, the frame in the middle of the clip."""
        if self.settings.kind != "frozen":
            return self.clips.frames(index, starts)
        chosen = self.chosen[index]
        cut = self.clips.frames(index, np.where(chosen, self.duration_s[index] / 2, starts))
        cut[chosen] = cut[chosen][:, :1]
        return cut

    def shifted(self, index: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return the starts from which sound is taken: later; earlier where the clip ends before; else farthest away.

        Args:
            index: int64 (m,), the clips.
            starts: float64 (m,), of their video windows, in seconds.
        """
        first, last = self.clips.reach(index)
        shift = self.settings.shift_s or 0.0
        farthest = np.where(last - starts > starts - first, last, first)
        earlier = np.where(starts - shift >= first, starts - shift, farthest)
        return np.where(starts + shift <= last, starts + shift, earlier)
