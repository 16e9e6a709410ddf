"""Convolutions over time and space, computed on a CPU the way that is fastest there."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_weight


class VideoConvolution(nn.Conv3d):
    """``nn.Conv3d`` without a bias, with its parameters and results (to rounding).

    oneDNN, with which PyTorch convolves on CPUs, has no fast way for two kinds of 3-d convolutions that are fast in two
    dimensions or as a matrix product. On GPUs, and compiled, all is left to cuDNN and the compiler.
    """

    def __init__(self, inputs: int, outputs: int, kernel: Any, stride: Any = 1, padding: Any = 0) -> None:
        """Take what ``nn.Conv3d`` takes: a number for all of (time, height, width), or one for each."""
        super().__init__(inputs, outputs, kernel, stride, padding, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, inputs, T, H, W) to (batch, outputs, T', H', W')."""
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        if self.kernel_size[1:] == (1, 1) and self.padding[1:] == (0, 0):
            return mix_frames(x, self.weight, self.stride, self.padding[0])
        if torch.is_grad_enabled() and not x.requires_grad:
            return _OfData.apply(x, self.weight, self.stride, self.padding)
        return super().forward(x)


def mix_frames(x: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int, int], padding: int) -> torch.Tensor:
    """Convolve over time alone: one matrix product over all pixels, whose rows hold the frames under the kernel.

    A tap of the kernel that only ever meets padding, as all but the middle one do on a single frame, costs nothing.

    Args:
        x: (batch, inputs, T, H, W).
        weight: (outputs, inputs, taps, 1, 1).
        stride: of time, height and width.
        padding: frames of zeros before the first and after the last.

    Returns:
        (batch, outputs, T', H', W'), laid out channels-last.
    """
    step, length = stride[0], x.shape[2]
    made = (length + 2 * padding - weight.shape[2]) // step + 1
    pixels = x[:, :, :, :: stride[1], :: stride[2]].movedim(1, -1)
    met = [tap for tap in range(weight.shape[2]) if _meets(tap - padding, step, length, made)]
    if len(met) > 1:
        pixels = F.pad(pixels, (0, 0, 0, 0, 0, 0, padding, padding))
        pixels = torch.cat([pixels[:, tap : tap + (made - 1) * step + 1 : step] for tap in met], -1)
    else:
        first = met[0] - padding
        pixels = pixels[:, first : first + (made - 1) * step + 1 : step]
    taps = weight[:, :, met[0] : met[-1] + 1, 0, 0].permute(2, 1, 0).flatten(0, 1)
    return (pixels @ taps).movedim(-1, 1)


def _meets(shift: int, step: int, length: int, made: int) -> range:
    """Return the outputs, of so many, whose frame ``step · output + shift`` is there: a range, maybe empty."""
    first = max(0, -(shift // step))
    return range(first, max(first, min(made, (length - 1 - shift) // step + 1)))


class _OfData(torch.autograd.Function):
    """A 3-d convolution of what needs no gradient: the weights' is summed up tap by tap from 2-d convolutions.

    oneDNN computes the gradient of a 3-d kernel over three channels image by image, at a third of the speed of a
    2-d one, and takes longer for it than for the rest of the small preset's video encoder.
    """

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
        taps = []
        for tap in range(weight.shape[2]):
            shift = tap - before
            met = _meets(shift, step, frames.shape[1], gradient.shape[1])
            if not met:
                taps.append(torch.zeros_like(weight[:, :, tap]))
                continue
            under = frames[:, met[0] * step + shift : met[-1] * step + shift + 1 : step].flatten(0, 1)
            above = gradient[:, met[0] : met[-1] + 1].flatten(0, 1)
            taps.append(conv2d_weight(under, weight[:, :, tap].shape, above, stride, padding).to(weight.dtype))
        return None, torch.stack(taps, 2), None, None
