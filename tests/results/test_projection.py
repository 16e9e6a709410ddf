import numpy as np
import pytest

from avbench.core.errors import NothingToShowError
from avbench.results.projection import COLOURED, choose, project

LABELS = [f"class {k % 40:02d}" for k in range(800)]
CLIPS = [f"clip {k}" for k in range(800)]


def test_all_clips_of_coloured_classes_come_first():
    places, coloured = choose(LABELS, CLIPS, 400)
    assert len(coloured) == COLOURED
    assert coloured[0] == "class 00"
    assert coloured[-1] == "class 39"
    shown = [LABELS[place] for place in places]
    assert all(shown.count(label) == 20 for label in coloured)
    assert len(shown) == 400
    assert (np.diff(places) > 0).all()


def test_few_clips_are_all_shown():
    places, coloured = choose(["b", "a", "b"], CLIPS[:3])
    assert places.tolist() == [0, 1, 2]
    assert coloured == ["a", "b"]


def test_the_choice_depends_on_ids_and_not_on_their_order():
    places, _ = choose(LABELS, CLIPS, 300)
    backwards, _ = choose(LABELS[::-1], CLIPS[::-1], 300)
    assert {CLIPS[place] for place in places} == {CLIPS[::-1][place] for place in backwards}


def test_clusters_stay_together_and_maps_repeat():
    random = np.random.default_rng(0)
    centres = random.normal(size=(3, 64))
    which = np.arange(90) % 3
    features = (centres[which] + 0.05 * random.normal(size=(90, 64))).astype(np.float32)
    places = project(features)
    assert places.shape == (90, 2)
    np.testing.assert_array_equal(project(features), places)
    distance = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(90)
    assert (which[distance.argmin(axis=1)] == which).all()
    # a clip's loudness is no part of what it is
    louder = features * random.choice([1, 2, 4], (90, 1)).astype(np.float32)
    np.testing.assert_array_equal(project(louder), places)


def degenerate(kind, clips):
    random = np.random.default_rng(0)
    return {
        "constant": np.ones((clips, 32)),
        "zero": np.zeros((clips, 32)),
        "nearly constant": np.ones((clips, 32)) + 1e-9 * random.normal(size=(clips, 32)),
        "scaled": np.ones((clips, 32)) * np.arange(1, clips + 1)[:, None],
        "two": np.eye(2, 32)[np.arange(clips) % 2],
        "nan": np.full((clips, 32), np.nan),
    }[kind].astype(np.float32)


@pytest.mark.parametrize("clips", [1, 2, 3, 8, 60])
@pytest.mark.parametrize("kind", ["constant", "zero", "nearly constant", "scaled", "two", "nan"])
def test_what_cannot_be_told_apart_has_no_map(kind, clips):
    with pytest.raises(NothingToShowError, match=r"can be told apart; a map needs 4|no finite numbers"):
        project(degenerate(kind, clips))


def test_clips_that_cannot_be_told_apart_are_in_one_place():
    features = np.random.default_rng(0).normal(size=(4, 32)).astype(np.float32)
    which = np.array([2, 0, 3, 3, 1, 0, 0, 0, 0, 0])
    places = project(features[which])
    assert places.shape == (10, 2)
    assert np.isfinite(places).all()
    same = (places[:, None] == places).all(axis=2)
    np.testing.assert_array_equal(same, which[:, None] == which)
