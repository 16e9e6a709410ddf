"""What a decoded clip holds, and which containers are opened."""

import numpy as np
import pytest

from avbench.data.media.decode import decode
from avbench.datasets import folder
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


@pytest.mark.parametrize(
    ("name", "video", "audio", "rate"),
    [
        ("a.3gp", "libx264", "aac", 16000),
        ("a.MTS", "libx264", "ac3", 48000),
        ("a.m2ts", "libx264", "aac", 48000),
        ("a.vob", "mpeg2video", "mp2", 48000),
        ("a.3ga", None, "aac", 16000),
        ("a.wma", None, "libmp3lame", 44100),
        ("a.amr", None, "libopencore_amrnb", 8000),
        ("a.mka", None, "flac", 16000),
        ("a.caf", None, "alac", 44100),
        ("a.w64", None, "pcm_s16le", 16000),
        ("a.ac3", None, "ac3", 48000),
        ("a.gif", "gif", None, 0),
        ("a.webp", "libwebp", None, 0),
    ],
)
def test_folders_list_what_is_read(tmp_path, name, video, audio, rate):
    form = {".3ga": "3gp", ".mts": "mpegts", ".m2ts": "mpegts", ".vob": "vob"}.get(name[1:].lower())
    pictures = files.moving(50 if name != "a.webp" else 1, 32, 32) if video else None
    colours = {"gif": "rgb8", "libwebp": "bgra"}.get(video, "yuv420p")
    sound = files.noise(2, rate) if audio else None
    made = {"video_codec": video, "audio_codec": audio, "sample_rate": rate, "fps": 25, "pix_fmt": colours}
    (tmp_path / "class").mkdir()
    path = files.write_media(tmp_path / "class" / name, pictures, audio=sound, container_format=form, **made)
    clips = folder.manifest(folder.FolderSettings(str(tmp_path), None, 0.0, 0.0), tmp_path / "clips.csv")
    assert clips.clip_id.tolist() == [f"class/{name}"]
    clip = decode(path, settings(video=video is not None, audio=audio is not None), 0, 10)
    assert clip.duration_s == pytest.approx(2 if name != "a.webp" else 0.04, abs=0.15)
    if audio is None:
        assert reason(path) == "no-audio"
