"""The measures against loops over pairs, and against what is known of simple clouds."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.evaluation import geometry
from avbench.evaluation.geometry import alignment, class_alignment, describe, effective_rank, uniformity


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    labels = np.array([f"class, {place**2 % 7}" for place in range(45)])  # classes of unequal size
    audio = unit(rng.normal(size=(45, 6)))
    return audio, unit(audio + 0.7 * rng.normal(size=(45, 6))), labels


def squared(a, b):
    return math.fsum((x - y) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True))


def test_alignments_are_means_over_pairs(clips):
    audio, video, labels = clips
    own = [squared(a, v) for a, v in zip(audio, video, strict=True)]
    assert alignment(audio, video) == pytest.approx(math.fsum(own) / 45, rel=1e-12)
    pairs = [squared(audio[i], video[j]) for i in range(45) for j in range(45) if labels[i] == labels[j]]
    assert class_alignment(audio, video, labels) == pytest.approx(math.fsum(pairs) / len(pairs), rel=1e-12)


def test_the_alignment_of_classes_of_one_clip_is_that_of_the_clips(clips):
    audio, video, _ = clips
    labels = [str(place) for place in range(45)]
    assert class_alignment(audio, video, labels) == pytest.approx(alignment(audio, video), rel=1e-12)


def test_what_coincides_is_aligned_and_what_is_opposite_is_as_far_as_can_be(clips):
    audio, _, labels = clips
    assert alignment(audio, audio) == 0
    assert alignment(audio, -audio) == pytest.approx(4)
    same = np.tile(audio[:1], (45, 1))
    assert class_alignment(same, same, labels) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("block", [1, 7, 45, 128])
def test_uniformity_is_the_mean_potential_of_distinct_pairs(clips, monkeypatch, block):
    monkeypatch.setattr(geometry, "BLOCK", block)
    audio = clips[0]
    potentials = [math.exp(-2 * squared(audio[i], audio[j])) for i in range(45) for j in range(i)]
    assert uniformity(audio) == pytest.approx(math.log(math.fsum(potentials) / len(potentials)), rel=1e-12)


def test_uniformity_of_simple_clouds():
    assert uniformity(np.array([[1.0, 0.0]] * 9)) == pytest.approx(0, abs=1e-12)  # all in one place
    assert uniformity(np.array([[1.0, 0.0], [-1.0, 0.0]])) == pytest.approx(-8)  # a distance of 2
    assert uniformity(np.eye(50)) == pytest.approx(-4)  # all distances are √2
    assert math.isnan(uniformity(np.ones((1, 2))))


def test_the_effective_rank_of_simple_clouds():
    for dimensions in (1, 2, 5):
        cross = np.vstack([np.eye(8)[:dimensions], -np.eye(8)[:dimensions]]) + 100  # a centre is taken away
        assert effective_rank(cross) == pytest.approx(dimensions)
    stretched = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])  # singular values as 3 to 1
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_rank(stretched) == pytest.approx(math.exp(entropy))


def test_features_that_are_all_the_same_have_no_rank():
    rng = np.random.default_rng(0)
    assert effective_rank(np.tile(1000 * rng.normal(size=(1, 40)), (300, 1)).astype(np.float32)) == 0
    assert effective_rank(np.zeros((5, 3))) == 0


@given(st.integers(2, 12), st.integers(1, 12), st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_the_effective_rank_does_not_depend_on_scale_place_or_rotation(clips, width, scale, seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(clips, width))
    found = effective_rank(features)
    rotation = np.linalg.qr(rng.normal(size=(width, width)))[0]
    assert found == pytest.approx(effective_rank(scale * features @ rotation + rng.normal(size=width)), rel=1e-6)
    assert 1 - 1e-9 <= found <= min(clips - 1, width) + 1e-9


def test_every_measure_is_described_by_its_name_also_of_half_precision(clips):
    audio, video, labels = clips
    rng = np.random.default_rng(1)
    pooled = [rng.normal(size=(45, 9)), rng.normal(size=(45, 5))]
    found = describe(3 * audio, video, *pooled, labels)  # embeddings are scaled to length one
    assert list(found) == [
        "alignment",
        "class_alignment",
        "uniformity_audio",
        "uniformity_video",
        "effective_rank_audio",
        "effective_rank_video",
    ]
    assert found["alignment"] == pytest.approx(alignment(audio, video))
    assert found["class_alignment"] == pytest.approx(class_alignment(audio, video, labels))
    assert (found["uniformity_audio"], found["uniformity_video"]) == pytest.approx(
        (uniformity(audio), uniformity(video))
    )
    assert found["effective_rank_audio"] == effective_rank(pooled[0])
    assert found["effective_rank_video"] == effective_rank(pooled[1])
    halves = [array.astype(np.float16) for array in (audio, video, *pooled)]
    assert describe(*halves, labels) == pytest.approx(found, rel=2e-3)


def test_memory_does_not_grow_with_the_pairs():
    rng = np.random.default_rng(0)
    clips, width = 4000, 16
    embeddings = unit(rng.normal(size=(clips, width)))
    labels = np.arange(clips) % 20
    tracemalloc.start()
    try:
        describe(embeddings, embeddings, embeddings, embeddings, labels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < clips**2 * 8 / 4  # all distances at once would take four times as much
