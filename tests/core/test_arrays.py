"""Arrays that were damaged are named, whatever the damage."""

import numpy as np
import pytest

from avbench.core.arrays import open_arrays
from avbench.core.errors import UserError


@pytest.fixture
def kept(tmp_path):
    np.savez(tmp_path / "embeddings.npz", audio=np.arange(1000.0), label=np.array(["a", "b"]))
    return tmp_path / "embeddings.npz"


def read(path):
    with open_arrays(path) as arrays:
        return {name: arrays[name] for name in ("audio", "label")}


def test_arrays_are_read_by_name(kept):
    assert read(kept)["audio"].tolist() == list(range(1000))
    with open_arrays(kept) as arrays:
        assert arrays.names == ["audio", "label"]
        with pytest.raises(UserError, match=r"embeddings\.npz is damaged \(KeyError"):
            arrays["video"]


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_is_found(kept, place):
    data = bytearray(kept.read_bytes())
    data[int(place * len(data))] ^= 1
    kept.write_bytes(data)
    with pytest.raises(UserError, match=r"embeddings\.npz is damaged .*make it again: snakemake"):
        read(kept)


@pytest.mark.parametrize("left", [0, 1, 100, 4000])
def test_a_truncated_file_is_found(kept, left):
    kept.write_bytes(kept.read_bytes()[:left])
    with pytest.raises(UserError, match=r"embeddings\.npz is damaged"):
        read(kept)


def test_one_array_alone_and_no_file_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(UserError, match="a single array"):
        read(tmp_path / "a.npy")
    with pytest.raises(UserError, match="does not exist"):
        read(tmp_path / "b.npz")
