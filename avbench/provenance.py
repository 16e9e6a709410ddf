"""What a run was made of: versions, commit, hardware and the digests of its inputs."""

import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import avbench
from avbench.hashing import file_digest

_PACKAGES = ("torch", "numpy", "pandas", "pyarrow", "av", "simplejpeg", "scikit-learn")


def stamp(inputs: Iterable[str | Path]) -> dict[str, Any]:
    """Describe the software, the machine and the input files (SHA-256) of a job."""
    return {
        "avbench": avbench.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "inputs": {str(path): file_digest(path) for path in inputs},
    }


def _commit() -> str | None:
    """Return the commit of the source tree, with ``+changes`` when files differ from it; None outside a checkout."""
    source = Path(avbench.__file__).resolve().parent
    try:
        command = [
            "git",
            "-C",
            str(source),
            "describe",
            "--always",
            "--abbrev=40",
            "--dirty=+changes",
            "--match=",
        ]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
