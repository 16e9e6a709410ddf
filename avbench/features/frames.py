"""Frames as the video encoder takes them: flipped and normalised."""

import torch

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


def normalise_frames(frames: torch.Tensor) -> torch.Tensor:
    """Turn pictures into the video encoder's input, normalised with ImageNet's mean and standard deviation.

    Args:
        frames: uint8, (batch, T, H, W, 3), RGB.

    Returns:
        float32, (batch, 3, T, H, W), laid out channels-last: the axes are renamed, nothing is copied twice.
    """
    scale = torch.tensor([1 / (255 * std) for std in _IMAGENET_STD], device=frames.device)
    offset = torch.tensor(
        [-mean / std for mean, std in zip(_IMAGENET_MEAN, _IMAGENET_STD, strict=True)], device=frames.device
    )
    return torch.addcmul(offset, frames.float(), scale).movedim(-1, 1)


def flip(frames: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Mirror pictures left to right where ``draws`` is true; the input is not changed.

    Args:
        frames: (batch, T, H, W, 3), any dtype.
        draws: bool, (batch,) to flip whole clips, or (batch, T) to flip each frame on its own, as the
            authors' code does.

    Returns:
        The shape and dtype of ``frames``.
    """
    chosen = draws.to(frames.device)
    chosen = chosen.reshape(chosen.shape + (1,) * (frames.ndim - chosen.ndim))
    return torch.where(chosen, frames.flip(3), frames)
