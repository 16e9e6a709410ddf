import os
import shutil
import sys
from pathlib import Path

import pytest

from avbench.plan.software import share


@pytest.mark.parametrize("path", ["/usr/bin:/bin", None])
def test_jobs_start_the_python_that_plans(monkeypatch, tmp_path, path):
    monkeypatch.setenv("AVBENCH_CHECKOUT", "elsewhere")
    monkeypatch.setenv("PATH", path or "")
    if path is None:
        monkeypatch.delenv("PATH")
    share(tmp_path)
    assert Path(shutil.which("python") or "").parent == Path(sys.executable).parent
    assert os.environ["PATH"].endswith(path or os.defpath)
    assert os.environ["AVBENCH_CHECKOUT"] == str(tmp_path)
