import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from avbench.config.evaluation import KnnSettings
from avbench.core.errors import UserError
from avbench.evaluation import knn as module
from avbench.evaluation.knn import knn, leave_one_out


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
    assert found.predictions.tolist() == expected.tolist()
    assert neighbours > 50 or (found.predictions == truth).mean() > 0.4  # chance is 0.17
    assert found.classes.tolist() == peer.classes_.tolist()
    np.testing.assert_allclose(found.shares, peer.predict_proba(queries.astype(float)), atol=1e-5)


def test_the_size_of_the_blocks_changes_nothing(clips, monkeypatch):
    training, labels, queries, _ = clips
    whole = knn(training, labels, queries, KnnSettings())
    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * len(training) * 7)
    parts = knn(training, labels, queries, KnnSettings())
    assert parts.predictions.tolist() == whole.predictions.tolist()
    np.testing.assert_allclose(parts.shares, whole.shares, atol=1e-5)


def test_a_low_temperature_lets_the_nearest_decide(clips):
    training, labels, queries, _ = clips
    nearest, many = (knn(training, labels, queries, KnnSettings(*given)) for given in ((1,), (50, 1e-5)))
    assert many.predictions.tolist() == nearest.predictions.tolist()


def test_features_of_nothing_but_zeros_are_far_from_all():
    training = np.array([[0, 0], [1, 1]], np.float32)
    found = knn(training, np.array(["a", "b"]), np.array([[2, 2]], np.float32), KnnSettings(1))
    assert found.predictions.tolist() == ["b"]


def test_more_neighbours_than_training_clips_are_refused_by_the_keys_name(clips):
    training, labels, queries, _ = clips
    with pytest.raises(UserError, match=r"evaluation\.knn\.neighbours: 201 is more than the 200 .* task 'tau'"):
        knn(training, labels, queries, KnnSettings(201), "tau")


@pytest.mark.parametrize("block_bytes", [1, 4 * 60 * 7, 64e6])
def test_leaving_one_out_asks_all_others_about_each_clip(clips, monkeypatch, block_bytes):
    _, _, features, labels = clips
    settings = KnnSettings(5, 0.07)
    right = 0
    for clip in range(len(features)):
        others = np.arange(len(features)) != clip
        said = knn(features[others], labels[others], features[clip : clip + 1], settings).predictions
        right += said[0] == labels[clip]
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    assert leave_one_out(features, labels, settings) == right / len(features)
    assert 0.2 < right / len(features) < 1  # chance is 0.17


def test_leaving_one_out_takes_half_precision_and_nobody_votes_for_itself():
    features = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1]], np.float16)
    assert leave_one_out(features, ["a", "a", "b", "b"], KnnSettings(1)) == 1
    assert leave_one_out(features, ["a", "b", "a", "b"], KnnSettings(1)) == 0
    with pytest.raises(UserError, match=r"evaluation\.knn\.neighbours: 4 is more than the 3 other clips"):
        leave_one_out(features, ["a", "a", "b", "b"], KnnSettings(4))
