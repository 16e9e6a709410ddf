"""Folders that tests read from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
SHARED = ROOT.parent / "shared"  # not part of the project: what is in it is used where it is there
