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
    width = frames.shape[-2]
    # Constants for a whole row of pixels rather than for one: a vector unit gains nothing from rows of three numbers.
    scale = torch.tensor([1 / (255 * std) for std in _IMAGENET_STD] * width, device=frames.device)
    offset = torch.tensor(
        [-mean / std for mean, std in zip(_IMAGENET_MEAN, _IMAGENET_STD, strict=True)] * width, device=frames.device
    )
    rows = torch.addcmul(offset, frames.flatten(-2).float(), scale)
    return rows.unflatten(-1, (width, 3)).movedim(-1, 1)


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
    if frames.dtype != torch.uint8:
        return torch.where(chosen, frames.flip(3), frames)
    # As torch.where, bit by bit: a vector unit takes 32 bytes at a time this way, and torch.where one.
    return frames.flip(3).bitwise_xor_(frames).bitwise_and_(chosen.to(torch.uint8).neg_()).bitwise_xor_(frames)
