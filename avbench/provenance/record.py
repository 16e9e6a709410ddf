"""What a file was made of and by: digests, versions, commit, hardware, time and energy.

A record names no person and no machine: paths are relative to the folder that the job ran in.
"""

import functools
import itertools
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import avbench
from avbench.core import seals
from avbench.core.errors import UserError
from avbench.core.files import read_json, write_json
from avbench.core.hashing import file_digest
from avbench.provenance import energy

FILE = "provenance.json"  # beside scores
FOLDER = "provenance"  # of an experiment: the records of its tables, and of labels that a model made
SOURCE = Path(avbench.__file__).resolve().parents[1]
_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pandas", "pyarrow", "av", "simplejpeg", "scikit-learn")
_DRIVER = Path("/proc/driver/nvidia/version")
_started = time.monotonic()
_meter = energy.Meter()


def begin(further: bool = False) -> None:
    """Start the clock and the energy counters of this job, or of a further run in the same process.

    Without it time counts from the import of this module, and energy is estimated.

    Args:
        further: leave out the processor time that this process has taken up to now, its start among it.
    """
    global _started, _meter
    _started = time.monotonic()
    _meter = energy.Meter(energy.processor_counters(), energy.gpu_counters(), energy.cpu_seconds() if further else 0.0)


def stamp(inputs: Iterable[str | Path]) -> dict[str, Any]:
    """Describe the software, the machine, what the job took so far, and its input files.

    Returns:
        ``avbench``, ``commit`` (``+changes`` where the source differs from it), ``python``, ``packages``; ``machine``,
        ``system``, ``processor``, ``cores`` that may be used, ``memory_gb``, ``gpus`` in use, their ``driver`` and
        ``cuda``; ``ended`` (UTC), ``seconds``, ``cpu_seconds`` and ``energy``
        (:meth:`avbench.provenance.energy.Meter.describe`) of this process since :func:`begin`; ``inputs``: the SHA-256
        of each.
    """
    return {
        "avbench": avbench.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": dict(_versions()),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        **(gpus := _gpus()),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - _started, 1),
        "cpu_seconds": round(energy.cpu_seconds() - _meter.cpu_s, 1),
        "energy": _meter.describe(gpu_used=bool(gpus["gpus"])),
        "inputs": digests(inputs),
    }


def record(
    path: Path,
    inputs: Iterable[str | Path],
    outputs: Iterable[str | Path],
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write how files came to be: ``settings``, the SHA-256 of all ``outputs``, and ``provenance``, a :func:`stamp`.

    Args:
        path: the JSON file to write. A job that writes several says in each what the whole job took so far.
        inputs: the files that the outputs were made from.
        outputs: the files that it is about, finished.
        settings: whatever else decides them.
    """
    write_json(path, {"settings": dict(settings or {}), "outputs": digests(outputs), "provenance": stamp(inputs)})


def folder_of(output: Path, kind: str, depth: int = 1) -> Path:
    """Return the folder of an experiment's records, ``provenance``, which lies beside the folder that holds a file.

    Args:
        output: the file.
        kind: the name of the experiment's folder that holds it.
        depth: how many folders it is in, from that one on. A file that is elsewhere, as where a verb is called by hand,
            has its record in a folder beside it.
    """
    above = output.parents
    return (above[depth] if len(above) > depth and above[depth - 1].name == kind else output.parent) / FOLDER


def require_recorded(path: str | Path) -> None:
    """Check a file against the record beside it, if there is one that tells of it.

    Raises:
        UserError: it is not what was written; names the file and the command that makes it again.
    """
    path = Path(path)
    beside = path.with_name(FILE)
    if not (path.is_file() and beside.is_file()):
        return
    record = read_json(beside)
    outputs = record.get("outputs") if isinstance(record, dict) else None
    if not isinstance(outputs, dict):
        raise UserError(f"{beside} is no record of provenance: it was damaged or edited. {seals.again(beside)}")
    told = [digest for name, digest in outputs.items() if name.rpartition("/")[2] == path.name]
    if told and file_digest(path) not in told:
        raise UserError(f"{path} is not what {FILE} beside it says: it was damaged or edited. {seals.again(path)}")


def digests(paths: Iterable[str | Path]) -> dict[str, str]:
    """Return the SHA-256 of files, by their names: relative to the working folder, or else to the source tree.

    Of a file outside both only the last part of its name is kept, since folders may be named after people; where
    another file has that name already, a number follows it.
    """
    named: dict[str, str] = {}
    taken: dict[str, Path] = {}
    for path in map(Path, paths):
        name = known = recorded_name(path)
        for number in itertools.count(2):
            if os.path.abspath(taken.setdefault(known, path)) == os.path.abspath(path):
                break
            known = f"{name} ({number})"
        named[known] = file_digest(path)
    return named


def recorded_name(path: str | Path) -> str:
    """Return how records name a file, see :func:`digests`."""
    absolute = Path(os.path.abspath(path))
    for folder in (Path.cwd(), SOURCE):
        if absolute.is_relative_to(folder):
            return absolute.relative_to(folder).as_posix()
    return absolute.name


@functools.cache
def _commit() -> str | None:
    """Return the commit of the source tree, with ``+changes`` when files differ from it; None outside a checkout."""
    if not (SOURCE / ".git").exists():
        return None  # installed, perhaps inside of somebody else's repository
    command = ["git", "-C", str(SOURCE), "describe", "--always", "--abbrev=40", "--dirty=+changes", "--match="]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    """Return the versions of the packages that decide numbers; a conda environment may lack one."""
    found = []
    for name in _PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _gpus() -> dict[str, Any]:
    """Return the GPUs that this process uses, the driver's version, and that of PyTorch's CUDA."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {"gpus": [], "driver": None, "cuda": None}
    found = [torch.cuda.get_device_properties(place) for place in range(torch.cuda.device_count())]
    gpus = [{"name": gpu.name, "memory_gb": round(gpu.total_memory / 2**30, 1)} for gpu in found]
    return {"gpus": gpus, "driver": _driver(), "cuda": torch.version.cuda}


def _driver(file: Path = _DRIVER) -> str | None:
    """Return the version of NVIDIA's kernel driver; None where the system does not tell."""
    try:
        first, *_ = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    version = re.search(r"\b\d+\.\d+(?:\.\d+)?\b", first)
    return version[0] if version else None
