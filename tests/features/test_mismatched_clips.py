"""Pairs that do not match: which clips, nested over rates and the same for all kinds, and what is cut of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.features import FeatureSettings
from avbench.config.mismatches import MISMATCHES, MismatchSettings
from avbench.config.store import StoreSettings
from avbench.data.store import Row, Store, encode_frames, write_shard
from avbench.features.mismatched_clips import mismatched, ranked, sounds
from avbench.features.windows import Clips

FEATURES = FeatureSettings(sample_rate=8000, n_fft=256, hop=200, n_mels=40, frame_rate=4.0, audio_s=1.0, video_s=1.0)
SECONDS = (5.0, 5.0, 3.0, 5.0, 5.0, 5.0)
IDS = [f"clip {number}" for number in range(len(SECONDS))]
RATES = st.floats(0, 1)


def settings(kind, rate=0.5, **more):
    return MismatchSettings(kind, rate, **({"shift_s": 1.0} if kind == "shifted" else {}), **more)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Frame k of clip c is grey level 40·c + k, and the sample at second t is 1000·c + 10·t."""
    stored = StoreSettings(frame_rate=4.0, width=16, height=16, sample_rate=8000, jpeg_quality=95)
    rows = []
    for clip, seconds in enumerate(SECONDS):
        grey = (40 * clip + np.arange(int(4 * seconds))).astype(np.uint8)
        frames = np.ascontiguousarray(np.broadcast_to(grey[:, None, None, None], (len(grey), 16, 16, 3)))
        audio = (1000 * clip + 10 * np.arange(int(8000 * seconds)) // 8000 + 1).astype("<i2")
        rows.append(Row(IDS[clip], encode_frames(frames, stored), audio.tobytes(), seconds))
    path = tmp_path_factory.mktemp("clips") / "000.arrow"
    write_shard(path, rows, stored)
    return Clips(Store([path]), IDS, FEATURES)


@given(st.integers(1, 60), RATES, RATES, st.sampled_from(list(MISMATCHES)), st.integers(0, 9))
def test_clips_of_a_lower_rate_are_among_those_of_a_higher_with_the_same_sounds(count, low, high, kind, seed):
    ids, (low, high) = [f"{number}" for number in range(count)], sorted((low, high))
    some, more = (ranked(ids, settings(kind, rate), seed) for rate in (low, high))
    assert more[: len(some)].tolist() == some.tolist()
    assert abs(len(more) - high * count) <= (1.5 if kind == "swapped" else 0.5)
    heard = [sounds(ids, settings(kind, rate), seed) for rate in (low, high)]
    assert (heard[0][some] == heard[1][some]).all()
    moved = np.flatnonzero(heard[1] != np.arange(count))
    assert sorted(moved) == (sorted(more) if kind == "swapped" else [])
    assert (heard[1][heard[1]] == np.arange(count)).all()  # two and two have each other's


@given(st.permutations([f"{number}" for number in range(24)]))
def test_the_order_of_the_subset_changes_nothing(ids):
    plain = sorted(ids)
    for kind in ("muted", "swapped"):
        chosen = {ids[place] for place in ranked(ids, settings(kind), 3)}
        assert chosen == {plain[place] for place in ranked(plain, settings(kind), 3)}
    there, here = sounds(plain, settings("swapped"), 3), sounds(ids, settings("swapped"), 3)
    assert {ids[a]: ids[b] for a, b in enumerate(here)} == {plain[a]: plain[b] for a, b in enumerate(there)}


def test_each_run_seed_has_its_own_draw_unless_one_is_given():
    ids = [f"{number}" for number in range(40)]
    assert set(ranked(ids, settings("muted"), 0)) != set(ranked(ids, settings("muted"), 1))


@pytest.mark.parametrize("kind", MISMATCHES)
def test_what_is_cut_of_each_kind_and_of_the_others_nothing_else(clips, kind):
    index, starts = np.arange(len(IDS)), np.array([0.0, 3.5, 1.0, 2.0, 4.0, 1.5])
    changed = mismatched(clips, IDS, settings(kind, seed=5), seed=99)
    chosen = changed.chosen
    assert 0 < chosen.sum() < len(IDS)
    audio, frames = clips.audio(index, starts), clips.frames(index, starts)
    heard, seen = changed.audio(index, starts), changed.frames(index, starts)
    assert (heard[~chosen] == audio[~chosen]).all()
    assert (seen[~chosen] == frames[~chosen]).all()
    if kind != "frozen":
        assert (seen == frames).all()
    if kind == "muted":
        assert (heard[chosen] == 0).all()
    elif kind == "swapped":
        assert (heard == clips.audio(changed.sounds, starts)).all()
        assert (heard[chosen] // 1000 != np.flatnonzero(chosen)[:, None]).all()
    elif kind == "shifted":
        moved = changed.shifted(index, starts)
        assert (heard[chosen] == clips.audio(index, moved)[chosen]).all()
        assert np.abs(moved - starts) == pytest.approx(1.0)
        assert ((moved >= 0) & (moved <= np.array(SECONDS) - 1)).all()
        assert (moved - starts > 0).tolist() == [start + 2 <= end for start, end in zip(starts, SECONDS, strict=True)]
    else:
        assert (heard == audio).all()
        middle = clips.frames(index, np.array(SECONDS) / 2)[:, :1]
        assert (seen[chosen] == middle[chosen]).all()
    # One clip alone is cut as it is among others.
    assert (changed.audio(index[2:3], starts[2:3]) == heard[2:3]).all()
    assert (changed.frames(index[2:3], starts[2:3]) == seen[2:3]).all()
