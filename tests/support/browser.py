"""A browser on this machine that looks at HTML files, and what may not happen in it."""

import shutil
import subprocess
from pathlib import Path

from tests.support.paths import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# No room of its own on the screen, nothing looked up in the background; as root, Chromium cannot shut itself in.
OPTIONS = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def axe() -> str | None:
    """The code of axe-core, if npm has installed it here or for all."""
    folders = [ROOT / "node_modules"]
    if npm := shutil.which("npm"):
        told = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=False)
        folders.append(Path(told.stdout.strip() or "/nowhere"))
    found = [path for folder in folders if (path := folder / "axe-core" / "axe.min.js").is_file()]
    return found[0].read_text(encoding="utf-8") if found else None
