"""Reading arrays that an earlier job has kept."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from avbench.core import seals
from avbench.core.errors import UserError

_DAMAGED = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)


class Arrays:
    """Arrays by name, each read when it is asked for; their checksums are checked then.

    Attributes:
        names: of all arrays.
    """

    def __init__(self, path: Path, opened: np.lib.npyio.NpzFile) -> None:
        self._path, self._opened = path, opened
        self.names = list(opened.files)

    def __getitem__(self, name: str) -> np.ndarray:
        """Read an array.

        Raises:
            UserError: it is damaged or not there.
        """
        try:
            return self._opened[name]
        except _DAMAGED as error:
            raise _damaged(self._path, error) from error


@contextmanager
def open_arrays(path: str | Path) -> Iterator[Arrays]:
    """Open a ``.npz`` file.

    Raises:
        UserError: it is missing or damaged.
    """
    path = Path(path)
    try:
        opened = np.load(path)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. {seals.again(path)}") from None
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    with opened:
        yield Arrays(path, opened)


def _damaged(path: Path, error: Exception) -> UserError:
    said = str(error).partition("\n")[0][:200].rstrip(".")
    return UserError(f"{path} is damaged ({type(error).__name__}: {said}). {seals.again(path)}")
