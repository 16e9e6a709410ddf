import dataclasses

import pytest

from avbench.core.errors import UserError
from avbench.datasets.controlled import CONDITIONS, Conditions, ControlledSettings


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"synchrony": 1.2}, r"synchrony = 1\.2 must be a number from 0 to 1"),
        ({"scene_share": -0.1}, r"scene_share = -0\.1 .* from 0 to 1"),
        ({"pitch_hue": float("nan")}, r"pitch_hue = nan"),
        ({"gain_size": "half"}, r"gain_size = 'half' must be a number"),
        ({"size": 33}, r"size = 33 must be a multiple of 2"),
        ({"sample_rate": 22050}, r"sample_rate = 22050 must be a multiple of 8000"),
        ({"classes": 1}, r"classes = 1 must be a whole number from 2 to 256"),
        ({"classes": 257}, r"classes = 257"),
        ({"classes": True}, r"classes = True must be a whole number"),
        ({"train": -1}, r"train = -1"),
        ({"train": 2.5}, r"train = 2\.5 must be a whole number"),
        ({"duration_s": 0.2}, r"duration_s = 0\.2"),
        ({"video": "no"}, r"video = 'no' must be true or false"),
        ({"name": ""}, r"name = '' must be a text"),
        ({"sinchrony": 0.1}, r"unknown key sinchrony; known: .*synchrony"),
        ({"conditions": "seaside"}, r"conditions = 'seaside' must be one of indoors, outdoors, telephone"),
        ({"conditions": {"like": ["indoors"]}}, r"conditions = \['indoors'\]"),
        ({"conditions": 3}, r"conditions = 3"),
        ({"conditions": {"fog": 1}}, r"unknown key conditions\.fog; known: position"),
        ({"conditions": {"pixel_noise": 2}}, r"conditions\.pixel_noise = 2 must be a number from 0 to 1"),
        ({"conditions": {"snr_db": [15, 0]}}, r"conditions\.snr_db = \(15, 0\) must be two numbers in ascending"),
        ({"conditions": {"snr_db": 3}}, r"conditions\.snr_db = 3"),
        ({"conditions": {"lowpass_hz": [1500, 9000]}}, r"conditions\.lowpass_hz = \(1500, 9000\) .* 200 to 4000"),
    ],
)
def test_bad_values_are_refused_with_key_value_and_bound(values, said):
    with pytest.raises(UserError, match=said):
        ControlledSettings.from_mapping(values)


def test_plain_values_make_settings():
    assert ControlledSettings.from_mapping({}) == ControlledSettings()
    settings = ControlledSettings.from_mapping(
        {"name": "a", "classes": 4, "conditions": {"like": "telephone", "snr_db": [1, 2.5]}}
    )
    assert settings.classes == 4
    assert settings.conditions == dataclasses.replace(CONDITIONS["telephone"], snr_db=(1, 2.5))
    assert CONDITIONS["indoors"] == Conditions()


def test_sizes_follow_from_duration_and_rates():
    settings = ControlledSettings(duration_s=2.5, frame_rate=8, sample_rate=24000)
    assert settings.frame_count == 20
    assert settings.sample_count == 60000
