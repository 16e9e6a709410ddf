"""Mean and deviation of each mel band, and standardisation by them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.features.statistics import Standardise, band_statistics


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=6), st.integers(0, 99))
def test_band_statistics_equal_those_of_all_frames_at_once(shapes, seed):
    random = np.random.default_rng(seed)
    batches = [random.normal(-60, 20, (clips, frames, 5)).astype(np.float32) for clips, frames in shapes]
    together = np.concatenate([batch.reshape(-1, 5) for batch in batches]).astype(np.float64)
    if not len(together):
        with pytest.raises(UserError, match="no training clips"):
            band_statistics(map(torch.from_numpy, batches))
        return
    mean, std = band_statistics(map(torch.from_numpy, batches))
    assert mean.dtype == std.dtype == np.float64
    np.testing.assert_allclose(mean, together.mean(0), rtol=1e-12)
    np.testing.assert_allclose(std, together.std(0), rtol=1e-9, atol=1e-9)


def test_band_statistics_keep_their_digits_far_from_zero():
    values = torch.tensor([1e4 - 1e-2, 1e4 + 1e-2], dtype=torch.float64).reshape(1, 2, 1)
    _, std = band_statistics(values for _ in range(1000))
    assert std[0] == pytest.approx(1e-2, rel=1e-6)


def test_standardise():
    mel = torch.randn(4, 30, 3) * torch.tensor([1.0, 5.0, 0.0]) + torch.tensor([-60.0, 3.0, -100.0])
    done = Standardise(*band_statistics([mel]))(mel)
    assert done.dtype == torch.float32
    torch.testing.assert_close(done.mean((0, 1)), torch.zeros(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(done.std((0, 1), correction=0), torch.tensor([1.0, 1.0, 0.0]), rtol=1e-4, atol=1e-4)


def test_standardise_adds_its_small_constant():
    done = Standardise(np.array([2.0]), np.array([0.0]))(torch.tensor([[3.0]]))
    assert done.item() == pytest.approx(1e5)
