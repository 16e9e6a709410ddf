"""Samples: that a click lands where it was, gaps are silent, and many formats are read."""

import math

import av
import numpy as np
import pytest

from avbench.data.media import decode as media
from avbench.data.media.decode import decode
from avbench.data.media.sound import _clocked
from tests.support import media_files as files
from tests.support.decoding import AUDIO, reason, settings


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


@pytest.mark.parametrize("rate", [0, 1, 100, 2**31 - 1])
def test_hostile_sample_rates_are_refused(tmp_path, rate):
    path = files.write_media(tmp_path / "a.wav", audio=files.noise(2), audio_codec="pcm_s16le")
    data = bytearray(path.read_bytes())
    place = data.index(b"fmt ") + 12
    data[place : place + 4] = rate.to_bytes(4, "little")
    path.write_bytes(data)
    assert reason(path, wanted=AUDIO) == "corrupt"
    assert reason(path, wanted=AUDIO, duration_s=1e9) in ("corrupt", "long")


def write_stamped(path, sound, stamps, sample_rate=44100):
    """Write a sound, (1, n), as AAC whose frames begin at ``stamps(their time)`` seconds."""
    encoded = files.write_media(path.with_suffix(".m4a"), audio=sound, sample_rate=sample_rate)
    with av.open(str(encoded)) as container, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(container.streams.audio[0])
        for packet in container.demux(audio=0):
            if packet.size:
                ticks = round(stamps(float(packet.pts * packet.time_base)) / packet.time_base)
                packet.pts = packet.dts = ticks
                packet.stream = stream
                output.mux(packet)
    return path


def dull(sound):
    """Take out the high tones, which a shift by a part of a sample would change."""
    return np.apply_along_axis(np.convolve, 1, sound, np.ones(16) / 4, "same").astype(np.float32)


def jitter(time, most=0.021):
    return time + most * np.random.default_rng(round(1e6 * time) % 2**32).random()


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.nut"])
@pytest.mark.parametrize(
    "stamps",
    [
        jitter,
        lambda time: time if abs(time - 1.5) > 0.012 else time + 0.02,  # a single one is late
        lambda time: np.floor(time * 30) / 30 + 1e-3 * (time % (1 / 30)),  # those of the pictures
    ],
    ids=["jitter", "outlier", "ticks"],
)
def test_stamps_that_jitter_around_a_steady_clock_cut_nothing(tmp_path, name, stamps):
    sound = dull(files.noise(4, 44100))
    steady = decode(write_stamped(tmp_path / f"steady-{name}", sound, lambda time: time), AUDIO, 0, 4)
    clip = decode(write_stamped(tmp_path / name, sound, stamps), AUDIO, 0, 4)
    count = min(len(clip.audio), len(steady.audio)) - 1000
    ours, theirs = (audio[500:count].astype(float) for audio in (clip.audio, steady.audio))
    product = np.fft.irfft(np.fft.rfft(ours, 2**18) * np.conj(np.fft.rfft(theirs, 2**18)))
    best = int(product.argmax())
    assert product[best] / np.sqrt((ours @ ours) * (theirs @ theirs)) > 0.93
    assert min(best, 2**18 - best) / 16000 < 0.022


@pytest.mark.parametrize("gap", [0.2, 0.5, 2.0])
def test_a_shift_that_lasts_is_a_gap(tmp_path, gap):
    sound = files.noise(4, 44100)
    path = write_stamped(tmp_path / "a.mkv", sound, lambda time: jitter(time, 0.01) + (gap if time > 2 else 0))
    clip = decode(path, AUDIO, 0, 10)
    assert clip.duration_s == pytest.approx(4 + gap, abs=0.06)
    middle = round((2 + gap / 2) * 16000)
    assert not clip.audio[middle - 100 : middle + 100].any()


@pytest.mark.parametrize(("shift", "runs"), [(-0.2, 2), (0.2, 2), (0.015, 1), (-0.015, 1)])
def test_runs_are_parted_by_what_lasts(shift, runs):
    frame = av.AudioFrame("s16", "mono", 1600)
    frame.sample_rate = 16000
    stamps = [k / 10 + (shift if k >= 20 else 0) + (0.3 if k == 5 else 0) for k in range(40)]
    found = list(_clocked((frame, at) for at in stamps))
    assert {run for run, *_ in found} == set(range(runs))
    times = [at for *_, at in found]
    expected = [k / 10 + (shift if runs == 2 and k >= 20 else 0) for k in range(40)]
    assert times == pytest.approx(expected)
