"""Frames: which moment each one shows, and that size, colour and rotation are right."""

import io
import math
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from PIL import Image

from avbench.data.media.decode import decode
from tests.support import media_files as files
from tests.support.decoding import VIDEO, settings


def nearest(times, grid):
    """The index of the time nearest to each point of the grid, the earlier one on a tie, by brute force."""
    return np.array([min(range(len(times)), key=lambda i: (round(abs(times[i] - t), 6), i)) for t in grid])


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
    # 15 frames per second, frame i of level 4 i; the start of 3.05 s is sought for.
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
    frame = decode(path, settings(audio=False, width=10, height=8), 0, 1).frames[0]
    corners = frame[[0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert [int(level > 128) for level in corners] == [int(i == corner) for i in range(4)]


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1)])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_display_matrix_turns_and_mirrors(tmp_path, matrix, swapped):
    a, b, c, d = matrix if not swapped else (0, matrix[0], matrix[3], 0)
    picture = np.zeros((8, 32, 32, 3), np.uint8)
    picture[:, :16, :16] = 250  # top left
    picture[:, :16, 16:] = 120  # top right
    path = files.write_media(tmp_path / "a.mp4", picture)
    data = bytearray(path.read_bytes())
    unit = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    place = data.index(unit, data.index(b"tkhd"))
    data[place : place + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    frame = decode(path, VIDEO, 0, 1).frames[0].mean(2)

    def shown(x, y):  # of a quarter of the picture, counted from the centre
        x, y = a * x + c * y, b * x + d * y
        return frame[8 + 8 * y : 8 + 8 * y + 16, 8 + 8 * x : 8 + 8 * x + 16][4:12, 4:12].mean()

    assert shown(-1, -1) == pytest.approx(250, abs=6)
    assert shown(1, -1) == pytest.approx(120, abs=6)
    assert shown(-1, 1) == pytest.approx(0, abs=6)


@pytest.mark.parametrize("height", [480, 720, 1088])
@pytest.mark.parametrize("untagged_hd", ["bt709", "bt601"])
def test_untagged_hd_has_the_matrix_that_is_set(tmp_path, height, untagged_hd):
    size = (height, 1280 if height > 480 else 640)
    saturated = np.broadcast_to(np.array([30, 200, 60], np.uint8), (2, *size, 3))
    matrix = Colorspace.ITU709 if untagged_hd == "bt709" and height >= 720 else Colorspace.ITU601
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=8, height=size[0], width=size[1], pix_fmt="yuv444p")
        for pixels in saturated:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            frame = frame.reformat(format="yuv444p", dst_colorspace=matrix, src_color_range=2, dst_color_range=1)
            frame.colorspace = 2  # unspecified
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    clip = decode(path, settings(audio=False, untagged_hd=untagged_hd), 0, 1)
    assert clip.frames.mean((0, 1, 2)).tolist() == pytest.approx([30, 200, 60], abs=2.5)


def without_times(path, kind, count=24):
    """Write grey pictures that brighten by 4 each, 8 a second, where it is not told when each is shown."""
    pictures = files.levels(20 + 4 * np.arange(count), 32, 32)
    if kind == "mpeg4":
        return files.write_media(path, pictures, video_codec="mpeg4", options={"bf": "2", "b": "4000000"})
    options = {"crf": "1", "bf": "2", "g": "12", "b_strategy": "0"}
    if kind == "open":
        options |= {"x264-params": "open-gop=1:bframes=3:b-adapt=0:keyint=12"}
    if kind != "vfw":
        return files.write_media(path, pictures, options=options)
    # Matroska as of old, its codec named as in Windows: packets have times of decoding.
    coded = files.write_media(files.Pipe(), pictures, options=options, container_format="h264")
    with av.open(io.BytesIO(coded.data), format="h264") as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        stream.codec_context.extradata = struct.pack("<IiiHH4sIiiII", 40, 32, 32, 1, 24, b"H264", 0, 0, 0, 0, 0)
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            packet.stream, packet.time_base = stream, Fraction(1, 8)
            packet.pts = packet.dts = number
            output.mux(packet)
    data = path.read_bytes()
    assert data.count(b"V_MPEG4/ISO/AVC") == 1
    path.write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_MS/VFW/FOURCC"))
    return path


@pytest.mark.parametrize(
    ("kind", "name", "delay"),
    [("x264", "a.avi", 2), ("open", "a.avi", 2), ("mpeg4", "a.avi", 1), ("vfw", "a.mkv", 2)],
)
def test_pictures_without_times_are_shown_when_the_decoder_gives_them(tmp_path, kind, name, delay):
    path = without_times(tmp_path / name, kind)
    clip = decode(path, VIDEO, 0, 10)
    # The first is held, as one is of a picture that begins late; each of the others follows, to the last.
    expected = 20 + 4 * np.array([0] * delay + list(range(24)))
    assert clip.frames.mean((1, 2, 3)).tolist() == pytest.approx(expected.tolist(), abs=2)
    assert clip.duration_s == (24 + delay) / 8


@pytest.mark.parametrize(("kind", "name"), [("x264", "a.avi"), ("open", "a.avi"), ("mpeg4", "a.avi"), ("vfw", "a.mkv")])
def test_pictures_without_times_from_the_middle(tmp_path, kind, name):
    path = without_times(tmp_path / name, kind, 56)
    whole = decode(path, VIDEO, 0, 10)
    for start in (2.5, 4.0, 5.125):
        assert (decode(path, VIDEO, start, 1).frames == whole.frames[round(8 * start) :][:8]).all()
