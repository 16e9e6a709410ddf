"""Encoders as a user brings them: a file of code, and models that name it."""

from pathlib import Path

MINE = '''
import torch
from torch import nn


def heard(width=6):
    """A network for log-mels, with what makes runs hard to repeat: batch norm and dropout."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Conv2d(4, width, 3, 2), nn.ReLU()
    )


def seen(width=5):
    """A network for pictures, each alone."""
    return nn.Sequential(nn.Conv2d(3, 4, 5, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, width, 3, 2))


class Kept(nn.Sequential):
    """A network with a constant that its weights do not hold."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.register_buffer("kept", torch.arange(3), persistent=False)


def keeping():
    """The network for log-mels, with such a constant."""
    return Kept(*heard())


def counted(length=8):
    """A network for sounds of one length alone."""
    return nn.Sequential(nn.Flatten(), nn.Linear(40 * 40, length))


number = 3


def fails():
    raise ValueError("no such thing")


def five():
    return 5


class Flat(nn.Module):
    def forward(self, x):
        return x.sum()


def flat():
    return Flat()
'''


def write_mine(folder: Path) -> Path:
    path = folder / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


def model_of(file: Path, **audio: object) -> dict:
    """Return a model whose encoders are of a user's file."""
    return {
        "audio": {"builder": f"{file}:heard", **audio},
        "video": {"builder": f"{file}:seen", "input": "frames", "stored_size": [32, 32]},
    }
