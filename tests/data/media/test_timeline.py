"""One axis for sound and picture: parts whose stamps restart, wraps, starts before zero."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from avbench.data.media.decode import decode
from avbench.data.media.timeline import origin
from tests.support import media_files as files
from tests.support.decoding import reason, settings


def part(path, first_level, click_at, begin=0.0, end=".ts", **keywords):
    """Write 3 s of grey that brightens by 4 a frame from a level, with a click at a time; return the bytes."""
    path = path.with_suffix(end)
    pictures = files.levels(first_level + 4 * np.arange(24), 32, 32)
    keywords = {"options": {"crf": "1"}, "times": begin + np.arange(24) / 8, "audio_start": begin} | keywords
    files.write_media(path, pictures, audio=files.click(3, click_at, 16000), **keywords)
    return path.read_bytes()


def found(path, seconds):
    """Return the level at the beginning, and times and levels at the clicks of a file of two parts."""
    clip = decode(path, settings(), 0, 10)
    assert clip.duration_s == pytest.approx(seconds, abs=0.15)
    loud = np.flatnonzero(np.abs(clip.audio.astype(int)) > 8000) / 16000
    first = loud[loud < 3].mean()
    return clip.frames[0].mean(), first, loud[loud > 3].mean(), clip.frames


@pytest.mark.parametrize("begins", [(0.0, 0.0), (50.0, 0.0), (5.0, 4.0), (0.0, 1000.0)])
def test_parts_whose_stamps_restart_follow_each_other(tmp_path, begins):
    data = part(tmp_path / "1", 20, 1.0, begins[0]) + part(tmp_path / "2", 130, 2.0, begins[1])
    path = tmp_path / "both.ts"
    path.write_bytes(data)
    level, first, second, frames = found(path, 6)
    assert level == pytest.approx(20, abs=3)
    assert first == pytest.approx(1, abs=0.07)
    assert second == pytest.approx(5, abs=0.15)
    # In the second part sound and picture are in step as they were made: the click is at level 130 + 4 × 16.
    at_click = frames[round(second * 8)].mean()
    assert at_click == pytest.approx(130 + 4 * 16, abs=6)


def test_a_clip_from_a_later_part(tmp_path):
    path = tmp_path / "both.ts"
    path.write_bytes(part(tmp_path / "1", 20, 1.0) + part(tmp_path / "2", 130, 2.0))
    whole, late = decode(path, settings(), 0, 10), decode(path, settings(), 4.0, 10)
    assert (late.frames == whole.frames[32:]).all()


def test_a_program_stream_of_two_parts(tmp_path):
    keywords = {
        "end": ".mpg",
        "video_codec": "mpeg2video",
        "audio_codec": "mp2",
        "fps": 25,
        "options": {"b": "4000000"},
    }
    times = {"times": None}
    data = [part(tmp_path / str(n), 20 + 100 * n, 1.0, **keywords, **times) for n in range(2)]
    path = tmp_path / "both.mpg"
    path.write_bytes(b"".join(data))
    clip = decode(path, settings(), 0, 10)
    assert clip.duration_s == pytest.approx(2 * 24 / 25, abs=0.2)
    assert clip.frames[-1].mean() > 190


def test_stamps_that_go_back_where_none_restart_are_refused(tmp_path):
    source, path = tmp_path / "a.mkv", tmp_path / "b.mkv"
    files.ordinary(source, 6.0)
    # Clusters of Matroska carry their time: the later ones are made to begin anew.
    data = bytearray(source.read_bytes())
    places = [i for i in range(len(data) - 8) if data[i : i + 4] == b"\x1f\x43\xb6\x75"]
    assert len(places) >= 2
    for place in places[1:]:
        at = data.index(b"\xe7", place)  # Timestamp: id, size, number
        size = data[at + 1] & 0x7F
        data[at + 2 : at + 2 + size] = bytes(size)
    path.write_bytes(data)
    assert reason(path, duration_s=10.0) == "timestamps"


@pytest.mark.parametrize("begin", [95440.0, 95442.5, 95443.6])
def test_stamps_that_wrap_go_on(tmp_path, begin):
    # The clock of MPEG has 33 bits: it begins anew after 95,443.7 s.
    path = tmp_path / "a.ts"
    path.write_bytes(part(path, 20, 2.0, begin))
    clip = decode(path, settings(), 0, 10)
    assert clip.duration_s == pytest.approx(3, abs=0.15)
    assert clip.frames[:, 0, 0, 0].tolist() == pytest.approx(20 + 4 * np.arange(len(clip.frames)), abs=6)
    assert np.abs(clip.audio.astype(int)).argmax() / 16000 == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("sound", "picture", "begin"),
    [
        (1.4, 1.5, 1.4),
        (-3.0, -2.9, -3.0),  # before a wrap
        (0.0, -0.08, -0.08),  # pictures that are reordered
        (-0.05, -0.04, -0.04),
        (-0.0065, 0.0, 0.0),  # what the encoder needs to begin
        (-0.08, 0.3, 0.0),
        (-0.0065, None, 0.0),
    ],
)
def test_only_priming_comes_before_the_beginning(sound, picture, begin):
    pictures = (
        [] if picture is None else [SimpleNamespace(start_time=round(picture * 1e4), time_base=Fraction(1, 10000))]
    )
    start_time = round(min(sound, sound if picture is None else picture) * 1e6)
    streams = SimpleNamespace(video=pictures)
    container = SimpleNamespace(start_time=start_time, streams=streams, format=SimpleNamespace(name="mpegts"))
    assert origin(container) == pytest.approx(begin)


@pytest.mark.parametrize("name", ["a.webm", "a.mkv"])
def test_priming_is_no_beginning(tmp_path, name):
    # The 6.5 ms before zero that Opus needs, and AAC's 64 ms.
    opus = {"audio_codec": "libopus", "sample_rate": 48000, "video_codec": "libvpx"}
    rate = 48000 if name == "a.webm" else 16000
    path = files.write_media(
        *(tmp_path / name, files.moving(16)), audio=files.click(2, 1, rate), **(opus if rate == 48000 else {})
    )
    clip = decode(path, settings(), 0, 10)
    assert np.abs(clip.audio.astype(int)).argmax() / 16000 == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("a.mkv", "aac", 16000), ("a.webm", "libopus", 48000), ("a.mka", "aac", 48000), ("b.mkv", "libmp3lame", 44100)],
)
def test_priming_in_matroska_is_no_beginning_wherever_the_file_begins(tmp_path, name, codec, rate):
    keywords = {"video_codec": "libvpx" if name.endswith("webm") else "libx264", "times": 7 + np.arange(16) / 8}
    pictures = None if name.endswith("mka") else files.moving(16)
    sound = {"audio": files.click(2, 1, rate), "audio_codec": codec, "sample_rate": rate, "audio_start": 7.0}
    path = files.write_media(tmp_path / name, pictures, **sound, **keywords)
    clip = decode(path, settings(video=pictures is not None), 0, 10)
    assert np.abs(clip.audio.astype(int)).argmax() / 16000 == pytest.approx(1, abs=0.002)
    assert clip.duration_s == pytest.approx(2, abs=0.03)
