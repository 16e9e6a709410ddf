import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from avbench import knn as module
from avbench.errors import UserError
from avbench.knn import KnnSettings, knn


@pytest.fixture
def clips():
    """Six overlapping classes, whose features differ in length too."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 6, 260)
    features = rng.normal(size=(6, 16))[codes] * 0.6 + rng.normal(size=(260, 16))
    features = (features * rng.uniform(0.1, 10, (260, 1))).astype(np.float32)
    labels = np.array([f"class, {code}" for code in codes])
    return features[:200], labels[:200], features[200:], labels[200:]


@pytest.mark.parametrize("neighbours", [1, 7, 20, 200])
def test_votes_like_scikit_learn_with_the_same_weights(clips, neighbours):
    training, labels, queries, truth = clips
    peer = KNeighborsClassifier(neighbours, metric="cosine", weights=lambda distance: np.exp((1 - distance) / 0.07))
    expected = peer.fit(training.astype(float), labels).predict(queries.astype(float))
    found = knn(training, labels, queries, KnnSettings(neighbours, 0.07))
    assert found.tolist() == expected.tolist()
    assert neighbours > 50 or (found == truth).mean() > 0.4  # chance is 0.17


def test_the_size_of_the_blocks_changes_nothing(clips, monkeypatch):
    training, labels, queries, _ = clips
    whole = knn(training, labels, queries, KnnSettings())
    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * len(training) * 7)
    assert knn(training, labels, queries, KnnSettings()).tolist() == whole.tolist()


def test_a_low_temperature_lets_the_nearest_decide(clips):
    training, labels, queries, _ = clips
    nearest = knn(training, labels, queries, KnnSettings(1))
    assert knn(training, labels, queries, KnnSettings(50, temperature=1e-5)).tolist() == nearest.tolist()


def test_features_of_nothing_but_zeros_are_far_from_all():
    training = np.array([[0, 0], [1, 1]], np.float32)
    assert knn(training, np.array(["a", "b"]), np.array([[2, 2]], np.float32), KnnSettings(1)).tolist() == ["b"]


def test_more_neighbours_than_training_clips_are_refused_by_the_keys_name(clips):
    training, labels, queries, _ = clips
    with pytest.raises(UserError, match=r"evaluation\.knn\.neighbours: 201 is more than the 200 .* task 'tau'"):
        knn(training, labels, queries, KnnSettings(201), "tau")
