"""Files of named tensors, read and written."""

import json
import struct

import pytest
import torch

from avbench.core.errors import UserError
from avbench.models.tensor_file import read_tensors, write_safetensors


def test_safetensors_come_back_and_are_laid_out_as_the_format_says(tmp_path):
    tensors = {
        "b": torch.arange(6).reshape(2, 3),
        "a": torch.randn(4, 5).T,
        "c": torch.tensor(1.5, dtype=torch.bfloat16),
        "none": torch.empty(0, 3),
        "d": torch.tensor([True, False]),
    }
    path = tmp_path / "x.safetensors"
    write_safetensors(path, tensors, {"made": "here"})
    back = read_tensors(path)
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], value) and back[name].dtype == value.dtype for name, value in tensors.items())
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0
    assert header.pop("__metadata__") == {"made": "here"}
    assert header["a"] == {"dtype": "F32", "shape": [5, 4], "data_offsets": [0, 80]}
    assert max(entry["data_offsets"][1] for entry in header.values()) == len(content) - 8 - length


def test_other_files_are_refused(tmp_path):
    for name, content in (("a.pt", b"text"), ("b.safetensors", b"text")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} is no file of weights"):
            read_tensors(tmp_path / name)
    torch.save({"epoch": 3}, tmp_path / "c.pt")
    with pytest.raises(UserError, match="holds no named tensors alone"):
        read_tensors(tmp_path / "c.pt")
    with pytest.raises(UserError, match="does not exist"):
        read_tensors(tmp_path / "d.pt")
