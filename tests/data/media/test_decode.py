import itertools
import math
import os
import struct
import time

import av
import numpy as np
import pytest
from PIL import Image

from avbench.config.store import StoreSettings
from avbench.data.media import decode as media
from avbench.data.media import picture, sound, streams
from avbench.data.media.clip import MediaError
from avbench.data.media.decode import decode
from tests.support import media_files as files


def settings(**changes):
    return StoreSettings(**{"frame_rate": 8.0, "width": 32, "height": 32} | changes)


VIDEO = settings(audio=False)
AUDIO = settings(video=False)


def reason(path, start_s=0.0, duration_s=2.0, wanted=None):
    with pytest.raises(MediaError) as caught:
        decode(path, wanted or settings(), start_s, duration_s)
    assert caught.value.detail
    return caught.value.reason


def nearest(times, grid):
    """The index of the time nearest to each point of the grid, the earlier one on a tie, by brute force."""
    return np.array([min(range(len(times)), key=lambda i: (round(abs(times[i] - t), 6), i)) for t in grid])


def test_shapes_and_types(tmp_path):
    clip = decode(files.ordinary(tmp_path / "a.mp4", 2.0), settings(width=24, height=40), 0, 2)
    assert (clip.frames.shape, clip.frames.dtype) == ((16, 40, 24, 3), np.uint8)
    assert (clip.audio.shape, clip.audio.dtype) == ((32000,), np.int16)
    assert clip.duration_s == 2.0


# Frames


@pytest.mark.parametrize("frame_rate", [4.0, 16.0, 12.5])
@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [
        ("a.mkv", "ffv1", "bgr0", {}),
        ("a.mp4", "libx264", "yuv420p", {"crf": "1", "bf": "3", "g": "12"}),
        ("a.ts", "libx264", "yuv420p", {"crf": "1", "bf": "3", "g": "12"}),
        ("a.webm", "libvpx-vp9", "yuv420p", {"crf": "4", "cpu-used": "8"}),
    ],
)
@pytest.mark.parametrize("start_s", [0.0, 3.05])
def test_each_frame_is_the_nearest_in_time(tmp_path, name, codec, pix_fmt, options, frame_rate, start_s):
    # 15 frames a second, frame i of level 4 i; the start of 3.05 s is sought for.
    frames = files.levels(4 * np.arange(60))
    path = files.write_media(tmp_path / name, frames, fps=15, video_codec=codec, pix_fmt=pix_fmt, options=options)
    clip = decode(path, settings(audio=False, frame_rate=frame_rate), start_s, 0.9)
    times = np.arange(60) / 15
    grid = start_s + np.arange(math.ceil(0.9 * frame_rate)) / frame_rate
    # Only what the trim shows counts: the frame on screen at the start, and those that follow before the end.
    shown = times[(times > start_s - 1 / 15) & (times < start_s + 0.9 - 1e-9)]
    if name.endswith("webm") or name.endswith("mkv"):
        shown = np.round(shown, 3)  # Matroska's time stamps
    expected = 4 * np.round(shown[nearest(shown, grid)] * 15)
    assert np.abs(clip.frames.mean((1, 2, 3)) - expected).max() < 2


def test_variable_frame_rate(tmp_path):
    times = [0.0, 0.5, 0.55, 0.6, 1.4, 1.9]
    values = [10, 60, 110, 160, 210, 250]
    path = files.write_media(
        tmp_path / "a.mp4", files.levels(values), times=times, options={"crf": "1", "bf": "0"}, fps=10
    )
    clip = decode(path, settings(audio=False, frame_rate=10.0), 0, 1.9)
    expected = np.array(values)[nearest(times[:-1], np.arange(19) / 10)]
    assert np.abs(clip.frames.mean((1, 2, 3)) - expected).max() < 2


def test_late_video_holds_its_first_frame(tmp_path):
    times = 0.9 + np.arange(16) / 8
    path = files.write_media(
        tmp_path / "a.mkv", files.levels(range(100, 180, 5)), times=times, audio=files.noise(4), options={"crf": "1"}
    )
    clip = decode(path, settings(), 0, 4)
    assert clip.duration_s == pytest.approx(0.9 + 2.0, abs=0.002)
    assert np.abs(clip.frames[:8].mean((1, 2, 3)) - 100).max() < 1.5
    assert clip.frames[12].mean() > 115


