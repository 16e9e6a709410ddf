"""What a user's code touches while it is tried: global generators of random numbers, and files."""

import contextlib
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_OWN_FILES = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), "/proc", "/sys", "/dev", "/usr", "/lib")
_watched: dict[str, list[str]] = {}
_hooked: list[bool] = []


def global_state(seed: int | None = None) -> str:
    """Return the state of the global generators, seeded before on request."""
    if seed is not None:
        random.seed(seed)
        np.random.seed(seed)  # it is the global one that is watched
    state = [repr(random.getstate()), repr(np.random.get_state()[1:])]
    if "torch" in sys.modules:
        if seed is not None:
            sys.modules["torch"].manual_seed(seed)
        state.append(repr(sys.modules["torch"].get_rng_state().numpy().tobytes()))
    return "".join(state)


@contextlib.contextmanager
def files_opened(code: str) -> Iterator[list[str]]:
    """Watch which files, beside those of Python and of the package, the code of a file opens, or what it calls."""
    if not _hooked:  # a hook stays for good
        sys.addaudithook(_note)
        _hooked.append(True)
    _watched[code] = []
    try:
        yield _watched[code]
    finally:
        del _watched[code]


def _note(event: str, given: Any) -> None:
    if event != "open" or not _watched or not isinstance(given[0], str | bytes | os.PathLike):
        return
    path, frame = os.path.abspath(os.fsdecode(given[0])), sys._getframe()
    # The import system also tries what is no file.
    if path.startswith(_OWN_FILES) or path.endswith(".pyc") or not os.path.isfile(path):
        return
    while frame := frame.f_back:  # type: ignore[assignment]
        code = frame.f_code.co_filename
        if code in _watched and path != os.path.abspath(code):
            _watched[code].append(path)
            return
