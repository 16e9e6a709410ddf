"""Features that somebody else computed: files, windows, what is refused."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from avbench.config.models import settings_of
from avbench.core.errors import UserError
from avbench.features.given_features import GivenFeatures, given_features, given_statistics


def test_windows_of_a_clip_in_either_kind_of_file(tmp_path):
    values = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
    np.savez(tmp_path / "a.npz", clip_id=np.array(["c", "a", "b"]), features=values)
    rows = {"clip_id": ["c", "c", "a", "a", "b", "b"], "features": values.reshape(6, 3).tolist()}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    for name in ("a.npz", "a.parquet"):
        given = GivenFeatures(tmp_path / name)
        places = given.places(["b", "c"])
        found, count = given.windows(places)
        assert np.array_equal(found, values[[2, 0]].reshape(4, 3))
        assert count.tolist() == [2, 2]
        assert np.array_equal(given.window(places, np.array([0.0, 0.6])), values[[2, 0], [0, 1]])
        assert np.array_equal(given.window(places, np.array([1.0, 0.49])), values[[2, 0], [1, 0]])
        assert set(given.clip_ids) == {"a", "b", "c"}


def test_a_clip_may_have_any_number_of_windows(tmp_path):
    np.savez(tmp_path / "a.npz", clip_id=np.array(["a", "b", "a", "a"]), features=np.arange(4.0)[:, None])
    given = GivenFeatures(tmp_path / "a.npz")
    found, count = given.windows(given.places(["b", "a"]))
    assert (found[:, 0].tolist(), count.tolist()) == ([1, 0, 2, 3], [1, 3])
    shares = np.array([0.0, 0.4, 0.99])
    assert given.window(given.places(["a"] * 3), shares)[:, 0].tolist() == [0, 2, 3]


def test_statistics_are_those_of_the_clips_that_are_trained_on(tmp_path):
    values = np.random.default_rng(0).normal(size=(5, 2, 4))
    np.savez(tmp_path / "d-a.npz", clip_id=np.array(list("abcde")), features=values)
    one = {"features": f"{tmp_path}/{{dataset}}-a.npz"}
    given = given_features(settings_of({"audio": one, "video": "small"}), "d")
    found = given_statistics(given, ["a", "c"])
    assert found.keys() == {"audio"}
    np.testing.assert_allclose(found["audio"]["std"], values[[0, 2]].reshape(4, 4).std(0), rtol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"clip_id": ["a"]}, "features is not a file in the archive"),
        ({"clip_id": ["a"], "features": [[np.nan]]}, "infinite or not a number"),
        ({"clip_id": ["a", "b"], "features": [[1.0]]}, r"clip_id has the shape \(2,\), features \(1, 1\)"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, arrays, told):
    np.savez(tmp_path / "a.npz", **{name: np.array(value) for name, value in arrays.items()})
    with pytest.raises(UserError, match=told):
        GivenFeatures(tmp_path / "a.npz")


def test_missing_files_and_clips_are_named(tmp_path):
    with pytest.raises(UserError, match="b.npz does not exist"):
        GivenFeatures(tmp_path / "b.npz")
    np.savez(tmp_path / "a.npz", clip_id=np.array(["a"]), features=np.zeros((1, 2)))
    with pytest.raises(UserError, match="has no features of 2 of 3 clips, for example 'x'"):
        GivenFeatures(tmp_path / "a.npz").places(["a", "x", "y"])
