"""Channels that have no standard mix, that cancel or that are left out; samples that no recording has."""

import struct

import av
import numpy as np
import pytest

from avbench.data.media.clip import MediaError
from avbench.data.media.decode import decode
from tests.support import media_files as files
from tests.support.decoding import AUDIO


def write_wav(path, samples, code=3):
    """Write float32 samples, (n, channels), as WAV without a layout."""
    channels = samples.shape[1]
    data = samples.astype("<f4").tobytes()
    head = struct.pack("<HHIIHH", code, channels, 16000, 16000 * channels * 4, channels * 4, 32)
    size = 4 + 8 + len(head) + 8 + len(data)
    parts = b"RIFF", struct.pack("<I", size), b"WAVEfmt ", struct.pack("<I", len(head)), head
    path.write_bytes(b"".join(parts) + b"data" + struct.pack("<I", len(data)) + data)
    return path


def tone(seconds=1.0, level=0.5):
    return level * np.sin(2 * np.pi * 440 * np.arange(round(16000 * seconds)) / 16000)


@pytest.mark.parametrize("channels", [9, 11, 20])
def test_channels_without_a_mix_are_averaged(tmp_path, channels):
    samples = np.zeros((16000, channels))
    samples[:, 3] = tone()
    clip = decode(write_wav(tmp_path / "a.wav", samples), AUDIO, 0, 2)
    assert clip.duration_s == 1
    assert clip.audio / 32768 == pytest.approx(tone() / channels, abs=1e-3)


def test_of_ambisonics_the_first_channel_is_taken():
    from avbench.data.media.channels import mixable

    frame = av.AudioFrame("fltp", "ambisonic 1", 100)
    frame.sample_rate = 16000
    for number, plane in enumerate(frame.planes):
        plane.update(np.full(plane.buffer_size // 4, number + 1, np.float32).tobytes())
    mixed = mixable(frame)
    assert mixed.layout.name == "mono"
    assert (mixed.to_ndarray() == 1).all()


@pytest.mark.parametrize("codec", ["pcm_f32le", "pcm_s16le", "flac"])
def test_channels_that_cancel_are_named(tmp_path, codec):
    path = tmp_path / "a.mka"
    sound = np.stack([tone(), -tone()]).astype(np.float32)
    files.write_media(path, audio=sound, layout="stereo", audio_codec=codec)
    with pytest.raises(
        MediaError, match=r"channel 1( \(FL\))?, which peaks at -6.0 dBFS, and the others cancel"
    ) as caught:
        decode(path, AUDIO, 0, 2)
    assert caught.value.reason == "silent"


@pytest.mark.parametrize(("layout", "count"), [("5.1", 6), ("2.1", 3)])
@pytest.mark.parametrize("codec", ["pcm_s16le", "flac"])
def test_a_channel_that_is_left_out_is_named(tmp_path, layout, count, codec):
    place = count // 2 if count > 3 else 2
    sound = np.zeros((count, 16000), np.float32)
    sound[place] = tone()
    path = files.write_media(tmp_path / "a.mka", audio=sound, layout=layout, audio_codec=codec)
    with pytest.raises(MediaError, match=rf"channel {place + 1}( \(LFE\))?, which peaks at -6.0 dBFS, is left out"):
        decode(path, AUDIO, 0, 2)


def test_silence_of_all_channels_is_silence(tmp_path):
    path = files.write_media(tmp_path / "a.mka", audio=np.zeros((2, 16000)), layout="stereo", audio_codec="flac")
    assert not decode(path, AUDIO, 0, 1).audio.any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 32768.0, 1e29])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_that_no_recording_has_are_refused(tmp_path, value, channels):
    samples = np.stack([tone()] * channels, 1)
    samples[8000:8010] = value
    with pytest.raises(MediaError, match="not finite" if not np.isfinite(value) else "times full scale") as caught:
        decode(write_wav(tmp_path / "a.wav", samples), AUDIO, 0, 2)
    assert caught.value.reason == "corrupt"


def test_samples_a_little_beyond_full_scale_are_clipped(tmp_path):
    clip = decode(write_wav(tmp_path / "a.wav", tone(level=2.0)[:, None]), AUDIO, 0, 1)
    assert np.abs(clip.audio.astype(int)).max() >= 32767
