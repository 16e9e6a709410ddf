"""What to do about a file that is not as it was: commands that make it again, and it alone."""

from pathlib import Path


def named(path: Path, results: Path) -> str:
    """Return a file's name relative to the folder above ``results``."""
    above = results.parent.parent
    return path.relative_to(above).as_posix() if path.is_relative_to(above) else path.name


def is_ours(path: Path, results: Path) -> bool:
    """Return whether the workflow makes a file: those below ``results/{experiment}`` and ``data``."""
    return path.is_relative_to(results) or path.is_relative_to(results.parent.parent / "data")


def command(path: Path, results: Path) -> str:
    """Return how to have the workflow make a file again.

    It is asked for by name, since Snakemake makes no file again whose results are there and newer. What is asked for
    in the end is a small file, which Snakemake compares by its content: of a shard, what is counted of its dataset. So
    the next run finds nothing new where the file has become what it was.

    Args:
        path: below ``results`` or ``data``.
        results: the experiment's folder, ``results/{experiment}``.
    """
    configuration, data = results / "config.json", results.parent.parent / "data"
    given = named(configuration, results) if configuration.is_file() else "YOUR CONFIGURATION"
    targets = [named(path, results)]
    if path.is_relative_to(data):
        coverage = data / path.relative_to(data).parts[0] / "coverage.json"
        targets = list(dict.fromkeys([*targets, named(coverage, results)]))
    return f"Make it again: snakemake --cores all --configfile {given} {' '.join(targets)}, then run the workflow."


def changed(path: Path, results: Path) -> str:
    """Return what to do about a file that is another one than it was."""
    if not is_ours(path, results):
        return "It was edited or replaced. Bring the old one back."
    return f"It was edited or replaced. Bring the old one back, or delete it. {command(path, results)}"
