"""The convolution that a video encoder begins with."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_weight


class StemConvolution(nn.Conv3d):
    """``nn.Conv3d`` without a bias, its parameters and its results (to rounding), trained faster on a CPU.

    oneDNN, with which PyTorch convolves there, computes the gradient of a 3-d kernel over three channels image by
    image, at a third of the speed of a 2-d one. On a GPU, and compiled, all is left as it is.
    """

    def __init__(self, inputs: int, outputs: int, kernel: Any, stride: Any, padding: Any) -> None:
        """Take what ``nn.Conv3d`` takes: a number for all of (time, height, width), or one for each."""
        super().__init__(inputs, outputs, kernel, stride, padding, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, inputs, T, H, W) to (batch, outputs, T', H', W')."""
        learns = torch.is_grad_enabled() and self.weight.requires_grad and not x.requires_grad
        if x.device.type == "cpu" and learns and not torch.compiler.is_compiling():
            return _OfData.apply(x, self.weight, self.stride, self.padding)
        return super().forward(x)


class _OfData(torch.autograd.Function):
    """A 3-d convolution of what needs no gradient: the kernel's is that of one 2-d convolution per frame of it."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: Any, padding: Any) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv3d(x, weight, stride=stride, padding=padding)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[None, torch.Tensor, None, None]:
        x, weight = ctx.saved_tensors
        (step, *stride), (before, *padding) = ctx.stride, ctx.padding
        frames, gradient = x.to(gradient.dtype).transpose(1, 2), gradient.transpose(1, 2)  # bfloat16 within autocast
        result = torch.zeros_like(weight)
        for tap in range(weight.shape[2]):
            shift = tap - before
            if met := _meets(shift, step, frames.shape[1], gradient.shape[1]):
                under = frames[:, met[0] * step + shift : met[-1] * step + shift + 1 : step].flatten(0, 1)
                above = gradient[:, met[0] : met[-1] + 1].flatten(0, 1)
                result[:, :, tap] = conv2d_weight(under, weight[:, :, tap].shape, above, stride, padding)
        return None, result, None, None


def _meets(shift: int, step: int, length: int, made: int) -> range:
    """Return the outputs, of so many, for which frame ``step · output + shift`` is one of ``length``."""
    first = max(0, -(shift // step))
    return range(first, max(first, min(made, (length - 1 - shift) // step + 1)))
