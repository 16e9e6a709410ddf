"""From factors to sound."""

from functools import lru_cache

import numpy as np

from avbench.datasets.controlled.gaussian import normals
from avbench.datasets.controlled.options import SYNTHESIS_RATE, ControlledSettings

_TABLE = 8192  # samples in the wave table: one period
_PEAK = 0.25  # of the clean sound before gains


def synthesise(settings: ControlledSettings, factors: dict, rng: np.random.Generator) -> np.ndarray:
    """Compute a clip's sound: float32, shape (settings.sample_count,), within [−1, 1].

    Events strike a mixture of a harmonic tone and band-limited noise, each stroke dying away exponentially;
    the mixture is amplitude-modulated, recorded with background noise and passed through a channel (low-pass,
    tilt).
    """
    count = int(settings.duration_s * SYNTHESIS_RATE)
    seconds, hertz = _axes(count)
    share = factors["noise_share"]
    clean = (1 - share) * _tone(factors, seconds) + share * _noise_band(factors, hertz, count, rng)
    clean *= _strokes(factors, seconds)
    depth = factors["modulation_depth"]
    clean *= 1 - depth / 2 + depth / 2 * np.cos(np.float32(2 * np.pi * factors["modulation_hz"]) * seconds)
    clean *= _PEAK / max(np.abs(clean).max(), 1e-9)

    octaves = np.log2(np.maximum(hertz, 50) / 1000)
    channel = (10 ** (factors["tilt_db"] / 20 * octaves)) / np.sqrt(1 + (hertz / factors["lowpass_hz"]) ** 8)
    hiss = _white(rng, len(hertz)) * 2 ** (-factors["noise_slope"] * octaves)
    spectrum = np.fft.rfft(clean)
    # Parseval: equal energies in the spectrum are equal powers in time.
    hiss *= np.linalg.norm(spectrum) / np.linalg.norm(hiss) * 10 ** (-factors["snr_db"] / 20)
    spectrum = (spectrum + hiss) * channel
    spectrum[0] = spectrum[-1] = 0
    # A longer inverse transform interpolates: the files' rate is a multiple of the rate of synthesis.
    times = settings.sample_rate // SYNTHESIS_RATE
    recorded = np.fft.irfft(spectrum, n=count * times) * np.float32(times)
    recorded *= np.float32(10 ** ((factors["loudness_db"] + factors["recording_gain_db"]) / 20))
    return np.clip(recorded, -1, 1, out=recorded)


@lru_cache(maxsize=4)
def _axes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of samples and the frequencies of the spectrum's bins."""
    seconds = (np.arange(count) / SYNTHESIS_RATE).astype(np.float32)
    return seconds, np.fft.rfftfreq(count, 1 / SYNTHESIS_RATE).astype(np.float32)


def _tone(factors: dict, seconds: np.ndarray) -> np.ndarray:
    """A harmonic tone with a formant, of root mean square 1, read from a table of one period."""
    fundamental = factors["fundamental_hz"] * 2 ** (factors["pitch_semitones"] / 12)
    harmonic = np.arange(1, max(int(0.49 * SYNTHESIS_RATE / fundamental), 1) + 1)
    octaves = np.log2(harmonic * fundamental / factors["formant_hz"]) / factors["formant_octaves"]
    amplitude = harmonic ** -factors["rolloff"] * (0.1 + np.exp(-0.5 * octaves**2))
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex64)
    # Schroeder's phases (1970) keep the peaks of a harmonic tone low.
    spectrum[harmonic] = amplitude * np.exp(-1j * np.pi * harmonic**2 / len(harmonic))
    table = np.fft.irfft(spectrum)
    table /= np.sqrt(np.mean(table**2))
    step = fundamental * _TABLE / SYNTHESIS_RATE
    phase = (np.arange(len(seconds)) * step).astype(np.int32) & (_TABLE - 1)
    return table[phase]


def _noise_band(factors: dict, hertz: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of root mean square 1 in a band one octave wide."""
    octaves = np.log2(np.maximum(hertz, 1) / np.float32(factors["noise_hz"]))
    noise = np.fft.irfft(_white(rng, len(hertz)) * np.exp(-2 * octaves**2), n=count)
    return noise / np.sqrt(np.mean(noise**2))


def _white(rng: np.random.Generator, bins: int) -> np.ndarray:
    """The spectrum of white Gaussian noise: complex64, shape (bins,)."""
    return normals(rng, 2 * bins).view(np.complex64)


def _strokes(factors: dict, seconds: np.ndarray) -> np.ndarray:
    """The envelope: Σ a_j·exp(−(t − t_j)/decay) over the events before t."""
    fade = np.exp(seconds / np.float32(-factors["decay_s"]))
    envelope = np.zeros_like(seconds)
    for onset, amplitude in zip(factors["sound_onsets_s"], factors["sound_amplitudes"], strict=True):
        first = int(onset * SYNTHESIS_RATE)
        envelope[first:] += np.float32(amplitude) * fade[: len(fade) - first]
    return envelope
