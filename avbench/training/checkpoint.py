"""Checkpoints: whole or absent, refused when they belong to other settings or were damaged.

A checkpoint is the ZIP archive that PyTorch writes. Its comment, which readers of archives skip, holds the SHA-256 of
the archive as it would be without a comment.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avbench.core.errors import UserError
from avbench.core.files import atomic
from avbench.core.seals import again

_COMMENT = b"SHA-256 "
_NO_COMMENT = b"\0\0"  # the length of a comment, at the end of an archive without one


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
    archive = serialised.getbuffer()
    comment = _COMMENT + hashlib.sha256(archive).hexdigest().encode("ascii")
    with atomic(path) as part, part.open("wb") as stream:
        stream.write(archive[: -len(_NO_COMMENT)])
        stream.write(len(comment).to_bytes(2, "little") + comment)


def load(path: str | Path, remedy: str = "") -> dict[str, Any]:
    """Read a checkpoint on the CPU; nothing in it is ever executed (``weights_only``).

    One without a digest, of an earlier version, is read as it is.

    Args:
        path: the file.
        remedy: what to do about a damaged one; unless given, that it is to be made again by the workflow.

    Raises:
        UserError: the file is missing, is not a checkpoint, or is not what was saved.
    """
    remedy = remedy or again(path)
    try:
        if not _is_whole(Path(path)):
            raise UserError(f"checkpoint {path} is damaged: it has another digest than when it was saved. {remedy}")
        return torch.load(path, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"checkpoint {path} does not exist.") from None
    except Exception as error:
        said = str(error).partition("\n")[0][:200].rstrip(".")
        raise UserError(f"{path} is not a readable checkpoint ({said}). {remedy}") from error


def _is_whole(path: Path) -> bool:
    """Return whether an archive has the digest of its comment; one without a comment counts as whole."""
    length = len(_COMMENT) + 64
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        if size <= length + len(_NO_COMMENT):
            return True  # no archive; PyTorch says so
        stream.seek(-length, 2)
        comment = stream.read()
        if not comment.startswith(_COMMENT):
            # That of a damaged end would begin so nearly; an archive without any ends with the length 0.
            return comment.endswith(_NO_COMMENT)
        digest, left = hashlib.sha256(), size - length - len(_NO_COMMENT)
        stream.seek(0)
        while left > 0 and (chunk := stream.read(min(left, 1 << 20))):
            digest.update(chunk)
            left -= len(chunk)
        digest.update(_NO_COMMENT)
        stated = int.from_bytes(stream.read(len(_NO_COMMENT)), "little")
    return stated == length and comment[len(_COMMENT) :].decode("ascii", "replace") == digest.hexdigest()
