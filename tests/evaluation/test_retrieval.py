import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.vectors import unit
from avbench.evaluation import retrieval as module
from avbench.evaluation.retrieval import RANKS, retrieval


def test_as_a_plain_loop_ranks():
    rng = np.random.default_rng(0)
    audio = unit(rng.normal(size=(40, 8)).astype(np.float32))
    video = unit(audio + 0.6 * rng.normal(size=(40, 8)).astype(np.float32))
    nearest, hits = retrieval(audio, video)
    for i in range(40):
        ranked = sorted(range(40), key=lambda j: -float(np.dot(audio[i].astype(float), video[j].astype(float))))
        assert nearest[i] == ranked[0]
        assert [hits[k][i] for k in RANKS] == [float(i in ranked[:k]) for k in RANKS]
    assert 0 < hits[1].mean() < hits[5].mean() < hits[10].mean()


@given(st.integers(2, 30), st.integers(1, 12))
def test_embeddings_that_are_all_the_same_score_chance(clips, k):
    same = np.tile(np.array([[0.6, 0.8]], np.float32), (clips, 1))
    _, hits = retrieval(same, same, (k,))
    assert hits[k].mean() == pytest.approx(min(1, k / clips))


def test_a_partner_that_shares_its_place_counts_by_its_share():
    queries = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    targets = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    nearest, hits = retrieval(queries, targets, (1, 2))
    assert nearest.tolist() == [0, 1, 1]
    assert hits[1].tolist() == [1, 0.5, 0.5]
    assert hits[2].tolist() == [1, 1, 1]


def test_the_size_of_the_blocks_changes_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    audio, video = (unit(rng.normal(size=(50, 4)).astype(np.float32)) for _ in range(2))
    nearest, hits = retrieval(audio, video)
    monkeypatch.setattr(module, "BLOCK_BYTES", 8 * 50 * 7)
    again, others = retrieval(audio, video)
    assert nearest.tolist() == again.tolist()
    assert all(hits[k].tolist() == others[k].tolist() for k in RANKS)


def test_unrelated_embeddings_score_about_chance():
    rng = np.random.default_rng(2)
    audio, video = (unit(rng.normal(size=(500, 16)).astype(np.float32)) for _ in range(2))
    assert abs(retrieval(audio, video)[1][10].mean() - 0.02) < 0.02
