"""The time windows that a training sample is cut from, and reading them from the store."""

from collections.abc import Mapping, Sequence

import numpy as np

from avbench.config.features import FeatureSettings
from avbench.core.errors import UserError
from avbench.data.store import Store
from avbench.features.cache import AUTO, Room, decoded_bytes
from avbench.features.given_features import GivenFeatures


def lead_s(features: FeatureSettings) -> float:
    """Return how long before the video window the audio window begins, in seconds; both have the same centre."""
    return (features.audio_s - features.video_s) / 2


def start_s(features: FeatureSettings, draws: np.ndarray, duration_s: np.ndarray) -> np.ndarray:
    """Turn draws in [0, 1) into starts of the video window, so that both windows lie inside the clip.

    With the paper's windows (1 s of audio, 0.5 s of video) starts are uniform in [0.25, duration - 0.75].

    Args:
        features: lengths of the windows.
        draws: (n,) float64 in [0, 1).
        duration_s: (n,) float64, the clips' durations in seconds.
    """
    lead = lead_s(features)
    first = max(0.0, lead)
    last = np.maximum(duration_s - max(features.video_s, features.audio_s - lead), first)
    return first + draws * (last - first)


class Clips:
    """The clips of a subset, cut into windows; clips are kept decoded while they fit into memory.

    Args:
        store: the dataset's store.
        clip_ids: the subset's clips; everything below addresses them by their place in this list.
        features: lengths of the windows.
        cache_mb: decoded clips are kept up to this many MB (10^6 bytes), or ``auto``, see :class:`Room`.
        short: what becomes of clips that are shorter than a window: ``refuse``, or ``repeat``: their sound is
            repeated until the window is full, which adds no silence that the log-mel would show as its floor.
        given: features that stand for what is stored, by modality.

    Raises:
        UserError: a clip is shorter than a window and ``short`` is ``refuse``, or a clip is not in the store.
    """

    def __init__(
        self,
        store: Store,
        clip_ids: Sequence[str],
        features: FeatureSettings,
        cache_mb: float | str = 0,
        short: str = "refuse",
        given: Mapping[str, GivenFeatures] | None = None,
    ) -> None:
        self.store, self.features = store, features
        self.rows = store.rows(clip_ids)
        self.duration_s = store.duration_s[self.rows]
        self.frame_count, self.sample_count = features.video_frames, features.samples
        needed = max(features.audio_s, features.video_s)
        if short == "refuse" and (below := self.duration_s < needed - 1e-6).any():
            worst = int(np.argmin(self.duration_s))
            raise UserError(
                f"{int(below.sum())} clips are shorter than the window of {needed:g} s, for example "
                f"{clip_ids[worst]!r} with {self.duration_s[worst]:.2f} s. "
                "Raise checks.min_duration_s or shorten the window."
            )
        self._given = {name: (one, one.places(clip_ids)) for name, one in (given or {}).items()}
        self._pictures: dict[int, np.ndarray] = {}
        self._sounds: dict[int, np.ndarray] = {}
        self._room = Room(cache_mb, decoded_bytes(store, self.rows) if cache_mb == AUTO else 0)

    def __len__(self) -> int:
        return len(self.rows)

    def reach(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and the last start of a video window of each clip, in seconds: float64 (n,) each."""
        first, last = (start_s(self.features, np.full(1, share), self.duration_s[index]) for share in (0.0, 1.0))
        return first, last

    def audio(self, index: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Cut the audio windows that belong to video windows at ``starts`` (seconds): int16 (n, samples).

        Given features, float32 (n, width), of the window at the same share of the clip.
        """
        if "audio" in self._given:
            return self._window("audio", index, starts)
        rate, lead = self.store.settings.sample_rate, lead_s(self.features)
        batch = np.empty((len(index), self.sample_count), np.int16)
        for i, (clip, start) in enumerate(zip(index, starts, strict=True)):
            available = round(self.duration_s[clip] * rate) - self.sample_count
            first = min(max(0, round((start - lead) * rate)), max(0, available))
            sound = self._samples(int(clip), first)
            batch[i] = sound if len(sound) == self.sample_count else np.resize(sound, self.sample_count)  # repeats it
        return batch

    def frames(self, index: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Cut the video windows that begin at ``starts`` (seconds): uint8 (n, frames, height, width, 3).

        The first is the stored frame nearest to the start. Where a clip ends before its window does (the partner of a
        longer anchor), its last frame stands still. Given features as of `audio`.
        """
        if "video" in self._given:
            return self._window("video", index, starts)
        settings = self.store.settings
        batch = np.empty((len(index), self.frame_count, settings.height, settings.width, 3), np.uint8)
        for i, (clip, start) in enumerate(zip(index, starts, strict=True)):
            first = min(int(start * settings.frame_rate + 0.5), self.store.frame_count(self.rows[clip]) - 1)
            frames = self._frames(int(clip), first)
            batch[i, : len(frames)] = frames
            batch[i, len(frames) :] = frames[-1]
        return batch

    def _window(self, modality: str, index: np.ndarray, starts: np.ndarray) -> np.ndarray:
        given, places = self._given[modality]
        first, last = self.reach(index)
        shares = (starts - first) / np.maximum(last - first, 1e-9)
        return given.window(places[index], np.clip(shares, 0.0, 1.0))

    def _frames(self, clip: int, first: int) -> np.ndarray:
        row, settings = self.rows[clip], self.store.settings
        count, whole = self.store.frame_count(row), self._pictures.get(clip)
        if whole is None and self._room.take(count * settings.height * settings.width * 3):
            whole = self._pictures[clip] = self.store.frames(row)
        if whole is not None:
            return whole[first : first + self.frame_count]
        return self.store.frames(row, first, min(self.frame_count, count - first))

    def _samples(self, clip: int, first: int) -> np.ndarray:
        whole = self._sounds.get(clip)
        if whole is None:
            whole = self.store.audio(self.rows[clip])
            if self._room.take(whole.nbytes):
                whole = self._sounds[clip] = whole.copy()  # mapped pages may be dropped again
        return whole[first : first + self.sample_count]
