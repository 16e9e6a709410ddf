"""Checkpoints: whole or absent, refused when they belong to other settings."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avbench.errors import UserError
from avbench.fileio import atomic


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that change with any setting."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def save(path: str | Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically. ``state`` holds tensors, numbers, strings, lists and dicts only."""
    with atomic(path) as part:
        torch.save(state, part)


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