def test_shrinking_matches_pillow(tmp_path):
    rng = np.random.default_rng(0)
    pixels = np.asarray(Image.fromarray(rng.integers(0, 256, (45, 60, 3), np.uint8)).resize((240, 180)))
    path = files.write_media(tmp_path / "a.mkv", np.stack([pixels] * 8), video_codec="ffv1", pix_fmt="bgr0")
    frame = decode(path, settings(audio=False, width=40, height=56), 0, 1).frames[0].astype(int)
    # Other filters are far off on such an image: box 8.9, bicubic 6.4, without anti-aliasing 22.
    reference = np.asarray(Image.fromarray(pixels).resize((40, 56), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(frame - reference).mean() < 1.2


@pytest.mark.parametrize("colour", [(200, 40, 90), (20, 220, 130), (255, 255, 255), (0, 0, 0)])
@pytest.mark.parametrize(("colorspace", "color_range"), [(None, None), (5, 1), (5, 2), (1, 1), (1, 2)])
def test_colours_survive_every_matrix_and_range(tmp_path, colour, colorspace, color_range):
    frames = np.broadcast_to(np.array(colour, np.uint8), (8, 32, 32, 3))
    path = files.write_media(
        tmp_path / "a.mp4", frames, colorspace=colorspace, color_range=color_range, options={"crf": "1"}
    )
    assert np.abs(decode(path, VIDEO, 0, 1).frames - np.array(colour, int)).max() <= 4


@pytest.mark.parametrize(("degrees", "corner"), [(0, 0), (90, 1), (180, 3), (270, 2)])
def test_rotation_flags_are_applied(tmp_path, degrees, corner):
    # A clockwise turn takes the white corner from top left to top right, bottom right, bottom left.
    frames = np.zeros((8, 32, 64, 3), np.uint8)
    frames[:, :16, :32] = 255
    path = files.write_media(tmp_path / "a.mp4", frames, options={"crf": "1"})
    data = bytearray(path.read_bytes())
    cos, sin = round(math.cos(math.radians(degrees))), round(math.sin(math.radians(degrees)))
    matrix = data.index(b"tkhd") + 44  # after the fixed fields of the track header, version 0
    data[matrix : matrix + 36] = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    frame = decode(path, settings(audio=False, width=10, height=6), 0, 1).frames[0]
    corners = frame[[0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert [int(level > 128) for level in corners] == [int(i == corner) for i in range(4)]


# Audio


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout", "channels"),
    [
        ("a.mp4", "aac", 44100, "stereo", 2),
        ("a.mp4", "aac", 8000, "mono", 1),
        ("a.mp4", "aac", 48000, "5.1", 6),
        ("a.mkv", "pcm_s16le", 48000, "5.1", 6),
        ("a.mkv", "libopus", 48000, "mono", 1),
        ("a.mp3", "libmp3lame", 22050, "mono", 1),
        ("a.flac", "flac", 11025, "mono", 1),
        ("a.wav", "pcm_s16le", 16000, "stereo", 2),
    ],
)
@pytest.mark.parametrize("start_s", [0.0, 3.0])
def test_a_click_lands_where_it_was(tmp_path, name, codec, rate, layout, channels, start_s):
    path = files.write_media(
        tmp_path / name,
        audio=files.click(6, 4.321, rate, channels),
        sample_rate=rate,
        layout=layout,
        audio_codec=codec,
    )
    clip = decode(path, AUDIO, start_s, 2.5 if start_s else 6.0)
    assert clip.frames.shape == (0, 32, 32, 3)
    assert len(clip.audio) == round(clip.duration_s * 16000)
    tolerance = 0.0016 if name.endswith("mkv") else 0.001  # Matroska's time stamps are off by up to 0.5 ms
    assert np.abs(clip.audio.astype(int)).argmax() / 16000 == pytest.approx(4.321 - start_s, abs=tolerance)


def test_late_audio_is_padded_with_silence(tmp_path):
    path = files.write_media(tmp_path / "a.mp4", files.moving(32), audio=files.click(3, 1, 16000), audio_start=0.7)
    clip = decode(path, settings(), 0, 4)
    assert clip.duration_s == pytest.approx(3.7, abs=0.02)
    assert np.abs(clip.audio.astype(int)).argmax() / 16000 == pytest.approx(1.7, abs=0.001)
    assert not clip.audio[: int(0.6 * 16000)].any()


def test_a_gap_in_the_audio_is_silent(tmp_path):
    # Two bursts of noise, 1 s apart on the time axis, the second frame stamped accordingly.
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=16000, layout="mono")
        for start in (0, 32000):
            frame = av.AudioFrame.from_ndarray(files.noise(1.0), "fltp", "mono")
            frame.sample_rate, frame.pts = 16000, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    clip = decode(path, AUDIO, 0, 4)
    assert clip.duration_s == pytest.approx(3.0, abs=0.002)
    loud = np.abs(clip.audio.astype(int)).reshape(-1, 4000).max(1) > 1000
    assert loud.tolist() == [True] * 4 + [False] * 4 + [True] * 4


@pytest.mark.parametrize("start_s", [0.0, 1.0, 2.9, 3.3701])
def test_resampling_matches_the_sampled_sine(tmp_path, start_s):
    time = np.arange(6 * 44100) / 44100
    path = files.write_media(
        tmp_path / "a.wav",
        audio=np.stack([0.5 * np.sin(2 * np.pi * 440 * time)] * 2),
        sample_rate=44100,
        layout="stereo",
        audio_codec="pcm_s16le",
    )
    audio = decode(path, AUDIO, start_s, 1.5).audio / 32768
    expected = 0.5 * np.sin(2 * np.pi * 440 * (start_s + np.arange(24000) / 16000))
    # At its very beginning a file is silent before; there the resampler's filter rings.
    assert np.abs(audio - expected)[0 if start_s else 50 :].max() < 2e-3


# What is wanted, how long, and what is wrong


def test_only_the_wanted_streams_must_exist(tmp_path):
    silent_film = files.write_media(tmp_path / "video.mp4", files.moving(16))
    radio = files.write_media(tmp_path / "audio.m4a", audio=files.noise(2))
    assert decode(silent_film, VIDEO, 0, 2).audio.size == 0
    assert decode(radio, AUDIO, 0, 2).audio.size == 32000
    assert reason(silent_film) == "no-audio"
    assert reason(radio) == "no-video"


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


def test_the_end_is_never_made_up(tmp_path):
    path = files.write_media(tmp_path / "a.mkv", files.moving(8), audio=files.noise(3), audio_codec="pcm_s16le")
    clip = decode(path, settings(), 0, 10)
    assert clip.duration_s == pytest.approx(1.0, abs=0.002)
    assert len(clip.frames) == 8
    assert len(clip.audio) == round(clip.duration_s * 16000)
    assert reason(path, start_s=5.0) in {"short", "no-video"}


def test_a_stream_without_a_duration(tmp_path):
    class Pipe:
        def __init__(self):
            self.data = bytearray()

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = files.ordinary(Pipe(), 3.0, container_format="matroska")
    path = tmp_path / "a.mkv"
    path.write_bytes(pipe.data)
    with av.open(str(path)) as container:
        assert container.duration is None
    assert decode(path, settings(), 0, 10).duration_s == pytest.approx(3.0, abs=0.002)
    assert decode(path, settings(), 2.2, 10).duration_s == pytest.approx(0.8, abs=0.002)


def test_broken_files_are_corrupt(tmp_path):
    data = files.ordinary(tmp_path / "good.mp4").read_bytes()
    bad = tmp_path / "bad.mp4"
    for content in (b"", b"hello world" * 100, bytes(10000), data[: len(data) // 2]):
        bad.write_bytes(content)
        assert reason(bad) == "corrupt"


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
    assert reason(path) == "corrupt"


def write_sound(path, codec, sample_rate=44100, bit_rate=0, seconds=6):
    """Write a click at 4.321 s in the middle of faint noise, a tenth of a second at a time."""
    sound = files.click(seconds, 4.321, sample_rate) + 0.01 * files.noise(seconds, sample_rate)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=sample_rate, layout="mono")
        if bit_rate:
            stream.bit_rate = bit_rate
        step = sample_rate // 10
        for begin in range(0, sound.shape[1], step):
            frame = av.AudioFrame.from_ndarray(sound[:, begin : begin + step], "fltp", "mono")
            frame.sample_rate, frame.pts = sample_rate, begin
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "sample_rate", "bit_rate"),
    [
        ("a.aac", "aac", 44100, 0),
        ("a.ogg", "libvorbis", 44100, 0),
        ("a.opus", "libopus", 48000, 0),
        ("a.w64", "pcm_s24le", 44100, 0),
        ("a.aiff", "pcm_s16be", 44100, 0),
        ("a.caf", "alac", 44100, 0),
        ("a.au", "pcm_mulaw", 8000, 0),
        ("a.amr", "libopencore_amrnb", 8000, 12200),
        ("a.ac3", "ac3", 48000, 0),
        ("a.tta", "tta", 44100, 0),
        ("a.wv", "wavpack", 44100, 0),
        # Of several frames in a packet these date but the first.
        ("a.wma", "wmav2", 44100, 96000),
        ("a.wav", "adpcm_ima_wav", 22050, 0),
    ],
)
def test_sound_is_read_from_many_formats(tmp_path, monkeypatch, name, codec, sample_rate, bit_rate):
    path = write_sound(tmp_path / name, codec, sample_rate, bit_rate)
    clip = decode(path, AUDIO, 3.0, 2.5)
    assert clip.duration_s == 2.5
    # These have no field for the encoder's delay, so they begin with its silence.
    delay = {"a.aac": 1024 / 44100, "a.ac3": 256 / 48000, "a.amr": 0.005, "a.wma": 0.045}.get(name, 0)
    loudest = np.abs(clip.audio.astype(int)).argmax() / 16000
    assert loudest == pytest.approx(1.321 + delay, abs=0.003)
    monkeypatch.setattr(media, "_SEEK_FROM_S", math.inf)
    assert (decode(path, AUDIO, 3.0, 2.5).audio == clip.audio).all()


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


# Bounds


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


def test_without_an_index_a_key_frame_is_sought_for_further_back(tmp_path, monkeypatch):
    path = files.write_media(tmp_path / "a.ts", files.levels(range(20, 240), 32, 32), fps=8, options={"g": "32"})
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


@pytest.mark.parametrize("last", [1, 5, 20, 40, 60])
def test_patience_ends_between_packets_and_frames(tmp_path, monkeypatch, last):
    # Each look at the clock takes a second, so that patience ends ever later.
    path = files.ordinary(tmp_path / "a.mp4", 4.0)
    ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(media, "_PATIENCE_S", (float(last), 0.0))
    assert reason(path, duration_s=4.0) == "timeout"
    assert next(ticks) < last + 5


@pytest.mark.parametrize("rate", [0, 1, 100, 2**31 - 1])
def test_hostile_sample_rates_are_refused(tmp_path, rate):
    path = files.write_media(tmp_path / "a.wav", audio=files.noise(2), audio_codec="pcm_s16le")
    data = bytearray(path.read_bytes())
    place = data.index(b"fmt ") + 12
    data[place : place + 4] = rate.to_bytes(4, "little")
    path.write_bytes(data)
    assert reason(path, wanted=AUDIO) == "corrupt"
    assert reason(path, wanted=AUDIO, duration_s=1e9) in ("corrupt", "long")


@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        MemoryError(),
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


def test_a_truncated_download_is_not_taken_for_whole(tmp_path):
    data = files.ordinary(tmp_path / "good.mkv", 4.0).read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(data[: len(data) * 2 // 3])
    assert decode(path, settings(), 0, 4).duration_s < 3.5


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


@pytest.mark.parametrize("name", ["-x,'\"$(id) ;&.mp4", "concat:a|b.mp4", "pipe:0", "new\nline.mp4", "%03d.mp4"])
def test_odd_file_names_are_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    files.ordinary(tmp_path / "a.mp4").rename(tmp_path / name)
    assert decode(name, settings(), 0, 2).duration_s == 2.0


# Real files


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
