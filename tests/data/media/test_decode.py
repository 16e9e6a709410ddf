"""Decoding as a whole: what is wanted, how long, from where, and what is wrong with a file."""

import math
import os

import av
import numpy as np
import pytest
from PIL import Image

from avbench.data.media import decode as media
from avbench.data.media import picture, sound
from avbench.data.media.clip import MediaError
from avbench.data.media.decode import decode
from tests.support import media_files as files
from tests.support.decoding import AUDIO, VIDEO, reason, settings


def test_only_the_wanted_streams_must_exist(tmp_path):
    silent_film = files.write_media(tmp_path / "video.mp4", files.moving(16))
    radio = files.write_media(tmp_path / "audio.m4a", audio=files.noise(2))
    assert decode(silent_film, VIDEO, 0, 2).audio.size == 0
    assert decode(radio, AUDIO, 0, 2).audio.size == 32000
    assert reason(silent_film) == "no-audio"
    assert reason(radio) == "no-video"


def test_broken_files_are_corrupt(tmp_path):
    data = files.ordinary(tmp_path / "good.mp4").read_bytes()
    bad = tmp_path / "bad.mp4"
    for content in (b"", b"hello world" * 100, bytes(10000), data[: len(data) // 2]):
        bad.write_bytes(content)
        assert reason(bad) == "corrupt"


@pytest.mark.parametrize(
    ("name", "video_codec", "audio_codec", "keywords"),
    [
        ("a.mp4", "libx264", "aac", {"options": {"bf": "2", "g": "7"}}),
        ("a.mp4", "libx264", "aac", {"container": {"movflags": "frag_keyframe+empty_moov"}, "options": {"bf": "0"}}),
        ("a.mp4", "libx264", "aac", {"options": {"x264-params": "intra-refresh=1:keyint=20"}}),
        ("a.mp4", "libx264", "aac", {"pix_fmt": "yuv420p10le"}),
        ("a.mp4", "libx265", "aac", {"size": (96, 128), "options": {"x265-params": "log-level=none:keyint=7"}}),
        ("a.mp4", "libaom-av1", "aac", {"options": {"cpu-used": "8", "g": "7"}}),
        ("a.3gp", "h263", "libopencore_amrnb", {"sample_rate": 8000, "size": (96, 128)}),
        ("a.mov", "prores_ks", "pcm_s16le", {"pix_fmt": "yuv422p10le"}),
        ("a.webm", "libvpx", "libvorbis", {"options": {"g": "7", "cpu-used": "8"}}),
        ("a.ts", "libx264", "aac", {"options": {"bf": "2", "x264-params": "open-gop=1:keyint=7"}}),
        ("a.flv", "flv", "aac", {"sample_rate": 44100}),
        ("a.wmv", "wmv2", "libmp3lame", {}),
        ("a.avi", "mpeg4", "libmp3lame", {"options": {"g": "7"}}),
        ("a.avi", "mjpeg", "pcm_s16le", {"pix_fmt": "yuvj420p", "sample_rate": 11025}),
        ("a.mpg", "mpeg2video", "mp2", {"options": {"bf": "2"}, "sample_rate": 44100}),
        ("a.mxf", "mpeg2video", "pcm_s16le", {"sample_rate": 48000}),
        ("a.nut", "libx264", "libopus", {"sample_rate": 48000}),
        ("a.dv", "dvvideo", None, {"size": (576, 720)}),
        ("a.ivf", "libvpx-vp9", None, {"options": {"cpu-used": "8"}}),
    ],
)
def test_films_are_read_from_many_formats(tmp_path, monkeypatch, name, video_codec, audio_codec, keywords):
    sound = files.click(5, 3.5, keywords.get("sample_rate", 16000)) if audio_codec else None
    levels = 20 + 2 * np.arange(105)
    frames = files.levels(levels, *keywords.pop("size", (32, 48)))
    options = {"b": "4000000"} | keywords.pop("options", {})
    fps = 25 if audio_codec != "libopencore_amrnb" else 15
    path = files.write_media(
        *(tmp_path / name, frames),
        **{"fps": fps, "video_codec": video_codec, "audio": sound, "audio_codec": audio_codec, "options": options},
        **keywords,
    )
    wanted = settings(audio=sound is not None)
    clip = decode(path, wanted, 2.52, 1.5)
    assert clip.duration_s == 1.5
    expected = 20 + 2 * fps * (2.52 + np.arange(12) / 8)
    # Two levels a frame. An encoder's delay, of up to 1105 samples at 16 kHz or two frames, is in the file where the
    # container cannot take it out; sound and picture are late together.
    late = expected - clip.frames.mean((1, 2, 3))
    assert -3 < late.min() <= late.max() < 2 * 25 * 0.08 + 3
    if sound is not None:
        assert -0.01 < np.abs(clip.audio.astype(int)).argmax() / 16000 - 0.98 < 0.08
    # A seek and reading from the beginning give the same, to the bit.
    monkeypatch.setattr(media, "_SEEK_FROM_S", math.inf)
    whole = decode(path, wanted, 2.52, 1.5)
    assert (whole.frames == clip.frames).all()
    assert (whole.audio == clip.audio).all()


@pytest.mark.parametrize("start_s", [0.0, 2.5])
def test_sound_from_another_file(tmp_path, start_s):
    # Each on its own time axis: the film begins at 7 s, as parts of broadcasts do, the sound at 0.
    film = files.write_media(
        tmp_path / "video.mp4", files.levels(range(20, 100, 2)), fps=8, options={"crf": "1"}, audio=files.noise(5)
    )
    late = files.write_media(
        tmp_path / "late.ts", files.levels(range(20, 100, 2)), times=7 + np.arange(40) / 8, options={"crf": "1"}
    )
    sound = files.write_media(tmp_path / "audio.m4a", audio=files.click(4, 3, 44100), sample_rate=44100)
    for pictures in (film, late):
        clip = decode(pictures, settings(), start_s, 10, sound)
        assert clip.duration_s == pytest.approx(4 - start_s, abs=0.03)
        assert len(clip.frames) == math.ceil(clip.duration_s * 8 - 1e-4)
        assert len(clip.audio) == round(clip.duration_s * 16000)
        assert np.abs(clip.audio.astype(int)).argmax() / 16000 == pytest.approx(3 - start_s, abs=0.001)
        assert clip.frames[4].mean() == pytest.approx(20 + 2 * (8 * start_s + 4), abs=2)
    assert decode(film, AUDIO, start_s, 10, sound).audio.size == clip.audio.size
    assert decode(film, VIDEO, start_s, 10, tmp_path / "none").audio.size == 0


def test_metadata_in_another_encoding_do_no_harm(tmp_path):
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as output:
        output.metadata["title"] = "Caffeine"
        stream = output.add_stream("pcm_s16le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(files.noise(2), "fltp", "mono")
        frame.sample_rate = 16000
        output.mux(stream.encode(frame))
    data = path.read_bytes()
    assert b"Caffeine" in data
    path.write_bytes(data.replace(b"Caffeine", b"Caf\xe9ine!"))
    assert decode(path, AUDIO, 0, 2).duration_s == 2.0


def test_what_counts_is_what_the_file_has(tmp_path):
    path = files.write_media(tmp_path / "a.mkv", files.moving(16), audio=files.noise(2), audio_codec="pcm_s16le")
    whole = decode(path, settings(), 0, 2)
    for duration_s in (1e9, 1e300):
        clip = decode(path, settings(), 0, duration_s)
        assert clip.duration_s == pytest.approx(2, abs=0.002)
        assert (clip.frames == whole.frames).all()
        assert clip.frames.base is None or clip.frames.base.nbytes < 2 * whole.frames.nbytes
        assert (clip.audio[:32000] == whole.audio[:32000]).all()
    for start_s in (1e9, 1e18, 1e300):
        assert reason(path, start_s=start_s) == "short"


@pytest.mark.parametrize("wanted", [settings(), VIDEO, AUDIO])
def test_long_clips_are_refused_before_anything_is_decoded(tmp_path, monkeypatch, wanted):
    path = files.ordinary(tmp_path / "a.mp4", 4.0)
    a_second = max(8 * 32 * 32 * 3 if wanted.video else 0, 32000 if wanted.audio else 0)
    monkeypatch.setattr(media, "_MOST_BYTES", 3 * a_second)
    assert decode(path, wanted, 0, 3).duration_s == 3
    assert decode(path, wanted, 1.5, 1e9).duration_s == pytest.approx(2.5, abs=0.1)
    monkeypatch.setattr(picture, "decoded_frames", None)
    monkeypatch.setattr(sound, "decoded_frames", None)
    assert reason(path, duration_s=3.5, wanted=wanted) == "long"
    assert reason(path, duration_s=1e9, wanted=wanted) == "long"


def test_without_an_index_a_key_frame_is_sought_for_further_back(tmp_path, monkeypatch):
    path = files.write_media(tmp_path / "a.flv", files.levels(range(20, 240), 32, 32), fps=8, options={"g": "32"})
    places = []
    original = media._decode

    def record(*arguments):
        places.append(arguments[5] if len(arguments) > 5 else None)
        return original(*arguments)

    monkeypatch.setattr(media, "_decode", record)
    for start_s in (20.3, 21.7, 23.1, 24.5):
        clip = decode(path, VIDEO, start_s, 2)
        assert clip.frames[0].mean() == pytest.approx(20 + 8 * start_s, abs=3)
    assert None not in places
    assert len(places) > 4


def test_patience_ends(tmp_path, monkeypatch):
    path = files.ordinary(tmp_path / "a.mp4", 4.0)
    monkeypatch.setattr(media, "_PATIENCE_S", (0.0, 0.0))
    assert reason(path) == "timeout"


@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        OverflowError("Python int too large\nto convert"),
        ZeroDivisionError("Fraction(1, 0)"),
        AssertionError(),
        TypeError("float() argument"),
    ],
)
def test_whatever_pyav_raises_is_a_fault_of_the_file(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    path = files.ordinary(tmp_path / "a.mp4")
    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(MediaError, match=type(error).__name__) as caught:
        decode(path, settings(), 0, 2)
    assert caught.value.reason == "corrupt"
    assert "\n" not in caught.value.detail


def test_only_local_regular_files_are_opened(tmp_path):
    good = files.ordinary(tmp_path / "good.mp4")
    assert reason("https://example.org/a.mp4") == "unavailable"
    assert reason(f"file://{good}") == "unavailable"
    assert reason(f"concat:{good}") == "missing"
    assert reason(tmp_path / "none.mp4") == "missing"
    assert reason(good / "beneath.mp4") == "missing"
    assert reason(f"{tmp_path}/a\0b.mp4") == "missing"
    assert reason(tmp_path) == "unreadable"
    os.mkfifo(tmp_path / "pipe.mp4")
    assert reason(tmp_path / "pipe.mp4") == "unreadable"


@pytest.mark.parametrize("name", ["-x,'\"$(id) ;&.mp4", "concat:a|b.mp4", "pipe:0", "new\nline.mp4", "%03d.mp4"])
def test_odd_file_names_are_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    files.ordinary(tmp_path / "a.mp4").rename(tmp_path / name)
    assert decode(name, settings(), 0, 2).duration_s == 2.0


def real(pattern):
    return sorted(files.REAL_CLIPS.glob(pattern)) or [pytest.param(None, marks=pytest.mark.skip("no real clips"))]


@pytest.mark.parametrize("path", real("vggsound/*.mp4"), ids=lambda path: path and path.name)
def test_real_clips(path):
    wanted = settings(frame_rate=16.0, width=112, height=112)
    clip = decode(path, wanted, 0, 10)
    assert clip.duration_s == 10
    assert clip.frames.shape == (160, 112, 112, 3)
    assert clip.audio.shape == (160000,)
    # An independent way to a few frames: decode every one, pick by index (30 a second), shrink with Pillow.
    picks = {round(k / 16 * 30 - 1e-9): k for k in (0, 37, 100, 159)}
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in picks:
                image = frame.to_image(interpolation="BICUBIC").resize((112, 112), Image.Resampling.BILINEAR)
                ours = clip.frames[picks.pop(index)].astype(int)
                assert np.abs(ours - np.asarray(image)).mean() < 3
    assert not picks


@pytest.mark.parametrize(
    ("name", "seconds", "audio"),
    [
        ("av1_video.mkv", 5, False),
        ("h264_10bits.mp4", 1, False),
        ("h265_video.mp4", 1, False),
        ("nasa_13013.mp4", 10, True),
    ],
)
def test_odd_formats(name, seconds, audio):
    path = files.REAL_CLIPS / "formats" / name
    if not path.exists():
        pytest.skip("no real clips")
    clip = decode(path, settings(audio=audio), 0, 10)
    assert clip.duration_s == pytest.approx(seconds, abs=0.05)
    assert len(clip.frames) == math.ceil(clip.duration_s * 8 - 1e-4)
    assert clip.frames.std() > 10
    assert len(clip.audio) == (160000 if audio else 0)
    if not audio:
        assert reason(path) == "no-audio"
