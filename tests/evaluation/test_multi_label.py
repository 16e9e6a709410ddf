"""Probes and neighbours of clips with several labels, against scikit-learn used plainly and a loop."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from avbench.config.evaluation import OF_SETS, PROTOCOLS, KnnSettings, LinearSettings
from avbench.core.errors import UserError
from avbench.data.label_sets import joined
from avbench.evaluation.knn import neighbour_votes
from avbench.evaluation.multi_label import Clips, evaluate, one_vs_rest

STRENGTHS = (0.01, 0.1, 1.0)
PROBE = {"strengths": list(STRENGTHS), "max_iterations": 2000}


@pytest.fixture
def material():
    """Clips with one to three of four labels, each of which moves the features its own way."""
    rng = np.random.default_rng(1)
    truth = rng.random((320, 4)) < 0.35
    truth[np.arange(320), rng.integers(0, 4, 320)] = True
    features = truth @ rng.normal(size=(4, 10)) + 1.5 * rng.normal(size=(320, 10))
    names = np.array(["bark", "engine, idling", "rain", "siren"])
    labels = np.array([joined(names[row]) for row in truth])
    split = np.array(["train", "train", "validation", "test"] * 80)
    return Clips.of(labels, split), features.astype(np.float32), truth


def test_the_probe_is_one_against_the_rest_with_the_strength_of_the_best_validation(material):
    clips, features, truth = material
    assert (clips.truth == truth).all()
    train, validation, test = (clips.split == name for name in ("train", "validation", "test"))
    scaled, plain = StandardScaler().fit(features[train]).transform(features), {}
    for strength in STRENGTHS:
        model = OneVsRestClassifier(LogisticRegression(C=strength, max_iter=5000, tol=1e-6))
        odds = model.fit(scaled[train], truth[train]).decision_function(scaled)
        plain[strength] = (average_precision_score(truth[validation], odds[validation]), odds[test])
    best = one_vs_rest(clips, features, LinearSettings(strengths=STRENGTHS, max_iterations=2000, tolerance=1e-6))
    assert best.strength == max(plain, key=lambda strength: plain[strength][0])
    np.testing.assert_allclose(best.fit.scores(features[test]), plain[best.strength][1], atol=2e-3)
    found = {one.protocol: one for one in evaluate("sounds", clips, features, "audio", {"linear": PROBE})}
    odds = plain[best.strength][1]
    assert found["linear-map"].correct.mean() == pytest.approx(average_precision_score(truth[test], odds), abs=1e-3)
    assert found["linear-auc"].correct.mean() == pytest.approx(roc_auc_score(truth[test], odds), abs=1e-3)
    assert {one.precision for one in found.values()} == {found["linear-map"].correct.mean()}
    assert found["linear-map"].fitted["strength"] == best.strength
    said = found["linear-map"].prediction
    assert said[0] == joined(np.array(clips.classes)[best.fit.scores(features[test])[0] >= 0])


def test_neighbours_vote_for_each_label(material):
    clips, features, truth = material
    train, test = clips.split == "train", clips.split == "test"
    settings = KnnSettings(neighbours=7, temperature=0.2)
    shares = neighbour_votes(features[train], truth[train], features[test], settings)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    for row, query in enumerate(unit[test].astype(np.float64)):
        near = np.argsort(-(unit[train] @ query))[:7]
        votes = np.exp((unit[train][near] @ query) / 0.2)
        np.testing.assert_allclose(shares[row], votes @ truth[train][near] / votes.sum(), atol=1e-5)
    found = evaluate("sounds", clips, features, "audio", {"knn": {"neighbours": 7}})
    assert [one.protocol for one in found] == ["knn-map", "knn-auc"]


def test_a_label_that_all_training_clips_have_is_not_learnt(material):
    clips, features, _ = material
    truth = clips.truth.copy()
    truth[clips.split == "train", 2] = True
    best = one_vs_rest(Clips(clips.classes, truth, clips.split), features, LinearSettings(strengths=(0.1,)))
    scores = best.fit.scores(features)
    assert (scores[:, 2] == 0).all()
    assert (scores[:, [0, 1, 3]] != 0).all()


def test_every_score_of_sets_is_shown_by_its_protocol():
    shown = {score for protocol in PROTOCOLS.values() if protocol.sets for score in protocol.display}
    assert set(OF_SETS) == {"linear-map", "linear-auc", "knn-map", "knn-auc"}
    assert set(OF_SETS) < shown


@pytest.mark.parametrize(("split", "protocol"), [("validation", "linear"), ("test", "linear"), ("test", "knn")])
def test_clips_of_the_same_labels_cannot_be_ranked(split, protocol):
    labels = np.array(["bark", "rain", "bark;rain"] * 4)
    splits = np.array(["train", "validation", "test"]).repeat(4)
    labels[splits == split] = "bark"
    features = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    settings = {"linear": PROBE, "knn": {"neighbours": 2}}[protocol]
    with pytest.raises(UserError, match=f"task sounds: its 4 {split} clips have the same labels"):
        list(evaluate("sounds", Clips.of(labels, splits), features, "audio", {protocol: settings}))
