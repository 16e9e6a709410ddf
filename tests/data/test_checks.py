import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.checks import CheckSettings
from avbench.config.store import StoreSettings
from avbench.core.errors import UserError
from avbench.data.checks import Measurements, fault, measure, motion, peak_dbfs
from avbench.data.media.clip import Clip
from avbench.data.media.decode import decode
from tests.support import media_files as files

SETTINGS = CheckSettings(min_duration_s=1.0)


def clip(frames=None, audio=None, duration_s=4.0):
    return Clip(
        files.moving(32) if frames is None else frames,
        np.tile(np.array([3000, -3000], np.int16), 32000) if audio is None else audio,
        duration_s,
    )


def check(decoded, settings):
    return fault(measure(decoded, 16000), settings)


def reason(*arguments, **keywords):
    found = check(clip(*arguments, **keywords), SETTINGS)
    return found and found[0]


def test_an_ordinary_clip_passes():
    assert check(clip(), SETTINGS) is None


def test_short():
    assert reason(duration_s=0.999) == "short"
    assert reason(duration_s=1.0) is None


def test_silence_is_a_peak_below_the_level():
    # -60 dBFS is 32.768 steps of 16 bits.
    audio = np.zeros(64000, np.int16)
    assert reason(audio=audio) == "silent"
    audio[100] = -32
    assert reason(audio=audio) == "silent"
    audio[100] = -33
    assert reason(audio=audio) is None


def test_still_pictures():
    still = np.repeat(files.moving(1), 32, axis=0)
    assert reason(frames=still) == "still"
    assert reason(frames=files.moving(1)) == "still"
    assert reason(frames=np.concatenate([still, files.moving(4, seed=1)])) is None


def test_small_local_motion_is_motion():
    # An object on 3 % of a static picture, 25 levels apart from the ground.
    frames = np.full((32, 100, 100, 3), 90, np.uint8)
    for index, frame in enumerate(frames):
        frame[40:57, 3 * (index % 16) : 3 * (index % 16) + 17] = 115
    assert reason(frames=frames) is None


@pytest.mark.parametrize("crf", ["18", "38"])
def test_an_encoded_photograph_is_still(tmp_path, crf):
    path = files.write_media(
        tmp_path / "a.mp4",
        np.repeat(files.photograph(240, 320)[None], 60, axis=0),
        fps=15,
        audio=files.noise(4),
        options={"crf": crf},
    )
    assert check(decode(path, StoreSettings(8.0, 48, 48), 0, 4), SETTINGS)[0] == "still"


def test_streams_that_are_not_wanted_are_not_checked():
    assert reason(frames=np.empty((0, 32, 32, 3), np.uint8)) is None
    assert reason(audio=np.empty(0, np.int16)) is None


def test_a_file_that_outlasts_its_clip_is_not_the_trimmed_clip():
    assert fault(Measurements(10.0, excess_s=2.0), SETTINGS) is None
    assert fault(Measurements(10.0, excess_s=2.1), SETTINGS)[0] == "duration"
    assert fault(Measurements(10.0), SETTINGS) is None


def test_an_unknown_choice_is_refused():
    with pytest.raises(UserError, match="checks.duplicates: 'drop' is unknown. Allowed are list, exclude"):
        CheckSettings(1.0, duplicates="drop")


@given(st.integers(-32768, 32767))
def test_peak_is_that_of_the_loudest_sample(value):
    level = peak_dbfs(np.array([0, value], np.int16))
    assert level == (-np.inf if value == 0 else pytest.approx(20 * np.log10(abs(value) / 2**15)))


def test_motion_is_the_mean_absolute_difference_between_distant_frames():
    frames = np.random.default_rng(0).integers(0, 256, (20, 5, 6, 3), np.uint8)
    wide = frames.astype(int)
    assert motion(frames[:9], 8.0) == pytest.approx(max(np.abs(wide[k:9] - wide[: 9 - k]).mean() for k in (4, 2)))
    assert motion(frames, 8.0) == pytest.approx(max(np.abs(wide[k:] - wide[:-k]).mean() for k in (8, 5)))


@given(st.integers(2, 16))
def test_periodic_motion_is_motion(period):
    # A light that blinks, whatever its period: 16 frames per second for 4 s.
    frames = files.levels(np.where(np.arange(64) % period < period / 2, 60, 90))
    assert reason(frames=frames) is None


@pytest.mark.parametrize(
    "path",
    sorted(files.REAL_CLIPS.glob("vggsound/*.mp4")) or [pytest.param(None, marks=pytest.mark.skip("no real clips"))],
    ids=lambda path: path and path.name,
)
def test_real_clips_pass_with_room_to_spare(path):
    decoded = decode(path, StoreSettings(8.0, 56, 56), 0, 5)
    assert check(decoded, SETTINGS) is None
    assert motion(decoded.frames, 8.0) > 2 * SETTINGS.still_difference
    assert peak_dbfs(decoded.audio) > -30
