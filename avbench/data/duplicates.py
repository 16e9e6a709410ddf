"""Duplicates across splits: perceptual hashes of clips, and the pairs whose hashes are alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from avbench.data.fingerprints import BITS
from avbench.data.manifest import SPLITS
from avbench.data.near_hashes import near

AUDIO_BITS = 64  # at most so many may differ; see find
FRAME_BITS = 80  # where the sound is alike; a logo or a slight crop costs tens of bits
FRAME_BITS_ALONE = 40  # where there is no sound to compare
COLUMNS = ("clip_id", "split", "duplicate_of", "duplicate_split", "frame_distance", "audio_distance")


def find(table: pd.DataFrame) -> pd.DataFrame:
    """Find clips of one split that another split holds too, such as a second upload of the same recording.

    Two clips are duplicates if their hashes differ in at most ``AUDIO_BITS`` and ``FRAME_BITS`` bits of 256, or in one
    of these where only one modality can be compared (pictures alone: ``FRAME_BITS_ALONE``, as a camera standing still
    gives four like pictures). Of each clip only the nearest duplicate in each other split is listed, so that a jingle
    in thousands of clips does not give millions of pairs; leaving out every ``clip_id`` that is returned leaves no
    duplicates across splits.

    Measured on eight clips of VGGSound, re-encoded in four ways each (H.264 and VP9, 144 to 480 lines, 12 to 30 frames
    a second; AAC, MP3 and Opus, 32 to 96 kbit/s, 22 to 48 kHz, other gain): at most 40 bits differ in sound and 20 in
    pictures; between different clips at least 106 and 108. Noises with one envelope in common differ in at least 88
    (of 56,000 pairs; 128 on average with a standard deviation of 9.5, as chance has it), clips of a controlled set in
    at least 83 and 78.

    Known limits: only recordings cut at nearly the same time match. Of the 32 re-encodings all do when cut 0.1 s apart,
    28 when 0.2 s, none when 0.3 s; shorter clips tolerate less, in proportion. A crop of 5 % at each side just matches,
    a mirrored picture does not. Another sound mixed in at half the amplitude lets three in four match.

    All pairs are compared (:mod:`avbench.data.near_hashes`), which a processor does quickly; docs/scaling.md says how.

    Args:
        table: columns clip_id (unique), split, frame_hash, audio_hash (empty or missing where there is none).

    Returns:
        Columns clip_id, split, duplicate_of, duplicate_split, frame_distance, audio_distance, sorted by split and ids;
        ``split`` comes before ``duplicate_split`` in train, validation, test. Distances are in bits of 256, missing
        where a modality could not be compared.
    """
    clips = table.sort_values("clip_id")
    parts = {split: _Part.of(clips[clips["split"] == split]) for split in SPLITS}
    found = []
    for first, second in combinations(SPLITS, 2):
        one, other = parts[first], parts[second]
        left, right = _nearest(one, other)
        frames, audio = _distances(one, other, left, right)
        pairs = {
            "clip_id": one.clip_ids[left],
            "split": first,
            "duplicate_of": other.clip_ids[right],
            "duplicate_split": second,
            "frame_distance": pd.array(frames, "Int64"),
            "audio_distance": pd.array(audio, "Int64"),
        }
        found.append(pd.DataFrame(pairs, columns=list(COLUMNS)))
    return pd.concat(found, ignore_index=True)


@dataclass(frozen=True)
class _Hashes:
    """The hashes of some clips in one modality: uint64 (n, 4), and which of the clips have one, bool (n,)."""

    words: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, column: pd.Series) -> "_Hashes":
        texts = column.fillna("").tolist()
        data = bytes.fromhex("".join(text or "0" * (BITS // 4) for text in texts))
        words = np.frombuffer(data, np.uint64).reshape(len(texts), 4)
        return cls(words, np.array([bool(text) for text in texts], bool))


@dataclass(frozen=True)
class _Part:
    """The clips of one split, sorted by id."""

    clip_ids: np.ndarray
    frames: _Hashes
    audio: _Hashes

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "_Part":
        return cls(rows["clip_id"].to_numpy(object), _Hashes.of(rows["frame_hash"]), _Hashes.of(rows["audio_hash"]))


def _nearest(one: _Part, other: _Part) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (n,) and (n,) of each clip of either split with its nearest duplicate in the other."""
    none = np.iinfo(np.int64).max
    of_left, of_right = (np.full(len(part.clip_ids), none) for part in (one, other))
    for left, right in _candidates(one, other):
        frames, audio = _distances(one, other, left, right)
        limit = np.where(np.isnan(audio), FRAME_BITS_ALONE, FRAME_BITS)
        alike = ~(frames > limit) & ~(audio > AUDIO_BITS)  # a missing distance is not greater
        left, right = left[alike], right[alike]
        score = (2 * np.nanmean([frames[alike], audio[alike]], axis=0)).astype(np.int64)
        # The score and the other clip in one number: its minimum is the nearest, the first id among equals.
        np.minimum.at(of_left, left, score * len(of_right) + right)
        np.minimum.at(of_right, right, score * len(of_left) + left)
    left, right = np.flatnonzero(of_left < none), np.flatnonzero(of_right < none)
    pairs = np.concatenate(
        [
            np.stack([left, of_left[left] % max(len(of_right), 1)], axis=1),
            np.stack([of_right[right] % max(len(of_left), 1), right], axis=1),
        ]
    )
    return tuple(np.unique(pairs, axis=0).T)


def _candidates(one: _Part, other: _Part) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows of pairs that are alike in sound, and in pictures where not both have sound."""
    yield from _alike(one.audio, other.audio, one.audio.known, other.audio.known, AUDIO_BITS)
    silent = one.frames.known & ~one.audio.known
    yield from _alike(one.frames, other.frames, silent, other.frames.known, FRAME_BITS_ALONE)
    sounding, silent = one.frames.known & one.audio.known, other.frames.known & ~other.audio.known
    yield from _alike(one.frames, other.frames, sounding, silent, FRAME_BITS_ALONE)


def _alike(
    one: _Hashes, other: _Hashes, left: np.ndarray, right: np.ndarray, bits: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows of pairs among those chosen by two masks: all that differ by at most ``bits``, and perhaps others."""
    rows, columns = np.flatnonzero(left), np.flatnonzero(right)
    for i, j in near(one.words[rows], other.words[columns], bits):
        yield rows[i], columns[j]


def _distances(one: _Part, other: _Part, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of pairs of rows in frames and audio, float64 bits (n,); nan where one has no hash."""

    def distance(first: _Hashes, second: _Hashes) -> np.ndarray:
        differing = np.bitwise_count(first.words[left] ^ second.words[right]).sum(axis=1, dtype=np.float64)
        return np.where(first.known[left] & second.known[right], differing, np.nan)

    return distance(one.frames, other.frames), distance(one.audio, other.audio)
