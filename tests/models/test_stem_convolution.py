"""The video stem's convolution against PyTorch's."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from avbench.models.stem_convolution import StemConvolution


@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)),
    frames=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_output_and_gradient_are_those_of_a_3d_convolution(kernel, stride, padding, frames, seed):
    frames = max(frames, kernel[0] - 2 * padding[0])  # enough for one output
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 3, frames, 5, 4, generator=generator, dtype=torch.float64)
    convolution = StemConvolution(3, 2, kernel, stride, padding).double()
    plain = convolution.weight.detach().clone().requires_grad_()
    expected = F.conv3d(x, plain, stride=stride, padding=padding)
    made = convolution(x)
    upstream = torch.randn(made.shape, generator=generator, dtype=torch.float64)
    made.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(made, expected)
    torch.testing.assert_close(convolution.weight.grad, plain.grad)


def test_an_input_that_learns_gets_its_gradient():
    x = torch.randn(2, 3, 4, 6, 6, requires_grad=True)
    StemConvolution(3, 2, 3, 2, 1)(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_within_autocast_the_gradient_is_that_of_bfloat16():
    x, convolution = torch.randn(4, 3, 4, 9, 9), StemConvolution(3, 4, (3, 5, 5), (2, 4, 4), (1, 2, 2))
    grads = []
    for enabled in (False, True):
        convolution.weight.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            made = convolution(x)
        made.float().square().sum().backward()
        assert made.dtype == (torch.bfloat16 if enabled else torch.float32)
        assert convolution.weight.grad.dtype == torch.float32
        grads.append(convolution.weight.grad)
    assert (grads[0] - grads[1]).norm() < 0.02 * grads[0].norm()
    assert not torch.equal(*grads)


@pytest.mark.parametrize("enabled", [False, True])
def test_parameters_are_those_of_a_3d_convolution(enabled):
    plain, ours = torch.nn.Conv3d(3, 4, 3, bias=False), StemConvolution(3, 4, 3, 1, 0)
    ours.load_state_dict(plain.state_dict())
    with torch.set_grad_enabled(enabled):
        x = torch.randn(2, 3, 4, 6, 6)
        torch.testing.assert_close(ours(x), plain(x))
