"""Seals: what a job wrote, so that whoever reads it later sees whether it is still that.

The seal of ``few.csv`` is ``few.csv.sha256`` beside it, a line as ``sha256sum`` writes it. A file without one is read
as it is: those that a user brings, and those of earlier versions.
"""

import os
from pathlib import Path

from avbench.core.errors import UserError
from avbench.core.hashing import file_digest

SUFFIX = ".sha256"


def seal_of(path: str | Path) -> Path:
    """Return where the seal of a file lies."""
    path = Path(path)
    return path.with_name(path.name + SUFFIX)


def seal(path: str | Path) -> None:
    """Write the seal of a finished file.

    Raises:
        UserError: it cannot be written.
    """
    path, target = Path(path), seal_of(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(f"{file_digest(path)}  {path.name}\n", encoding="utf-8")
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"cannot write {target}: {error.strerror or error}. Check free space and permissions."
        ) from error


def sealed_digest(path: str | Path) -> str | None:
    """Return the SHA-256 that a file had when it was sealed, in hexadecimal digits; None where there is no seal.

    Of a seal that is damaged it is some other text, which no file has.
    """
    try:
        return seal_of(path).read_bytes().decode("utf-8", "replace").partition(" ")[0].strip()
    except FileNotFoundError:
        return None


def is_whole(path: str | Path) -> bool:
    """Return whether a file is as it was sealed; one without a seal counts as whole, one that is gone does not."""
    digest = sealed_digest(path)
    return digest is None or (Path(path).is_file() and file_digest(path) == digest)


def require_whole(path: str | Path) -> None:
    """Check that a file is as the job that made it left it.

    Raises:
        UserError: it is not; names the file and the command that makes it again.
    """
    if Path(path).is_file() and not is_whole(path):
        raise UserError(f"{path} is not what its job wrote: it was damaged or edited. {again(path)}")


def again(path: str | Path, configuration: str | Path = "YOUR CONFIGURATION") -> str:
    """Return what to do about a file that the workflow can make again.

    The file is asked for by name: a run of the whole workflow makes no file again whose results are newer, and makes
    all that depends on it again if it makes the file itself.
    """
    return f"Delete it and make it again: {maker(path, configuration)}"


def maker(path: str | Path, configuration: str | Path = "YOUR CONFIGURATION") -> str:
    """Return the command by which the workflow makes a file."""
    return f"snakemake --cores all --configfile {configuration} {path}"
