"""Which streams and packets are read, and within what bounds of time and memory."""

import itertools
import math
import time

import av
import numpy as np
import pytest

from avbench.data.media import decode as media
from avbench.data.media import streams
from avbench.data.media.decode import decode
from tests.support import media_files as files
from tests.support.decoding import AUDIO, VIDEO, reason, settings


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "a.mp3"
    with av.open(str(path), "w") as output:
        sound = output.add_stream("libmp3lame", rate=16000, layout="mono")
        cover = output.add_stream("mjpeg", rate=1)
        cover.width = cover.height = 32
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic.value
        output.mux(cover.encode(av.VideoFrame.from_ndarray(files.moving(1)[0], "rgb24")))
        output.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(files.noise(2), "fltp", "mono")
        frame.sample_rate = 16000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    assert reason(path) == "no-video"
    assert decode(path, AUDIO, 0, 1).audio.size == 16000


def test_a_stream_without_a_duration(tmp_path):
    pipe = files.ordinary(files.Pipe(), 3.0, container_format="matroska")
    path = tmp_path / "a.mkv"
    path.write_bytes(pipe.data)
    with av.open(str(path)) as container:
        assert container.duration is None
    assert decode(path, settings(), 0, 10).duration_s == pytest.approx(3.0, abs=0.002)
    assert decode(path, settings(), 2.2, 10).duration_s == pytest.approx(0.8, abs=0.002)


@pytest.mark.parametrize("wanted", [settings(), VIDEO, AUDIO])
def test_damaged_packets_are_corrupt(tmp_path, wanted):
    data = bytearray(files.ordinary(tmp_path / "good.mp4").read_bytes())
    begin, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    rng = np.random.default_rng(0)
    data[begin:end] = rng.integers(0, 256, end - begin, np.uint8).tobytes()
    path = tmp_path / "bad.mp4"
    path.write_bytes(data)
    assert reason(path, wanted=wanted) == "corrupt"


def test_huge_frames_are_refused(tmp_path, monkeypatch):
    path = files.ordinary(tmp_path / "a.mp4")
    monkeypatch.setattr(streams, "_MOST_PIXELS", 64 * 64)
    assert decode(path, settings(), 0, 2).duration_s == 2.0
    monkeypatch.setattr(streams, "_MOST_PIXELS", 32 * 32 - 1)
    assert reason(path) == "large"


def test_of_several_streams_the_best_is_taken(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        small, large = (output.add_stream("ffv1", rate=8, width=width, height=32, pix_fmt="bgr0") for width in (32, 64))
        mono, stereo = (output.add_stream("pcm_s16le", rate=16000, layout=layout) for layout in ("mono", "stereo"))
        for stream, level in ((small, 50), (large, 200)):
            for picture in files.levels([level] * 16, 32, stream.width):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
        for stream, channels, level in ((mono, 1, 1000), (stereo, 2, 4000)):
            sound = np.full((1, 32000 * channels), level, np.int16)
            frame = av.AudioFrame.from_ndarray(sound, "s16", stream.layout.name)
            frame.sample_rate = 16000
            output.mux(stream.encode(frame))
        for stream in (small, large, mono, stereo):
            output.mux(stream.encode(None))
    with av.open(str(path)) as container:
        best = [container.streams.best(kind).index for kind in ("video", "audio")]
    clip = decode(path, settings(), 0, 2)
    assert abs(clip.frames.mean() - {0: 50, 1: 200}[best[0]]) < 1
    assert abs(np.median(clip.audio) - {2: 1000, 3: 4000}[best[1]]) < 2


@pytest.mark.parametrize("seek_from_s", [2.0, math.inf])
def test_what_comes_before_a_clip_is_not_held(tmp_path, monkeypatch, seek_from_s):
    # Noise: about 4 kB a frame.
    noise = np.random.default_rng(0).integers(0, 256, (80, 64, 64, 3), np.uint8)
    path = files.write_media(tmp_path / "a.ts", noise, audio=files.noise(10), options={"g": "4", "crf": "10"})
    size = path.stat().st_size
    monkeypatch.setattr(media, "_SEEK_FROM_S", seek_from_s)
    expected = decode(path, settings(), 8, 1)
    monkeypatch.setattr(streams, "_MOST_CODED_BYTES", size // 4)
    clip = decode(path, settings(), 8, 1)
    assert (clip.frames == expected.frames).all()
    assert (clip.audio == expected.audio).all()
    assert reason(path, start_s=5.0, duration_s=5.0) == "large"


@pytest.mark.parametrize("last", [1, 5, 20, 40, 60])
def test_patience_ends_between_packets_and_frames(tmp_path, monkeypatch, last):
    # Each look at the clock takes a second, so that patience ends ever later.
    path = files.ordinary(tmp_path / "a.mp4", 4.0)
    ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(media, "_PATIENCE_S", (float(last), 0.0))
    assert reason(path, duration_s=4.0) == "timeout"
    assert next(ticks) < last + 5


def test_a_truncated_download_is_not_taken_for_whole(tmp_path):
    data = files.ordinary(tmp_path / "good.mkv", 4.0).read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(data[: len(data) * 2 // 3])
    assert decode(path, settings(), 0, 4).duration_s < 3.5


@pytest.mark.parametrize(("kind", "codec"), [("audio", b"A_PCM/INT/LIT"), ("video", b"V_FFV1"), ("video", b"")])
def test_the_best_stream_that_can_be_decoded_is_taken(tmp_path, kind, codec):
    # As phones write them: a better track, the first, that only they can decode.
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        video = [output.add_stream("ffv1", rate=8, width=width, height=32, pix_fmt="bgr0") for width in (64, 32)]
        audio = [output.add_stream("pcm_s16le", rate=16000, layout=layout) for layout in ("stereo", "mono")]
        for stream in video:
            for picture in files.levels([stream.width] * 16, 32, stream.width):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
        for stream, channels in zip(audio, (2, 1), strict=True):
            sound = np.full((1, 32000 * channels), 1000 * channels, np.int16)
            frame = av.AudioFrame.from_ndarray(sound, "s16", stream.layout.name)
            frame.sample_rate = 16000
            output.mux(stream.encode(frame))
        for stream in (*video, *audio):
            output.mux(stream.encode(None))
    data = path.read_bytes()
    if codec:
        assert data.count(codec) == 2
        path.write_bytes(data.replace(codec, codec[:2] + b"X" * (len(codec) - 2), 1))
    clip = decode(path, settings(), 0, 2)
    assert clip.frames.mean() == pytest.approx(32 if codec == b"V_FFV1" else 64, abs=1)
    assert np.median(clip.audio) == pytest.approx(1000 if kind == "audio" else 2000, abs=2)


def test_pictures_of_which_a_decoder_could_not_hold_enough_are_refused(tmp_path, monkeypatch):
    path = files.ordinary(tmp_path / "a.mp4")
    monkeypatch.setattr(streams, "MOST_BYTES", 4 * 32 * 32 * 3 // 2)
    assert decode(path, settings(), 0, 2).duration_s == 2
    monkeypatch.setattr(streams, "MOST_BYTES", 4 * 32 * 32 * 3 // 2 - 1)
    assert reason(path) == "large"
