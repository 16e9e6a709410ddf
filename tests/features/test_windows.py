"""The windows of a clip: where they begin, and what is cut."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.features import FeatureSettings
from avbench.core.errors import UserError
from avbench.features.windows import Clips, start_s
from tests.support.short_clips import FEATURES, SIZE

PAPER = FeatureSettings()


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


@pytest.mark.parametrize("cache_mb", [0, 100, "auto"])
def test_windows_are_cut_where_they_begin(store, cache_mb):
    clips = Clips(store, ["-a", "b"], FEATURES, cache_mb)
    starts = np.array([1.3, 0.6])
    for _ in range(2):  # the second time from the cache
        frames = clips.frames(np.array([0, 1]), starts)
        audio = clips.audio(np.array([0, 1]), starts)
    assert frames.shape == (2, 2, SIZE, SIZE, 3)
    assert np.abs(frames[0, 0].astype(int) - 50).max() <= 2  # nearest to 1.3 s · 4 frames/s = 5.2 is frame 5
    assert np.abs(frames[1, 1].astype(int) - 30).max() <= 2
    assert audio.shape == (2, 16000)
    assert audio[0, 0] == round(1.05 * 16000) // 1000  # the sound begins 0.25 s earlier
    assert audio[1, -1] == (round(0.35 * 16000) + 15999) // 1000


@pytest.mark.parametrize("cache_mb", [0, 100, "auto"])
@pytest.mark.parametrize(("start", "grey"), [(1.9, [80, 90, 90, 90]), (2.4, [90] * 4), (3.4, [90] * 4)])
def test_where_a_clip_ends_early_its_last_frame_stands_still(store, cache_mb, start, grey):
    clips = Clips(store, ["-a", "b"], replace(FEATURES, video_s=1.0), cache_mb)
    frames = clips.frames(np.array([1, 0]), np.array([start, 0.0]))
    assert np.abs(frames[0].astype(int).mean((1, 2, 3)) - grey).max() <= 2  # clip b ends with frame 9
    assert np.abs(frames[1].astype(int).mean((1, 2, 3)) - [0, 10, 20, 30]).max() <= 2


def test_the_first_frame_is_as_often_before_as_behind_its_time(store):
    clips, draws = Clips(store, ["-a"], FEATURES), (np.arange(400) + 0.5) / 400
    starts = start_s(FEATURES, draws, clips.duration_s[[0] * 400])
    first = clips.frames(np.zeros(400, int), starts)[:, 0].mean((1, 2, 3)).round(-1) / 10  # frame k is grey level 10·k
    late = starts * store.settings.frame_rate - first
    assert np.abs(late).max() <= 0.5 + 1e-9
    assert late.mean() == pytest.approx(0, abs=0.02)  # in frames; half a frame if it were the last one due


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
