"""Near pairs of hashes: both ways of comparing find what comparing bit by bit finds."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avbench.data import near_hashes
from avbench.data.near_hashes import by_counting, by_products, near

BITS = st.sampled_from([0, 40, 64])


def hashes(rng, count, like, most=110):
    """Some hashes, each like one of others but for some bits."""
    bits = np.unpackbits(like[rng.integers(0, len(like), count)].view(np.uint8), axis=1)
    for row in bits:
        row[rng.choice(256, rng.integers(0, most), replace=False)] ^= 1
    return np.packbits(bits, axis=1).view(np.uint64)


def distances(one, other):
    left, right = (np.unpackbits(words.view(np.uint8), axis=1).astype(int) for words in (one, other))
    return (left[:, None] != right[None]).sum(axis=2)


def pairs(found):
    return {(int(i), int(j)) for rows, columns in found for i, j in zip(rows, columns, strict=True)}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70), st.integers(1, 70), BITS)
def test_all_near_pairs_are_found(seed, height, width, bits):
    rng = np.random.default_rng(seed)
    one = rng.integers(0, 2**64, (height, 4), dtype=np.uint64)
    other = hashes(rng, width, one)
    apart = distances(one, other)
    expected = set(zip(*(side.tolist() for side in np.nonzero(apart <= bits)), strict=True))
    assert pairs(by_counting(one, other, bits)) == expected
    found = pairs(by_products(one, other, bits))
    assert expected <= found
    # What is found besides differs in few of the bits that are compared.
    assert found == set(
        zip(*(s.tolist() for s in np.nonzero(distances(one[:, :3], other[:, :3]) <= bits)), strict=True)
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_tiles_and_threads_change_nothing(monkeypatch, threads):
    rng = np.random.default_rng(0)
    one = rng.integers(0, 2**64, (300, 4), dtype=np.uint64)
    other = hashes(rng, 500, one)
    whole = pairs(by_products(one, other, 64))
    assert len(whole) > 100
    monkeypatch.setattr(near_hashes, "_PRODUCT_TILE", (64, 48))
    monkeypatch.setattr(near_hashes, "_TILES", 3)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        found = list(by_products(one, other, 64))
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert pairs(found) == whole
    assert sum(len(rows) for rows, _ in found) == len(whole)  # each once


def test_nothing_is_near_nothing():
    none, some = np.empty((0, 4), np.uint64), np.zeros((3, 4), np.uint64)
    for compare in (near, by_counting, by_products):
        assert not list(compare(none, some, 64))
        assert not list(compare(some, none, 64))


def test_many_pairs_are_compared_by_products(monkeypatch):
    monkeypatch.setattr(near_hashes, "_FEW", 1)
    monkeypatch.setattr(near_hashes, "by_products", lambda *_: iter(["products"]))
    assert list(near(np.zeros((2, 4), np.uint64), np.zeros((2, 4), np.uint64), 64)) == ["products"]


def test_few_pairs_need_no_torch():
    code = "import sys; from avbench.data import duplicates, ledger; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
