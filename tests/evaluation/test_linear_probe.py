"""The probe against scikit-learn used plainly, and what it must never see."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from avbench.config.evaluation import LinearSettings
from avbench.evaluation import linear_probe as linear_probe_module
from avbench.evaluation.linear_probe import linear_probe

SETTINGS = LinearSettings(strengths=(0.01, 0.1, 1.0), max_iterations=2000, tolerance=1e-5)


@pytest.fixture
def clips():
    """Five classes around random centres, with useless dimensions of a large scale."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 40)
    features = rng.normal(size=(5, 12))[labels] * 0.7 + rng.normal(size=(200, 12))
    features = np.hstack([features, 100 + 50 * rng.normal(size=(200, 4))]).astype(np.float32)
    split = np.array(["train", "train", "validation", "test"] * 50)
    return features, np.array([f"class {label}" for label in labels]), split


def test_equal_to_the_best_of_plain_fits(clips):
    features, labels, split = clips
    train, validation, test = (split == name for name in ("train", "validation", "test"))
    plain = {}
    for strength in SETTINGS.strengths:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000))
        model.fit(features[train], labels[train])
        plain[strength] = (model.score(features[validation], labels[validation]), model.predict(features[test]))
    found = linear_probe(features, labels, split, SETTINGS)
    assert found.strength == max(plain, key=lambda strength: plain[strength][0])
    assert found.validation_accuracy == plain[found.strength][0]
    assert found.predictions.tolist() == plain[found.strength][1].tolist()
    assert found.converged


@pytest.mark.parametrize("classes", [5, 2])
def test_scores_are_the_logarithms_of_the_probabilities(clips, classes):
    features, labels, split = clips
    some = np.isin(labels, [f"class {code}" for code in range(classes)])
    features, labels, split = features[some], labels[some], split[some]
    train, test = split == "train", split == "test"
    found = linear_probe(features, labels, split, LinearSettings(strengths=(0.1,)))
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(features[train], labels[train])
    assert found.classes.tolist() == plain.classes_.tolist()
    np.testing.assert_allclose(found.scores, plain.predict_log_proba(features[test]), atol=1e-3)
    assert found.classes[found.scores.argmax(1)].tolist() == found.predictions.tolist()


def test_test_labels_choose_nothing(clips):
    features, labels, split = clips
    shuffled = labels.copy()
    shuffled[split == "test"] = "class 0"
    a, b = linear_probe(features, labels, split, SETTINGS), linear_probe(features, shuffled, split, SETTINGS)
    assert (a.strength, a.validation_accuracy) == (b.strength, b.validation_accuracy)
    assert a.predictions.tolist() == b.predictions.tolist()


def plainly(clips, strengths):
    """The validation accuracy of a plain fit of each strength."""
    features, labels, split = clips
    train, validation = split == "train", split == "validation"
    fits = [make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000)) for c in strengths]
    return [fit.fit(features[train], labels[train]).score(features[validation], labels[validation]) for fit in fits]


@pytest.mark.parametrize(
    ("tried", "strengths", "edge"),
    [
        ([0.5, 0.4], 2, "lowest"),
        ([0.5, 0.5], 2, ""),  # stronger still would do as well
        ([0.4, 0.5], 2, "highest"),
        ([0.4, 0.5, 0.4], 3, ""),
        ([0.5, 0.4, 0.3], 7, "lowest"),
        ([0.5], 1, ""),  # nothing was chosen
    ],
)
def test_at_which_edge_the_best_strength_lies(tried, strengths, edge):
    assert linear_probe_module._edge(tried.index(max(tried)), tried, strengths) == edge


def test_narrow_grids_end_where_the_default_one_does_not(clips):
    edges = {(0.01, 0.1): "highest", (0.1, 1.0): "lowest", (0.1,): "", LinearSettings().strengths: ""}
    for strengths, edge in edges.items():
        found = linear_probe(*clips, LinearSettings(strengths=strengths))
        assert (found.strength, found.edge) == (0.1, edge)


def test_the_search_ends_once_two_weaker_regularisations_in_a_row_do_worse(clips, monkeypatch):
    fitted, plain = [], LogisticRegression.fit

    def fit(model, *arguments):
        fitted.append(model.C)
        return plain(model, *arguments)

    monkeypatch.setattr(LogisticRegression, "fit", fit)
    found = linear_probe(*clips, LinearSettings(max_iterations=2000, tolerance=1e-6))
    monkeypatch.undo()
    grid = list(LinearSettings().strengths)
    accuracies = plainly(clips, grid)
    stop = next(k for k in range(2, len(grid)) if max(accuracies[k - 1 : k + 1]) < max(accuracies[: k - 1]))
    assert fitted == grid[: stop + 1] != grid
    assert found.validation_accuracy == max(accuracies[: stop + 1])


def test_features_without_information_score_chance():
    rng = np.random.default_rng(1)
    labels = np.array(["a", "b", "c", "d"] * 300)
    split = np.array((["train"] * 4 + ["validation"] * 4 + ["test"] * 4) * 100)
    found = linear_probe(rng.normal(size=(1200, 8)).astype(np.float32), labels, split, SETTINGS)
    assert abs((found.predictions == labels[split == "test"]).mean() - 0.25) < 0.09


def test_a_solver_that_is_stopped_says_so(clips):
    assert not linear_probe(*clips, LinearSettings(strengths=(100.0,), max_iterations=2)).converged
