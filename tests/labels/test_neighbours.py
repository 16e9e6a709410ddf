"""Neighbours: which clips are nearest, in which order, and what is said about them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.labels import NeighbourSettings
from avbench.core.errors import UserError
from avbench.core.vectors import unit
from avbench.labels.neighbours import nearest, summarise, table


@given(clips=st.integers(2, 30), width=st.integers(2, 6), seed=st.integers(0, 99), data=st.data())
def test_neighbours_are_those_of_a_loop_over_all_pairs(clips, width, seed, data):
    k = data.draw(st.integers(1, clips - 1))
    features = unit(np.random.default_rng(seed).normal(size=(clips, width)).astype(np.float32))
    found = nearest(features, k)
    similarity = features.astype(np.float64) @ features.T.astype(np.float64)
    for clip in range(clips):
        others = [other for other in range(clips) if other != clip]
        assert len(set(found[clip].tolist()) | {clip}) == k + 1
        expected = sorted((similarity[clip, other] for other in others), reverse=True)[:k]
        np.testing.assert_allclose(similarity[clip, found[clip]], expected, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_no_more_than_a_block_of_similarities_is_held(rows, monkeypatch):
    features = unit(np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32))
    whole = nearest(features, 5)
    monkeypatch.setattr("avbench.labels.neighbours.BLOCK_BYTES", 4 * 40 * rows)
    np.testing.assert_array_equal(nearest(features, 5), whole)


def test_equally_near_clips_come_in_their_order():
    features = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], np.float32)
    assert nearest(features, 3).tolist() == [[2, 3, 1], [0, 2, 3], [0, 3, 1], [0, 2, 1]]


def test_there_must_be_more_clips_than_neighbours():
    with pytest.raises(UserError, match="k: 3 must be below the number of clips of the subset, 3"):
        nearest(np.eye(3, dtype=np.float32), 3)


def test_the_table_has_k_rows_a_clip_nearest_first():
    rows = table(["b", "-a", "c"], np.array([[1, 2], [2, 0], [0, 1]]))
    assert list(rows.columns) == ["clip_id", "neighbour"]
    assert rows["clip_id"].tolist() == ["b", "b", "-a", "-a", "c", "c"]
    assert rows["neighbour"].tolist() == ["-a", "c", "c", "b", "b", "-a"]


def test_the_summary_counts_neighbours_of_the_true_class_by_rank():
    found = summarise(np.array([[1, 2], [0, 3], [3, 0], [0, 2]]), ["x", "x", "y", "y"])
    assert found == {
        "clips": 4,
        "true_classes": 2,
        "of_true_class": 0.5,
        "of_true_class_by_rank": [0.75, 0.25],
        "by_chance": pytest.approx(1 / 3),
    }


def test_by_chance_is_what_random_neighbours_reach():
    true = ["x"] * 10 + ["y"] * 25 + ["z"] * 5
    rng = np.random.default_rng(0)
    drawn = np.array([rng.permutation([other for other in range(40) if other != clip]) for clip in range(40)])
    assert summarise(drawn, true)["by_chance"] == pytest.approx(summarise(drawn, true)["of_true_class"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "clusters"}, "kind: 'clusters' is not allowed"),
        ({"k": 0}, "k: 0 is not allowed; it must be an integer of at least 1"),
        ({"k": True}, "k: True is not allowed"),
        ({"k": "auto"}, "k: 'auto' is not allowed"),
        ({"modality": "text"}, "modality: 'text' is unknown"),
    ],
)
def test_values_that_are_not_allowed_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        NeighbourSettings(**settings)


def test_agreement_takes_what_is_near_by_sound_and_by_picture():
    audio, video = (unit(np.random.default_rng(seed).normal(size=(12, 5)).astype(np.float32)) for seed in (0, 1))
    found = nearest(audio, 4, video)
    for clip in range(12):
        lower = {o: min(float(audio[clip] @ audio[o]), float(video[clip] @ video[o])) for o in range(12) if o != clip}
        assert found[clip].tolist() == sorted(lower, key=lower.get, reverse=True)[:4]
    assert found.tolist() != nearest(audio, 4).tolist()
