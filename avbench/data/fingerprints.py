"""Perceptual fingerprints of frames and sound, by which duplicates are found."""

import functools

import numpy as np
from scipy import fft

BITS = 256  # of either hash

_SIDE = 32  # pixels, of a picture before its transform
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FLAT = 4.0  # grey levels: a picture with a smaller standard deviation is black, white or a fade

_LOWEST_HZ, _HIGHEST_HZ = 200.0, 3400.0  # what every sample rate, codec and loudspeaker keeps
_CELLS = 17  # in time and in frequency: 16 × 16 differences
_FADE_CELLS = 1.5  # half the length of a cell's window
_WINDOW_S = 0.064
_SHORTEST_S = 1.0
_AUDIBLE = 1.0  # power density, as of white noise of one step of 16 bits
_FILLED = 0.75  # share of cells that must be audible


def frame_hash(frames: np.ndarray) -> str:
    """Hash the pictures at 1/8, 3/8, 5/8 and 7/8 of a clip: 64 bits each, 64 hexadecimal digits in all.

    The DCT hash of Zauner (2010), "Implementation and benchmarking of perceptual image hash functions": luma is
    averaged to 32 × 32 pixels, and each of the 8 × 8 lowest coefficients of its cosine transform, those of the first
    row and column left out, is a bit: whether it exceeds their median.

    Args:
        frames: uint8, (T, H, W, 3), RGB.

    Returns:
        The hash; empty where there are no frames or one of the four pictures is flat, such as black.
    """
    if not len(frames):
        return ""
    chosen = frames[[part * len(frames) // 8 for part in (1, 3, 5, 7)]] @ _LUMA
    small = _averaging(chosen.shape[1]) @ chosen @ _averaging(chosen.shape[2]).T
    if small.std(axis=(1, 2)).min() < _FLAT:
        return ""
    lowest = fft.dctn(small, axes=(1, 2))[:, 1:9, 1:9].reshape(4, 64)
    return _hex(lowest > np.median(lowest, axis=1, keepdims=True))


def audio_hash(audio: np.ndarray, sample_rate: int) -> str:
    """Hash the sound of a clip: 256 bits, 64 hexadecimal digits.

    After Haitsma and Kalker (2002), "A highly robust audio fingerprinting system": a bit is the sign of a difference of
    energy between neighbouring bands and then between neighbouring times. Theirs are 32 bits every 11.6 ms, to find
    seconds of a song anywhere in it; ours are 16 × 16 over the clip as a whole. Energies are taken as logarithms, so
    that neither gain nor a filter changes them, in 17 bands from 200 to 3400 Hz and 17 overlapping stretches of time.

    Args:
        audio: int16, (n,), mono.
        sample_rate: in Hz.

    Returns:
        The hash; empty for less than a second, and where a quarter of bands and times or more hold no sound: what is
        silent is alike in all clips.
    """
    window = round(_WINDOW_S * sample_rate)
    if len(audio) < max(_SHORTEST_S * sample_rate, window):
        return ""
    pieces = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float32), window)[:: window // 2]
    bands = _bands(window, sample_rate)
    spectra = fft.rfft(pieces * _hann(window), axis=1)[:, : bands.shape[1]]
    power = spectra.real**2 + spectra.imag**2
    density = _stretches(len(power)) @ power @ bands.T
    if (density > _AUDIBLE).mean() < _FILLED:
        return ""
    return _hex(np.diff(np.diff(np.log(density + _AUDIBLE), axis=0), axis=1) > 0)


def _hex(bits: np.ndarray) -> str:
    return np.packbits(bits).tobytes().hex()


@functools.lru_cache
def _averaging(size: int) -> np.ndarray:
    """Return the float32 matrix, (32, size), that averages pixels over equal parts of a line."""
    edges = np.linspace(0, size, _SIDE + 1)[:, None]
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return (np.maximum(overlap, 0) * _SIDE / size).astype(np.float32)


@functools.lru_cache
def _hann(window: int) -> np.ndarray:
    """Return a window, float32 (window,), that leaves the power of white noise as it is in each bin."""
    shape = np.hanning(window)
    return (shape / np.sqrt((shape**2).sum())).astype(np.float32)


@functools.lru_cache
def _stretches(pieces: int) -> np.ndarray:
    """Return the float32 matrix, (17, pieces), that averages over overlapping stretches of time."""
    times = (np.arange(pieces) + 0.5) / pieces * (_CELLS - 1 + 2 * _FADE_CELLS) - _FADE_CELLS
    away = np.abs(times - np.arange(_CELLS)[:, None]) / _FADE_CELLS
    weights = np.where(away < 1, 1 + np.cos(np.pi * away), 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@functools.lru_cache
def _bands(window: int, sample_rate: int) -> np.ndarray:
    """Return the float32 matrix, (17, bins), that averages over bands of equal ratio; higher bins are left out."""
    edges = np.round(np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _CELLS + 1) * window / sample_rate)[:, None]
    bins = np.arange(min(window // 2 + 1, int(edges[-1, 0])))
    inside = (bins >= edges[:-1]) & (bins < edges[1:])
    return (inside / (edges[1:] - edges[:-1])).astype(np.float32)
