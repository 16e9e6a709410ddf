"""How long files last whose headers do not say it, or say something else."""

import struct

import numpy as np
import pytest

from avbench.data.media.durations import UNKNOWN_S, duration_s, measured_s
from tests.support import media_files as files


@pytest.mark.parametrize(
    ("name", "form", "keywords"),
    [
        ("a.mkv", "matroska", {}),
        ("a.mkv", "matroska", {"audio_codec": "ac3", "sample_rate": 48000}),
        ("a.webm", "webm", {"video_codec": "libvpx", "audio_codec": "libopus", "sample_rate": 48000}),
        ("a.mp4", "mp4", {"container": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}}),
        ("a.ts", "mpegts", {}),
        ("a.flv", "flv", {"sample_rate": 44100}),
    ],
)
def test_films_from_a_pipe_are_measured(tmp_path, name, form, keywords):
    pipe = files.ordinary(files.Pipe(), 14.0, container_format=form) if not keywords else files.Pipe()
    if keywords:
        sound = files.noise(14, keywords.get("sample_rate", 16000))
        files.write_media(pipe, files.moving(112), audio=sound, container_format=form, **keywords)
    path = tmp_path / name
    path.write_bytes(pipe.data)
    assert duration_s(path) == pytest.approx(14, abs=0.3)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp3", "libmp3lame", {"write_xing": "0"}),
        ("a.aac", "aac", {}),
        ("a.flac", "flac", {}),
        ("a.ogg", "libopus", {}),
    ],
)
def test_sounds_from_a_pipe_are_measured(tmp_path, name, codec, options):
    # Loud in the first second and then silent, so that the first frames tell nothing of the average.
    sound = files.noise(16, 48000)
    sound[:, 48000:] *= 1e-4
    form = {"a.aac": "adts"}.get(name, name.removeprefix("a."))
    pipe = files.Pipe()
    files.write_media(pipe, audio=sound, sample_rate=48000, audio_codec=codec, container=options, container_format=form)
    path = tmp_path / name
    path.write_bytes(pipe.data)
    assert duration_s(path) == pytest.approx(16, abs=0.1)


def test_a_wav_whose_header_was_never_completed(tmp_path):
    path = files.write_media(tmp_path / "a.wav", audio=files.noise(2), audio_codec="pcm_s16le")
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert duration_s(path) == pytest.approx(2, abs=0.01)


def test_headers_are_believed_where_they_are_right(tmp_path):
    path = files.ordinary(tmp_path / "a.mp4", 3.0)
    assert duration_s(path) == measured_s(path) == pytest.approx(3.0, abs=0.07)


def test_what_is_no_media_has_no_duration(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    assert measured_s(path) == 0
    assert duration_s(path) == duration_s(tmp_path / "none") == UNKNOWN_S
