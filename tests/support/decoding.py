"""Decoding as the tests of media ask for it: small frames, and the reason why a file is refused."""

import pytest

from avbench.config.store import StoreSettings
from avbench.data.media.clip import MediaError
from avbench.data.media.decode import decode


def settings(**changes):
    return StoreSettings(**{"frame_rate": 8.0, "width": 32, "height": 32} | changes)


VIDEO = settings(audio=False)
AUDIO = settings(video=False)


def reason(path, start_s=0.0, duration_s=2.0, wanted=None):
    with pytest.raises(MediaError) as caught:
        decode(path, wanted or settings(), start_s, duration_s)
    assert caught.value.detail
    return caught.value.reason
