"""Hashes hardly change with what copies change, and are empty where there is nothing to compare."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from avbench.data import fingerprints
from tests.support import media_files as files
from tests.support.recordings import RATE, differing, integers, scene


def test_gain_and_sample_rate_hardly_change_the_sound():
    sound = integers(scene(3)[1])
    plain = fingerprints.audio_hash(sound, RATE)
    assert differing(plain, fingerprints.audio_hash((sound * 0.05).astype(np.int16), RATE)) < 20
    half = resample_poly(sound.astype(float), 1, 2).astype(np.int16)
    assert differing(plain, fingerprints.audio_hash(half, RATE // 2)) < 20
    assert differing(plain, fingerprints.audio_hash(integers(scene(4)[1]), RATE)) > 90


def test_size_frame_rate_and_brightness_hardly_change_the_pictures():
    frames, _ = scene(3)
    plain = fingerprints.frame_hash(frames)
    assert len(plain) == 64
    assert differing(plain, fingerprints.frame_hash(frames.repeat(3, 0))) <= 40
    assert differing(plain, fingerprints.frame_hash(frames.repeat(2, 1).repeat(3, 2))) == 0
    assert differing(plain, fingerprints.frame_hash(frames // 2 + 30)) <= 8
    assert differing(plain, fingerprints.frame_hash(scene(4)[0])) > 80


@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_black_pictures_have_no_hash_and_others_have(count):
    assert fingerprints.frame_hash(np.zeros((count, 20, 30, 3), np.uint8)) == ""
    assert bool(fingerprints.frame_hash(np.repeat(files.photograph(24, 40)[None], count, 0))) == (count > 0)


def test_a_clip_that_fades_to_black_has_no_pictures_to_compare():
    frames, _ = scene(0)
    frames[-6:] = 16
    assert fingerprints.frame_hash(frames) == ""


def test_what_is_silent_or_short_has_no_sound_to_compare():
    sound = integers(scene(0)[1])
    assert fingerprints.audio_hash(sound[:RATE], RATE)
    assert fingerprints.audio_hash(sound[: RATE - 1], RATE) == ""
    assert fingerprints.audio_hash(sound[:0], RATE) == ""
    assert fingerprints.audio_hash(0 * sound, RATE) == ""
    assert fingerprints.audio_hash(np.where(np.arange(len(sound)) < len(sound) // 2, sound, 0), RATE) == ""
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)
    assert fingerprints.audio_hash(tone.astype(np.int16), RATE) == ""
