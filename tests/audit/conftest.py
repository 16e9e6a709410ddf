"""A finished experiment in miniature for each test."""

import contextlib
import shutil
from pathlib import Path

import pytest

from tests.support import recorded


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The folder that it was written in; no test changes it."""
    folder = tmp_path_factory.mktemp("written")
    with contextlib.chdir(folder):
        recorded.write_experiment()
    return folder


@pytest.fixture
def results(written, tmp_path, monkeypatch):
    """An experiment of its own for each test, in the working folder."""
    monkeypatch.chdir(shutil.copytree(written, tmp_path / "project"))
    return Path("results/tiny")
