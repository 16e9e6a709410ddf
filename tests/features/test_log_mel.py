"""The log-mel spectrogram against librosa's."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.features import FeatureSettings
from avbench.features.log_mel import LogMel, mel_bands
from tests.support.paths import SHARED

REAL_CLIPS = SHARED / "real-clips" / "vggsound"


def reference(audio, settings):
    """What the authors' code computes, with librosa."""
    mel = librosa.feature.melspectrogram(
        y=audio,
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        hop_length=settings.hop,
        n_mels=settings.n_mels,
        power=1.0,
    )
    return librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=100).T[: len(audio) // settings.hop]


def tone(seconds=1.5, rate=16000):
    """A chirp with harmonics that swells out of digital silence, then noise: both floors are reached."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(size=time.size) * (time > 1.2)
    chirp = np.sin(2 * np.pi * (200 + 800 * time) * time) ** 3 * np.clip(time - 0.3, 0, 1)
    return (0.5 * chirp + 0.05 * noise).astype(np.float32)


@pytest.mark.parametrize("n_mels", [40, 64, 96, 128])
def test_log_mel_equals_librosa(n_mels):
    settings = FeatureSettings(n_mels=n_mels)
    mel = LogMel(settings)(torch.from_numpy(tone())[None])
    np.testing.assert_allclose(mel[0], reference(tone(), settings), rtol=1e-5, atol=1e-4)
    assert mel.shape == (1, 150, n_mels)
    assert mel.dtype == torch.float32


@pytest.mark.parametrize("settings", [FeatureSettings(8000, 256, 200, 40), FeatureSettings(1600, 64, 40, 16)])
def test_log_mel_equals_librosa_at_other_rates(settings):
    mel = LogMel(settings)(torch.from_numpy(tone())[None])
    np.testing.assert_allclose(mel[0], reference(tone(), settings), rtol=1e-5, atol=1e-4)


def test_log_mel_keeps_its_precision_far_below_a_loud_tone():
    # In float32, a transform's rounding would lift what lies 130 dB below a tone.
    time = np.arange(16000) / 16000
    audio = (0.9 * np.sin(2 * np.pi * 1000 * time) + 3e-7 * np.sin(2 * np.pi * 6000 * time)).astype(np.float64)
    mel = LogMel(FeatureSettings())(torch.from_numpy(audio)[None])
    np.testing.assert_allclose(mel[0], reference(audio, FeatureSettings()), rtol=1e-5, atol=1e-3)


@pytest.fixture(scope="module")
def recordings():
    """The sound of real clips: int16, 16 kHz, whole."""
    import av

    sounds = []
    for path in sorted(REAL_CLIPS.glob("*.mp4")):
        with av.open(str(path)) as media:
            resampler = av.AudioResampler("s16", "mono", 16000)
            packets = [part.to_ndarray()[0] for frame in media.decode(audio=0) for part in resampler.resample(frame)]
        sounds.append(np.concatenate(packets))
    assert all(np.abs(sound).max() > 100 for sound in sounds)
    return sounds


@pytest.mark.skipif(not REAL_CLIPS.is_dir(), reason="no real clips here")
@pytest.mark.parametrize("n_mels", [40, 64, 96, 128])
def test_log_mel_equals_librosa_on_real_sound(recordings, n_mels):
    settings = FeatureSettings(n_mels=n_mels)
    for audio in recordings:
        mel = LogMel(settings)(torch.from_numpy(audio)[None])[0].double()
        expected = reference(audio / np.float32(32768), settings)
        np.testing.assert_allclose(10 ** (mel / 10), 10 ** (expected / 10), rtol=1e-4)  # the band's magnitude
        np.testing.assert_allclose(mel, expected, rtol=1e-5, atol=1e-4)  # and in decibels


def test_log_mel_is_no_coarser_within_autocast():
    log_mel, audio = LogMel(FeatureSettings()), torch.from_numpy(tone())[None]
    with torch.autocast("cpu", torch.bfloat16):
        inside = log_mel(audio)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, log_mel(audio))


@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize("n_mels", [40, 64, 96, 128])
@pytest.mark.parametrize("rate", [1500, 8000, 16000, 44100])
def test_mel_bands_equal_librosa(rate, n_mels):
    bands = mel_bands(FeatureSettings(sample_rate=rate, n_mels=n_mels))
    expected = librosa.filters.mel(sr=rate, n_fft=512, n_mels=n_mels)
    np.testing.assert_allclose(bands.T, expected, rtol=1e-4, atol=1e-8)


def slaney(settings):
    """The filters by their definition (Slaney 1998), band by band in float64."""
    linear, octave, nyquist = 200 / 3, np.log(6.4) / 27, settings.sample_rate / 2
    top = nyquist / linear if nyquist < 1000 else 15 + np.log(nyquist / 1000) / octave
    mels = np.linspace(0, top, settings.n_mels + 2)
    edges = [mel * linear if mel < 15 else 1000 * np.exp(octave * (mel - 15)) for mel in mels]
    hertz = np.linspace(0, nyquist, settings.n_fft // 2 + 1)
    bands = []
    for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
        rise, fall = (hertz - low) / (centre - low), (high - hertz) / (high - centre)
        bands.append(np.clip(np.minimum(rise, fall), 0, None) * 2 / (high - low))
    return np.stack(bands, 1)


@pytest.mark.filterwarnings("error")  # empty bands are nothing to warn of
@pytest.mark.parametrize("n_fft", [64, 512])
@pytest.mark.parametrize("rate", [1500, 11025, 16000])  # an odd one too
def test_mel_bands_are_computed_in_float64_and_leave_the_default_as_it_was(rate, n_fft):
    settings = FeatureSettings(rate, n_fft, n_fft // 2)
    bands = mel_bands(settings)
    assert bands.dtype == np.float32
    np.testing.assert_allclose(bands, slaney(settings), rtol=1e-7, atol=1e-12)
    assert torch.get_default_dtype() == torch.float32


def test_log_mel_from_integers_equals_floats():
    audio = (tone() * 32767).astype(np.int16)
    log_mel = LogMel(FeatureSettings())
    floats = log_mel(torch.from_numpy(audio.astype(np.float32) / 32768)[None])
    torch.testing.assert_close(log_mel(torch.from_numpy(audio)[None]), floats, rtol=1e-5, atol=1e-4)


def test_log_mel_of_a_batch_is_that_of_its_items():
    # The range below the loudest band is each clip's own: a loud neighbour lifts no quiet clip's floor.
    loud, quiet = torch.from_numpy(tone()), torch.from_numpy(tone() * 1e-5)
    log_mel = LogMel(FeatureSettings())
    both = log_mel(torch.stack([loud, quiet]))
    torch.testing.assert_close(both[0], log_mel(loud[None])[0])
    torch.testing.assert_close(both[1], log_mel(quiet[None])[0])
    assert both[1].min() < both[0].min()


def test_log_mel_of_silence_and_of_extremes():
    log_mel = LogMel(FeatureSettings())
    assert torch.all(log_mel(torch.zeros(1, 1600, dtype=torch.int16)) == -100)
    full_scale = torch.full((1, 16000), -32768, dtype=torch.int16)
    assert torch.isfinite(log_mel(full_scale)).all()


@given(st.integers(512, 4000))
def test_log_mel_frames_follow_the_length(samples):
    settings = FeatureSettings(n_mels=8)
    assert LogMel(settings)(torch.zeros(1, samples)).shape == (1, samples // 160, 8)
