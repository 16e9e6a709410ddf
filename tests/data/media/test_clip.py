"""What a decoded clip holds, and which containers are opened."""

import numpy as np
import pytest

from avbench.data.media.decode import decode
from tests.support import media_files as files
from tests.support.decoding import AUDIO, reason, settings


def test_shapes_and_types(tmp_path):
    clip = decode(files.ordinary(tmp_path / "a.mp4", 2.0), settings(width=24, height=40), 0, 2)
    assert (clip.frames.shape, clip.frames.dtype) == ((16, 40, 24, 3), np.uint8)
    assert (clip.audio.shape, clip.audio.dtype) == ((32000,), np.int16)
    assert clip.duration_s == 2.0


def test_the_end_is_never_made_up(tmp_path):
    path = files.write_media(tmp_path / "a.mkv", files.moving(8), audio=files.noise(3), audio_codec="pcm_s16le")
    clip = decode(path, settings(), 0, 10)
    assert clip.duration_s == pytest.approx(1.0, abs=0.002)
    assert len(clip.frames) == 8
    assert len(clip.audio) == round(clip.duration_s * 16000)
    assert reason(path, start_s=5.0) in {"short", "no-video"}


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
    ],
)
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8"])
def test_playlists_are_not_followed(tmp_path, playlist, name):
    files.write_media(tmp_path / "a.ts", audio=files.noise(2))
    path = tmp_path / name
    path.write_text(playlist.format("a.ts"))
    assert reason(path, wanted=AUDIO) == "corrupt"
