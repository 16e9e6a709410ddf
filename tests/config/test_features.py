"""The settings of features."""

import pytest

from avbench.config.features import FeatureSettings
from avbench.core.errors import UserError


def test_default_windows_are_the_papers():
    settings = FeatureSettings()
    assert (settings.samples, settings.video_frames, settings.audio_shape) == (16000, 8, (1, 100, 128))


@pytest.mark.parametrize("bad", [{"hop": 0}, {"n_mels": -1}, {"video_s": 0.0}, {"hop": 513}])
def test_settings_that_make_no_sense(bad):
    with pytest.raises(UserError, match=next(iter(bad))):
        FeatureSettings(**bad)
