"""Checkpoints: whole or absent, refused when they belong to other settings."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avbench.core.errors import UserError
from avbench.core.files import atomic


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that change with any setting."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def save(path: str | Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically. ``state`` holds tensors, numbers, strings, lists and dicts only.

    Raises:
        UserError: the disk is full, or the folder cannot be written to; an earlier checkpoint is as it was.
    """
    # By way of memory: PyTorch's own writer turns a full disk into an internal error, and puts the name of the
    # temporary file into the archive.
    serialised = io.BytesIO()
    torch.save(state, serialised)
    with atomic(path) as part, part.open("wb") as stream:
        stream.write(serialised.getbuffer())


def load(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint on the CPU; nothing in it is ever executed (``weights_only``).

    Raises:
        UserError: the file is missing or is not a checkpoint.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"checkpoint {path} does not exist.") from None
    except Exception as error:
        raise UserError(f"{path} is not a readable checkpoint ({error}). Delete it to train again.") from error
