"""Settings that all tests share."""

import os

from tests.support.paths import ROOT

# One thread a process: tests run side by side, and sums split over threads differ in their last digits.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("avbench", deadline=None, max_examples=60)
settings.load_profile("avbench")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the Snakefile."""
    return ROOT
