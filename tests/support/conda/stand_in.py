"""A stand-in for conda, which cannot be had everywhere: it knows what Snakemake asks of conda, and nothing else.

An environment is a venv of the Python that runs this file, whatever version the environment's file names. Into it go
links to the installed files of the distributions that are listed under pip, and of what these require; nothing else
that is installed here can be imported there. There is no solver, no channel and no download: what is not installed
here in the listed version is refused as by pip. Commands that packages bring, and where compiled libraries find one
another, are not imitated.
"""

import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path, PurePath

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ACTIVATE = """# source activate ENVIRONMENT
export CONDA_PREFIX="$1"
export PATH="$1/bin:$PATH"
"""


def install(prefix: Path) -> Path:
    """Write ``conda`` and ``activate``; return the folder that PATH has to name."""
    programs = prefix / "bin"
    programs.mkdir(parents=True)
    (programs / "conda").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{prefix}" "$@"\n')
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text(_ACTIVATE)
    return programs


def create(file: Path, prefix: Path) -> None:
    """Make the environment that a file describes; exit like pip or conda where that cannot be."""
    listed = []
    for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"]:
        if isinstance(entry, dict):
            listed += entry["pip"]
        elif entry.split()[0] not in ("python", "pip"):
            sys.exit(f"PackagesNotFoundError: the stand-in has no conda packages: {entry}")
    needed = requirements(map(Requirement, listed))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    (packages,) = prefix.glob("lib/python*/site-packages")
    shared = _shared_folders()
    for distribution in needed:
        for path in dict.fromkeys(_largest(path, shared) for path in _files(distribution)):
            link = packages / path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(distribution.locate_file(path))


def requirements(listed: Iterable[Requirement]) -> list[metadata.Distribution]:
    """Return the installed distributions that meet requirements, and theirs in turn."""
    found: dict[tuple[str, frozenset[str]], metadata.Distribution] = {}
    queue = list(listed)
    while queue:
        wanted = queue.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in found:
            continue
        try:
            found[key] = metadata.distribution(wanted.name)
        except metadata.PackageNotFoundError:
            sys.exit(f"ERROR: No matching distribution found for {wanted}")
        if not wanted.specifier.contains(found[key].version, prereleases=True):
            sys.exit(
                f"ERROR: Could not find a version that satisfies the requirement {wanted} "
                f"(from versions: {found[key].version})"
            )
        for line in found[key].requires or ():
            needs = Requirement(line)
            if needs.marker is None or any(needs.marker.evaluate({"extra": e}) for e in ("", *wanted.extras)):
                queue.append(needs)
    return list({name: distribution for (name, _), distribution in found.items()}.values())


def _files(distribution: metadata.Distribution) -> Iterator[PurePath]:
    """Yield the files that lie in site-packages."""
    for path in distribution.files or ():
        if path.parts[0] not in ("..", "__pycache__"):
            yield PurePath(path)


def _shared_folders() -> set[PurePath]:
    """Return the folders in which several of the distributions installed here have files."""
    seen, shared = set(), {PurePath(".")}
    for distribution in metadata.distributions(path=[sysconfig.get_path("purelib")]):
        own = {folder for path in _files(distribution) for folder in path.parents}
        shared |= own & seen
        seen |= own
    return shared


def _largest(path: PurePath, shared: set[PurePath]) -> PurePath:
    """Return the outermost folder of a file that is one distribution's alone, or the file."""
    return next((folder for folder in reversed(path.parents) if folder not in shared), path)


def main(prefix: str, *arguments: str) -> None:
    """Answer one call."""
    match arguments:
        case ["info", "--json"]:
            print(json.dumps({"conda_prefix": prefix, "platform": "linux-64", "conda_version": "25.3.1"}))
        case ["--version"]:
            print("conda 25.3.1")
        case ["config", "--get", "channel_priority", "--json"]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", "--quiet", "--no-default-packages", "--file", file, "--prefix", place]:
            create(Path(file), Path(place))
        case ["clean", "-y", "--tarballs"]:
            pass  # there are none
        case _:
            sys.exit(f"the stand-in for conda does not know: {' '.join(arguments)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
