import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.hashing import file_digest, hash64, keyed_ranks, shard_of


def test_hash_is_blake2b_of_length_prefixed_parts():
    message = (1).to_bytes(8, "little") + b"7" + (2).to_bytes(8, "little") + b"ab"
    assert hash64(7, "ab") == int.from_bytes(hashlib.blake2b(message, digest_size=8).digest(), "little")


@given(st.text(), st.text(min_size=1), st.text())
def test_parts_do_not_run_together(a, b, c):
    assert hash64(a + b, c) != hash64(a, b + c)


@given(st.lists(st.text(), unique=True), st.integers(0, 2**32))
def test_a_rank_does_not_depend_on_the_other_names(names, seed):
    together = keyed_ranks(seed, "purpose", names)
    alone = [keyed_ranks(seed, "purpose", [name])[0] for name in names]
    assert together.dtype == np.uint64
    assert together.tolist() == alone


def test_shards_are_stable_and_even():
    shards = np.bincount([shard_of(f"clip-{i}", 8) for i in range(8000)], minlength=8)
    assert shards.min() > 850
    assert shards.max() < 1150
    assert shard_of("-1pRmoJIGQc_000010", 256) == shard_of("-1pRmoJIGQc_000010", 256)


def test_file_digest(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"avbench" * 1000)
    assert file_digest(path) == hashlib.sha256(b"avbench" * 1000).hexdigest()
