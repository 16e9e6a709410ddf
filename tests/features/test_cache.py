"""How many decoded clips are kept."""

import numpy as np
import pytest

from avbench.core import memory
from avbench.data.store import Store
from avbench.features.cache import AUTO, decoded_bytes
from avbench.features.windows import Clips
from tests.support.short_clips import FEATURES, SIZE

WHOLE = 26 * SIZE * SIZE * 3 + 2 * round(6.5 * 16000)  # bytes of both clips, decoded


def reads(store, clips, monkeypatch):
    """Read both clips twice; return how many clips were decoded whole, and how many windows."""
    found, decode = [], Store.frames  # a whole clip is asked for by its row alone, a window with first and count
    monkeypatch.setattr(Store, "frames", lambda *given: found.append(len(given)) or decode(*given))
    for _ in range(2):
        clips.frames(np.array([0, 1]), np.zeros(2))
    return found.count(2), found.count(4)


def test_the_size_of_decoded_clips_is_known_before_they_are_decoded(store):
    rows = store.rows(["-a", "b"])
    taken = sum(store.frames(row).nbytes + store.audio(row).nbytes for row in rows)
    assert decoded_bytes(store, rows) == taken == WHOLE


@pytest.mark.parametrize(("spare", "decoded"), [(10**9, (2, 0)), (WHOLE, (0, 4)), (WHOLE - 1, (0, 4)), (-1, (0, 4))])
def test_an_automatic_cache_is_filled_only_if_the_memory_can_spare_it(store, monkeypatch, spare, decoded):
    monkeypatch.setattr(memory, "spare", lambda: spare)
    assert reads(store, Clips(store, ["-a", "b"], FEATURES, AUTO), monkeypatch) == decoded


def test_an_automatic_cache_stops_growing_once_others_have_taken_the_memory(store, monkeypatch):
    left = iter([10**9, 10**9, 0])
    monkeypatch.setattr(memory, "spare", lambda: next(left))
    monkeypatch.setattr("avbench.features.cache._STEP", 1)  # asked before every clip
    assert reads(store, Clips(store, ["-a", "b"], FEATURES, AUTO), monkeypatch) == (1, 2)


def test_a_cache_of_a_given_size_holds_no_more(store, monkeypatch):
    first = 16 * SIZE * SIZE * 3
    assert reads(store, Clips(store, ["-a", "b"], FEATURES, first / 1e6), monkeypatch) == (1, 2)
