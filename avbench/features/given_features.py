"""Features of clips that somebody else computed: read from files, a vector or several windows of each clip."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from avbench.config.models import ModelSettings
from avbench.core.errors import UserError


class GivenFeatures:
    """The features of a dataset's clips in one modality.

    A ``.npz`` file holds ``clip_id``, text (n,), and ``features``, numbers (n, width) or (n, windows, width); a
    ``.parquet`` file a column ``clip_id`` and a column ``features`` of lists. A clip that is in several rows has
    several windows, in the order of the file.

    Attributes:
        values: float32 (rows, width).
    """

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            UserError: it is missing or holds something else.
        """
        self.path = path
        try:
            ids, self.values = _parquet(path) if path.suffix == ".parquet" else _npz(path)
        except FileNotFoundError:
            raise UserError(f"the file of features {path} does not exist.") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} is no file of features: {error}. It needs clip_id, text, and features, numbers: (n, width) or "
                "(n, windows, width)."
            ) from error
        order = np.argsort(ids, kind="stable")
        self.values, ids = self.values[order], ids[order]
        names, self._first, self._count = np.unique(ids, return_index=True, return_counts=True)
        self._place = {str(name): place for place, name in enumerate(names)}

    @property
    def clip_ids(self) -> Collection[str]:
        """The clips that the file has."""
        return self._place.keys()

    def places(self, clip_ids: Sequence[str]) -> np.ndarray:
        """Return where clips are: int64, (n,).

        Raises:
            UserError: some are not in the file.
        """
        if missing := [clip_id for clip_id in clip_ids if clip_id not in self._place]:
            raise UserError(
                f"{self.path} has no features of {len(missing)} of {len(clip_ids)} clips, for example {missing[0]!r}."
            )
        return np.fromiter((self._place[clip_id] for clip_id in clip_ids), np.int64, len(clip_ids))

    def window(self, places: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return the window of each clip that lies at a share, in [0, 1], of its windows: float32 (n, width)."""
        count = self._count[places]
        return self.values[self._first[places] + np.minimum((shares * count).astype(np.int64), count - 1)]

    def windows(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return all windows of clips, float32 (rows, width), and how many each has, int64 (n,)."""
        count = self._count[places]
        rows = np.repeat(self._first[places] - np.cumsum(count) + count, count) + np.arange(count.sum())
        return self.values[rows], count


def _npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        ids, values = arrays["clip_id"].astype(str), arrays["features"]
    if values.ndim == 3 and len(ids) == len(values):
        ids, values = np.repeat(ids, values.shape[1]), values.reshape(-1, values.shape[2])
    return _checked(ids, values)


def _parquet(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["clip_id", "features"])
    ids = np.array(table.column("clip_id").to_pylist(), str)
    return _checked(ids, np.stack([np.asarray(row) for row in table.column("features").to_pylist()]))


def _checked(ids: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if values.ndim != 2 or len(ids) != len(values) or not len(ids):
        raise ValueError(f"clip_id has the shape {ids.shape}, features {values.shape}")
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("features are infinite or not a number")
    return ids, values


def given_features(networks: ModelSettings, dataset: str) -> dict[str, GivenFeatures]:
    """Return the features of a dataset's clips that stand for encoders, by modality; each file is read once.

    Raises:
        UserError: a file is missing or holds something else.
    """
    paths = {name: Path(one.features.replace("{dataset}", dataset)) for name, one in networks.given.items()}
    return {name: _read(path, path.stat().st_mtime_ns if path.exists() else 0) for name, path in paths.items()}


@lru_cache(maxsize=8)
def _read(path: Path, _: int) -> GivenFeatures:
    return GivenFeatures(path)


def given_statistics(given: Mapping[str, GivenFeatures], clip_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return ``mean`` and (population) ``std`` of each number over all windows of clips, by modality."""
    found = {}
    for name, one in given.items():
        values = one.windows(one.places(clip_ids))[0].astype(np.float64)
        found[name] = {"mean": values.mean(0).tolist(), "std": values.std(0).tolist()}
    return found
