"""Files of named tensors: PyTorch's, and safetensors (https://huggingface.co/docs/safetensors)."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avbench.core.errors import UserError
from avbench.core.files import atomic

_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read named tensors; nothing in the file is executed.

    Of PyTorch's files, a ``state_dict`` or ``model`` inside is taken; the ``module.`` of parallel training is left out.

    Raises:
        UserError: the file is missing, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path.read_bytes())
        state = torch.load(path, map_location="cpu", weights_only=True)
        for key in ("state_dict", "model"):
            state = state[key] if isinstance(state.get(key), Mapping) else state
        tensors = {name.removeprefix("module."): value for name, value in state.items()}
        if not tensors or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
            raise ValueError("it holds no named tensors alone")
        return tensors
    except FileNotFoundError:
        raise UserError(f"the file of weights {path} does not exist.") from None
    except Exception as error:
        raise UserError(f"{path} is no file of weights ({' '.join(str(error).split())[:200]}).") from error


def _read_safetensors(content: bytes) -> dict[str, torch.Tensor]:
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            kind = _TYPES[entry["dtype"]]
            flat = (
                torch.frombuffer(bytearray(content[begin:end]), dtype=kind)
                if end > begin
                else torch.empty(0, dtype=kind)
            )
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def write_safetensors(path: Path, tensors: Mapping[str, torch.Tensor], about: Mapping[str, str]) -> None:
    """Write named tensors as safetensors, with some text about them: whole, or not at all.

    Raises:
        UserError: the disk is full.
    """
    names, offset = {kind: name for name, kind in _TYPES.items()}, 0
    header: dict[str, Any] = {"__metadata__": dict(about)}
    flat = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    for name, tensor in flat.items():
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with atomic(path) as part, part.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for tensor in flat.values():
            stream.write(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
