import numpy as np
import pandas as pd
import pytest

from avbench.results import bootstrap
from avbench.results.by_class import gains


def outcomes(correct, labels):
    """Predictions of seeds × clips."""
    seeds, clips = np.indices(correct.shape)
    return pd.DataFrame(
        {
            "seed": seeds.ravel(),
            "clip_id": [f"clip {k}" for k in clips.ravel()],
            "label": np.array(labels)[clips.ravel()],
            "correct": correct.ravel().astype(float),
        }
    )


def test_gains_are_paired_by_seed_and_clip_whatever_their_order():
    random = np.random.default_rng(0)
    labels = list(np.repeat(["gong", "horn, muted", "bell"], [30, 40, 50]))
    ours, theirs = (random.random((3, 120)) < share for share in (0.7, 0.5))
    shuffled = outcomes(theirs, labels).sample(frac=1, random_state=0)
    table = gains(outcomes(ours, labels), shuffled).set_index("label")
    assert table["clips"].to_dict() == {"gong": 30, "horn, muted": 40, "bell": 50}
    for label in table.index:
        members = sorted((k for k in range(120) if labels[k] == label), key=lambda k: f"clip {k}")
        difference = (ours.astype(float) - theirs)[:, members]
        expected = bootstrap.bootstrap({"class": difference})
        row = table.loc[label]
        assert row["gain"] == pytest.approx(difference.mean())
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((max(expected.low, -1), min(expected.high, 1)))
    assert table["gain"].is_monotonic_decreasing


def test_only_seeds_and_clips_of_both_count():
    labels = ["gong"] * 4
    ours = outcomes(np.array([[1, 1, 0, 0], [1, 1, 1, 1]]), labels)
    theirs = outcomes(np.array([[0, 0, 0, 0]]), labels)
    table = gains(ours, theirs[theirs["clip_id"] != "clip 3"])
    assert table["clips"].tolist() == [3]
    assert table["gain"].tolist() == pytest.approx([2 / 3])


def band(ours, labels):
    table = gains(outcomes(ours, labels), outcomes(np.zeros_like(ours), labels))
    return ((table["gain"] < table["dealt_low"]) | (table["gain"] > table["dealt_high"])).mean()


def test_the_band_holds_gains_that_do_not_depend_on_the_class():
    random = np.random.default_rng(1)
    labels = list(np.repeat([f"class {k}" for k in range(40)], 20))
    assert band(random.random((1, 800)) < 0.4, labels) < 0.3
    # and not those that do
    share = np.repeat(np.linspace(0, 1, 40), 20)
    assert band(random.random((1, 800)) < share, labels) > 0.8
