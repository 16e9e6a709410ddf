import dataclasses

import numpy as np
import pytest

from avbench.datasets.controlled import CONDITIONS, Conditions, ControlledSettings, render
from avbench.datasets.controlled.factors import clip_factors

SET = ControlledSettings()
PLAIN = dataclasses.replace(  # no nuisance, no motion of the camera: what is left are the events
    SET,
    conditions=Conditions(
        position=0.0, jitter=0.0, background=0.0, brightness=0.0, colour_cast=0.0, pixel_noise=0.0,
        snr_db=(60.0, 60.0), lowpass_hz=(4000.0, 4000.0), tilt_db=0.0, gain_db=0.0,
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        SET,
        dataclasses.replace(SET, size=48, frame_rate=25, duration_s=1.5, sample_rate=48000),
        dataclasses.replace(SET, conditions=CONDITIONS["outdoors"]),
    ],
)
def test_shapes_types_and_ranges(settings):
    frames, sound, factors = render(settings, 3, "train", 1)
    assert frames.shape == (settings.frame_count, settings.size, settings.size, 3)
    assert frames.dtype == np.uint8
    assert sound.shape == (settings.sample_count,)
    assert sound.dtype == np.float32
    assert 0.01 < np.abs(sound).max() <= 1
    assert frames.std() > 10
    assert isinstance(factors["synchronous"], bool)


def test_same_key_same_bytes_whatever_else_the_set_holds():
    other = dataclasses.replace(SET, classes=50, train=7, validation=0, test=0)
    for k in (0, 9):
        first, second = render(SET, 5, "validation", k), render(other, 5, "validation", k)
        render(SET, 6, "train", 2)  # what was drawn in between does not matter
        assert first[0].tobytes() == second[0].tobytes()
        assert first[1].tobytes() == second[1].tobytes()
        assert first[2] == second[2]


def test_every_part_of_the_key_matters():
    base = render(SET, 5, "train", 0)
    for settings, key in (
        (SET, (6, "train", 0)),
        (SET, (5, "test", 0)),
        (SET, (5, "train", 1)),
        (dataclasses.replace(SET, seed=2), (5, "train", 0)),
        (dataclasses.replace(SET, name="other"), (5, "train", 0)),
    ):
        frames, sound, _ = render(settings, *key)
        assert not np.array_equal(frames, base[0])
        assert not np.array_equal(sound, base[1])


def test_sound_only():
    frames, sound, _ = render(dataclasses.replace(SET, video=False), 3, "train", 1)
    assert frames.shape == (0, 32, 32, 3)
    np.testing.assert_array_equal(sound, render(SET, 3, "train", 1)[1])


def test_content_lies_below_4_khz():
    _, sound, _ = render(SET, 3, "train", 1)
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SET.sample_rate)
    assert power[hertz > 4000].sum() < 1e-6 * power.sum()


def test_noise_is_as_loud_as_the_ratio_says():
    # The same clip with and without background noise differs by the noise.
    quiet = dataclasses.replace(PLAIN, conditions=dataclasses.replace(PLAIN.conditions, snr_db=(80.0, 80.0)))
    for ratio in (0.0, 12.0):
        noisy = dataclasses.replace(PLAIN, conditions=dataclasses.replace(PLAIN.conditions, snr_db=(ratio, ratio)))
        clean, sound = render(quiet, 2, "train", 4)[1], render(noisy, 2, "train", 4)[1]
        # The channel filters both, so the ratio holds but roughly.
        assert 10 * np.log10((clean**2).mean() / ((sound - clean) ** 2).mean()) == pytest.approx(ratio, abs=2)


def test_pitch_follows_its_factors():
    # The power of a clip with little noise lies at the multiples of its fundamental.
    tonal = [key for key in range(24) if clip_factors(PLAIN, key, "train", 0)["noise_share"] < 0.3]
    assert len(tonal) >= 4
    for label_index in tonal:
        _, sound, factors = render(PLAIN, label_index, "train", 0)
        wanted = factors["fundamental_hz"] * 2 ** (factors["pitch_semitones"] / 12)
        power = np.abs(np.fft.rfft(sound)) ** 2
        hertz = np.fft.rfftfreq(len(sound), 1 / PLAIN.sample_rate)
        harmonics = np.abs((hertz / wanted + 0.5) % 1 - 0.5) * wanted < 30
        harmonics &= hertz > wanted / 2
        assert power[harmonics].sum() > 0.6 * power.sum()


def onset_frames(frames):
    """Frames in which the brightest part of the picture jumps up."""
    light = np.sort(frames.astype(float).mean(axis=3).reshape(len(frames), -1))[:, -80:].mean(axis=1)
    rise = np.diff(light, prepend=light[0])
    return {int(index) for index in np.flatnonzero(rise > 12)}


def sound_frames(sound, settings):
    """Frames in which the level of the sound jumps up."""
    step = settings.sample_rate // 100
    level = np.sqrt((sound[: len(sound) // step * step].reshape(-1, step) ** 2).mean(axis=1))
    rise = np.array([level[i : i + 4].max() - level[max(i - 3, 0) : i].max(initial=0) for i in range(len(level))])
    peaks = [i for i in range(1, len(rise) - 1) if rise[i] == rise[max(i - 8, 0) : i + 9].max()]
    return {int(i / 100 * settings.frame_rate) for i in peaks if rise[i] > 0.3 * max(rise)}


def agreement(settings, clips):
    """Share of flashes, measured in the pictures, that have a stroke, measured in the sound, within one frame."""
    hits, flashes = 0, 0
    for label_index, k in clips:
        frames, sound, _ = render(settings, label_index, "train", k)
        strokes = sound_frames(sound, settings)
        seen = onset_frames(frames)
        flashes += len(seen)
        hits += sum(any(abs(a - b) <= 1 for b in strokes) for a in seen)
    return hits / flashes


def test_flashes_and_strokes_coincide_in_synchronous_clips_alone():
    clips = [(label_index, k) for label_index in range(12) for k in range(3)]
    fast = dataclasses.replace(PLAIN, frame_rate=25)
    together = agreement(dataclasses.replace(fast, synchrony=1.0), clips)
    apart = agreement(dataclasses.replace(fast, synchrony=0.0), clips)
    assert together > 0.8
    assert apart < 0.35


def test_a_frame_shows_the_events_that_happen_while_it_is_on_the_screen():
    checked = 0
    for label_index in range(12):
        frames, _, factors = render(PLAIN, label_index, "train", 0)
        light = np.sort(frames.astype(float).mean(axis=3).reshape(len(frames), -1))[:, -80:].mean(axis=1)
        for onset in factors["picture_onsets_s"]:
            shown = int(onset * PLAIN.frame_rate)
            earlier = [t for t in factors["picture_onsets_s"] if onset - 0.45 < t < onset]
            if shown >= 1 and not earlier and light[shown - 1] < 200:
                checked += 1
                assert light[shown] > light[shown - 1] + 5
    assert checked > 15


def test_loudness_and_size_follow_their_shared_factor():
    linked = dataclasses.replace(PLAIN, gain_size=1.0, spread=0.0)
    loud, large = [], []
    for k in range(30):
        frames, sound, _ = render(linked, 4, "train", k)
        loud.append(20 * np.log10(np.abs(sound).max()))
        corner = np.median(frames[:, :2, :2].reshape(-1, 3), axis=0)
        large.append((np.abs(frames - corner).max(axis=3) > 25).mean())
    assert np.corrcoef(loud, large)[0, 1] > 0.8
