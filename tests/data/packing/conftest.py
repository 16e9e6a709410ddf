"""A folder of two clips and their manifest."""

import pytest

from tests.support import media_files as files
from tests.support.packing import write_rows


@pytest.fixture
def two(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        files.ordinary(tmp_path / name)
    write_rows(tmp_path, [(name, name, 0.0, 2.0, "x", "train") for name in ("a.mp4", "b.mp4")])
    return tmp_path
