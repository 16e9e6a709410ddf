import numpy as np

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
