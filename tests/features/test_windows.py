from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.features import FeatureSettings
from avbench.config.store import StoreSettings
from avbench.core import memory
from avbench.core.errors import UserError
from avbench.data.store import Row, Store, encode_frames, write_shard
from avbench.features.cache import AUTO, decoded_bytes
from avbench.features.windows import Clips, start_s

PAPER = FeatureSettings()
RATE, SIZE = 4.0, 16


def test_the_papers_windows_start_in_its_range():
    draws, duration = np.array([0.0, 0.5, 1.0]), np.full(3, 10.0)
    assert start_s(PAPER, draws, duration).tolist() == [0.25, 4.75, 9.25]


@given(st.floats(0.1, 3), st.floats(0.1, 3), st.floats(0, 1, exclude_max=True), st.floats(0, 20))
def test_both_windows_lie_inside_the_clip(audio_s, video_s, draw, extra):
    features = replace(PAPER, audio_s=audio_s, video_s=video_s)
    duration = max(audio_s, video_s) + extra
    begin = float(start_s(features, np.array([draw]), np.array([duration]))[0])
    audio_begin = begin + (video_s - audio_s) / 2
    assert begin >= 0
    assert begin + video_s <= duration + 1e-9
    assert audio_begin >= -1e-9
    assert audio_begin + audio_s <= duration + 1e-9


@pytest.fixture
def store(tmp_path):
    """Two clips of 4 s and 2.5 s: frame k is grey level 20·k, sample n of the sound is n // 1000."""
    settings = StoreSettings(frame_rate=RATE, width=SIZE, height=SIZE, sample_rate=16000, jpeg_quality=95)
    rows = []
    for name, seconds in (("-a", 4.0), ("b", 2.5)):
        count = int(seconds * RATE)
        frames = np.repeat(np.arange(count, dtype=np.uint8) * 10, SIZE * SIZE * 3).reshape(count, SIZE, SIZE, 3)
        audio = (np.arange(int(seconds * 16000)) // 1000).astype(np.int16)
        rows.append(Row(name, encode_frames(frames, settings), audio.tobytes(), seconds))
    write_shard(tmp_path / "000.arrow", rows, settings)
    return Store([tmp_path / "000.arrow"])


FEATURES = FeatureSettings(frame_rate=RATE, audio_s=1.0, video_s=0.5)


@pytest.mark.parametrize("cache_mb", [0, 100, "auto"])
def test_windows_are_cut_where_they_begin(store, cache_mb):
    clips = Clips(store, ["-a", "b"], FEATURES, cache_mb)
    starts = np.array([1.3, 0.6])
    for _ in range(2):  # the second time from the cache
        frames = clips.frames(np.array([0, 1]), starts)
        audio = clips.audio(np.array([0, 1]), starts)
    assert frames.shape == (2, 2, SIZE, SIZE, 3)
    assert np.abs(frames[0, 0].astype(int) - 50).max() <= 2  # floor(1.3 s · 4 frames/s) = frame 5
    assert np.abs(frames[1, 1].astype(int) - 30).max() <= 2
    assert audio.shape == (2, 16000)
    assert audio[0, 0] == round(1.05 * 16000) // 1000  # the sound begins 0.25 s earlier
    assert audio[1, -1] == (round(0.35 * 16000) + 15999) // 1000


@pytest.mark.parametrize("cache_mb", [0, 100, "auto"])
@pytest.mark.parametrize(("start", "grey"), [(1.9, [70, 80, 90, 90]), (2.4, [90] * 4), (3.4, [90] * 4)])
def test_where_a_clip_ends_early_its_last_frame_stands_still(store, cache_mb, start, grey):
    clips = Clips(store, ["-a", "b"], replace(FEATURES, video_s=1.0), cache_mb)
    frames = clips.frames(np.array([1, 0]), np.array([start, 0.0]))
    assert np.abs(frames[0].astype(int).mean((1, 2, 3)) - grey).max() <= 2  # clip b ends with frame 9
    assert np.abs(frames[1].astype(int).mean((1, 2, 3)) - [0, 10, 20, 30]).max() <= 2


def test_too_short_clips_are_named(store):
    with pytest.raises(UserError, match="1 clips are shorter .* for example 'b' with 2.50 s"):
        Clips(store, ["-a", "b"], replace(FEATURES, audio_s=3.0))


@pytest.mark.parametrize("cache_mb", [0, 100, "auto"])
def test_clips_too_short_for_the_window_are_repeated_on_request(store, cache_mb):
    clips = Clips(store, ["-a", "b"], replace(FEATURES, audio_s=3.0, video_s=3.0), cache_mb, short="repeat")
    starts = start_s(clips.features, np.array([0.9, 0.9]), clips.duration_s)
    audio = clips.audio(np.array([0, 1]), starts)
    sound = np.array(store.audio(clips.rows[1]))
    assert len(sound) == 40000
    assert audio[1].tolist() == [*sound, *sound[:8000]]
    assert audio[0].tolist() == store.audio(clips.rows[0])[14400 : 14400 + 48000].tolist()
    frames = clips.frames(np.array([1]), starts[1:])
    assert frames.shape == (1, 12, SIZE, SIZE, 3)
    assert np.abs(frames[0, :, 0, 0, 0].astype(int) - [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 90, 90]).max() <= 2


WHOLE = 26 * SIZE * SIZE * 3 + 2 * round(6.5 * 16000)  # bytes of both clips, decoded


def reads(store, clips, monkeypatch):
    """Read both clips twice; return how many clips were decoded whole, and how many windows."""
    found, decode = [], Store.frames  # a whole clip is asked for by its row alone, a window with first and count
    monkeypatch.setattr(Store, "frames", lambda *given: found.append(len(given)) or decode(*given))
    for _ in range(2):
        clips.frames(np.array([0, 1]), np.zeros(2))
    return found.count(2), found.count(4)


def test_the_size_of_decoded_clips_is_known_before_they_are_decoded(store):
    rows = store.rows(["-a", "b"])
    taken = sum(store.frames(row).nbytes + store.audio(row).nbytes for row in rows)
    assert decoded_bytes(store, rows) == taken == WHOLE


@pytest.mark.parametrize(("spare", "decoded"), [(10**9, (2, 0)), (WHOLE, (0, 4)), (WHOLE - 1, (0, 4)), (-1, (0, 4))])
def test_an_automatic_cache_is_filled_only_if_the_memory_can_spare_it(store, monkeypatch, spare, decoded):
    monkeypatch.setattr(memory, "spare", lambda: spare)
    assert reads(store, Clips(store, ["-a", "b"], FEATURES, AUTO), monkeypatch) == decoded


def test_an_automatic_cache_stops_growing_once_others_have_taken_the_memory(store, monkeypatch):
    left = iter([10**9, 10**9, 0])
    monkeypatch.setattr(memory, "spare", lambda: next(left))
    monkeypatch.setattr("avbench.features.cache._STEP", 1)  # asked before every clip
    assert reads(store, Clips(store, ["-a", "b"], FEATURES, AUTO), monkeypatch) == (1, 2)


def test_a_cache_of_a_given_size_holds_no_more(store, monkeypatch):
    first = 16 * SIZE * SIZE * 3
    assert reads(store, Clips(store, ["-a", "b"], FEATURES, first / 1e6), monkeypatch) == (1, 2)
