"""What tests of downloads from this machine share."""

import pytest

from avbench.data.download import downloader


@pytest.fixture
def impatient(monkeypatch):
    """Try again at once, and ask no proxy."""
    monkeypatch.setattr(downloader, "_BACKOFF_S", 0.01)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
