"""The layers of the package: import-linter, as ``make lint`` runs it, refuses what breaks them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT


def check(folder: Path) -> subprocess.CompletedProcess:
    """Check the copy of the package in a folder."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "avbench", tmp_path / "avbench", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(folder: Path, module: str, line: str) -> None:
    path = folder / "avbench" / module
    path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")


def test_the_package_keeps_its_layers(copy):
    found = check(copy)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("core/rng.py", "from avbench.data import manifest\n", "Imports run downwards"),
        ("data/store.py", "def late():\n    from avbench.results import claims\n", "Imports run downwards"),
        ("models/blocks.py", "if TYPE_CHECKING:\n    from avbench.pretraining import loop\n", "Imports run downwards"),
        ("core/hashing.py", "from avbench.core import files, rng\n", "No circle"),
    ],
)
def test_an_import_upwards_or_in_a_circle_is_refused(copy, module, line, contract):
    plant(copy, module, line)
    if contract == "No circle":
        plant(copy, "core/files.py", "from avbench.core import hashing\n")
    found = check(copy)
    assert found.returncode == 1
    broken = [text for text in found.stdout.splitlines() if text.endswith("BROKEN")]
    assert any(text.startswith(contract) for text in broken), found.stdout
