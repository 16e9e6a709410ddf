"""Residual and plain blocks that the encoders are built of."""

import torch
import torch.nn.functional as F
from torch import nn


class AudioBlock(nn.Sequential):
    """3×3 convolutions, each with batch norm and ReLU; the first one strides."""

    def __init__(self, inputs: int, outputs: int, stride: int, convolutions: int) -> None:
        """Build a block that maps ``inputs`` to ``outputs`` channels."""
        layers: list[nn.Module] = []
        for index in range(convolutions):
            first = index == 0
            layers += [
                nn.Conv2d(inputs if first else outputs, outputs, 3, stride if first else 1, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class VideoBlock(nn.Module):
    """Residual block of (spatial, temporal) convolution pairs; the first pair strides.

    Batch norm and ReLU stand between all convolutions and after the residual sum. Where shapes differ, the
    shortcut is a strided 1×1×1 convolution without batch norm.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, convolutions: int) -> None:
        """Build a block that maps ``inputs`` to ``outputs`` channels."""
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(convolutions):
            source, step = (inputs, stride) if index == 0 else (outputs, 1)
            if index:
                layers += [nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)]
            layers += [
                nn.Conv3d(source, outputs, (1, 3, 3), (1, step, step), (0, 1, 1), bias=False),
                nn.BatchNorm3d(outputs),
                nn.ReLU(inplace=True),
                nn.Conv3d(outputs, outputs, (3, 1, 1), (step, 1, 1), (1, 0, 0), bias=False),
            ]
        self.residual = nn.Sequential(*layers)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv3d(inputs, outputs, 1, stride, bias=False)
        self.norm = nn.BatchNorm3d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, inputs, T, H, W) to (batch, outputs, T', H', W')."""
        return F.relu(self.norm(self.residual(x) + self.shortcut(x)), inplace=True)
