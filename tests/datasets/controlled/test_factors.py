import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, kstest, norm

from avbench.core.errors import UserError
from avbench.datasets.controlled import CONDITIONS, ControlledSettings
from avbench.datasets.controlled.factors import (
    HUE_TURNS,
    PICTURE,
    PITCH_SEMITONES,
    SCENE,
    SOUND,
    Range,
    class_point,
    clip_factors,
    prototype,
)

SET = ControlledSettings()


def draw(settings, count=300):
    return [clip_factors(settings, k % settings.classes, "train", k) for k in range(count)]


@given(z=st.floats(-6, 6), low=st.floats(0.01, 10), width=st.floats(0.01, 100), log=st.booleans())
def test_factors_stay_in_their_range_and_grow_with_the_coordinate(z, low, width, log):
    scale = Range(low, low + width, log)
    assert low * (1 - 1e-9) <= scale(z) <= (low + width) * (1 + 1e-9)
    assert scale(z) <= scale(z + 0.1) * (1 + 1e-9)


def test_range_has_its_middle_at_zero():
    assert Range(2, 8)(0) == pytest.approx(5)
    assert Range(2, 8, log=True)(0) == pytest.approx(4)


def test_class_points_are_standard_normal():
    points = np.concatenate([class_point(3, "x", index) for index in range(200)])
    assert kstest(points, "norm").pvalue > 1e-3


def test_other_names_and_seeds_mean_other_classes():
    for settings in (dataclasses.replace(SET, name="outdoors"), dataclasses.replace(SET, seed=2)):
        for label_index in range(5):
            assert prototype(settings, label_index) != prototype(SET, label_index)


def test_conditions_leave_classes_alone():
    outdoors = dataclasses.replace(SET, conditions=CONDITIONS["outdoors"])
    assert prototype(outdoors, 3) == prototype(SET, 3)


def test_without_spread_every_instance_is_the_prototype():
    settings = dataclasses.replace(SET, spread=0.0, scene_share=1.0)
    for k in range(3):
        factors = clip_factors(settings, 5, "test", k)
        assert {name: factors[name] for name in prototype(settings, 5)} == prototype(settings, 5)


def test_spread_scatters_instances_around_their_class():
    z = {}
    for spread in (0.2, 0.4):
        settings = dataclasses.replace(SET, spread=spread)
        factors = [clip_factors(settings, 2, "train", k) for k in range(400)]
        low, high = SOUND["fundamental_hz"].low, SOUND["fundamental_hz"].high
        share = [math.log(f["fundamental_hz"] / low) / math.log(high / low) for f in factors]
        from_class = norm.ppf(share) - class_point(1, "controlled", 2)[0]
        assert abs(from_class.mean()) < 4 * spread / math.sqrt(400)
        z[spread] = from_class.std()
    assert z[0.2] == pytest.approx(0.2, rel=0.15)
    assert z[0.4] == pytest.approx(0.4, rel=0.15)


@pytest.mark.parametrize("key", ["synchrony", "pitch_hue", "gain_size"])
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_shares_are_as_asked(key, probability):
    flag = {"synchrony": "synchronous", "pitch_hue": "pitch_hue_shared", "gain_size": "gain_size_shared"}[key]
    count = sum(factors[flag] for factors in draw(dataclasses.replace(SET, **{key: probability})))
    low, high = binom.interval(0.9999, 300, probability) if 0 < probability < 1 else [300 * probability] * 2
    assert low <= count <= high


def test_shared_factors_are_shared_and_others_are_not():
    same = {True: [], False: []}
    for factors in draw(SET):
        events = factors["sound_onsets_s"] == factors["picture_onsets_s"]
        assert events == factors["synchronous"]
        assert (factors["sound_amplitudes"] == factors["picture_amplitudes"]) == events
        pitch, hue = factors["pitch_semitones"] / PITCH_SEMITONES, factors["hue_turns"] / HUE_TURNS
        same[factors["pitch_hue_shared"]].append((pitch, hue))
    assert np.allclose(*np.transpose(same[True]))
    assert abs(np.corrcoef(np.transpose(same[False]))[0, 1]) < 0.3


def test_shared_factors_say_nothing_about_the_class():
    values = np.array([[f["pitch_semitones"], f["loudness_db"], len(f["sound_onsets_s"])] for f in draw(SET, 960)])
    classes = np.arange(960) % SET.classes
    for column in values.T:
        means = np.array([column[classes == index].mean() for index in range(SET.classes)])
        # Between-class variance of 40-clip means of independent draws is 1/40 of the variance, times about 1.
        assert means.var() < 2.2 * column.var() / 40


def test_events_are_in_order_and_inside_the_clip():
    for factors in draw(dataclasses.replace(SET, duration_s=1.0), 100) + draw(SET, 100):
        for part in ("sound", "picture"):
            onsets = factors[f"{part}_onsets_s"]
            assert len(onsets) == len(factors[f"{part}_amplitudes"]) >= 1
            assert list(onsets) == sorted(onsets)
            assert onsets[0] >= 0
    long = draw(dataclasses.replace(SET, duration_s=40.0), 60)
    rates = [len(factors["sound_onsets_s"]) / 40 for factors in long]
    assert 0.6 < min(rates) < 1.1
    assert 2.0 < max(rates) < 2.7


def test_class_factors_stay_in_their_ranges():
    scales = {**SOUND, **PICTURE, **SCENE}
    for factors in draw(dataclasses.replace(SET, spread=3.0)):
        for name, scale in scales.items():
            assert scale.low - 1e-9 <= factors[name] <= scale.high + 1e-9


def test_nuisance_stays_in_the_conditions():
    outdoors = CONDITIONS["outdoors"]
    for factors in draw(dataclasses.replace(SET, conditions=outdoors), 100):
        assert abs(factors["position_x"]) <= outdoors.position
        assert outdoors.snr_db[0] <= factors["snr_db"] <= outdoors.snr_db[1]
        assert outdoors.lowpass_hz[0] <= factors["lowpass_hz"] <= outdoors.lowpass_hz[1]


def test_unknown_class_is_refused():
    with pytest.raises(UserError, match="class 24 must be from 0 to 23"):
        clip_factors(SET, 24, "train", 0)
