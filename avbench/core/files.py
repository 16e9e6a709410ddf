"""Files that appear whole or not at all."""

import contextlib
import csv
import glob
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avbench.core import seals
from avbench.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it over ``path`` when the block ends well.

    The data is flushed to disk before the rename, so a crash leaves the old file or the new one.

    Raises:
        UserError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)  # with the permissions that the user's umask gives
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        seals.seal_of(path).unlink(missing_ok=True)  # of an earlier file; whoever wants a new one says so
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}. Check free space and permissions.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_leftovers(path: str | Path) -> None:
    """Remove what killed writers have left beside a file; call it when nobody else is writing it."""
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name[:100])}.*.part"):
        left.unlink(missing_ok=True)


def is_ordinary(path: str | Path) -> bool:
    """Return whether a path leads to a file on a disk, or to nothing.

    False for devices, pipes and sockets, and for what the kernel shows as files: they have no end, or keep a reader
    waiting.
    """
    try:
        real = os.path.realpath(path)
        if real.startswith(("/proc/", "/sys/", "/dev/")):
            return False
        return stat.S_ISREG(os.stat(real).st_mode)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return not isinstance(path, str) or "\0" not in path


def as_utf8(name: str) -> str:
    """Return a file's name as text that UTF-8 can hold: bytes that are none, as old archives have them, are escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any, sealed: bool = False) -> None:
    """Write JSON atomically, keys in the order given, with a final newline; with its seal, if it is to have one."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    if sealed:
        seals.seal(path)


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing, is no JSON, or not what was sealed (:mod:`avbench.core.seals`).
    """
    seals.require_whole(path)
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not JSON: {error}.") from error


def write_csv(path: str | Path, table: "pd.DataFrame", sealed: bool = False) -> None:
    """Write a table as CSV atomically: UTF-8, LF line ends, floats with six decimals, no index; sealed or not."""
    # Python 3.11 leaves a lone carriage return unquoted, which readers take for the end of a row.
    tricky = any("\r" in str(value) for name in table for value in table[name] if isinstance(value, str))
    quoting = csv.QUOTE_ALL if tricky else csv.QUOTE_MINIMAL
    with atomic(path) as part:
        table.to_csv(part, index=False, lineterminator="\n", float_format="%.6f", quoting=quoting)
    if sealed:
        seals.seal(path)


def read_csv(path: str | Path, columns: Iterable[str]) -> dict[str, list[str]]:
    """Read columns of a CSV as text, as it stands: no guessing of types, no missing values.

    Raises:
        UserError: the file is missing, no CSV, lacks a column, or is not what was sealed (:mod:`avbench.core.seals`).
    """
    seals.require_whole(path)
    columns = list(columns)
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            names = next(reader, [])
            if missing := [name for name in columns if name not in names]:
                raise UserError(f"{path} has no column {missing[0]!r}; it has {', '.join(names)}.")
            places = [names.index(name) for name in columns]
            found: list[list[str]] = [[] for _ in columns]
            for row in reader:
                if len(row) != len(names):
                    raise UserError(f"{path}, line {reader.line_num}: {len(row)} fields instead of {len(names)}.")
                for values, place in zip(found, places, strict=True):
                    values.append(row[place])
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path} is not a CSV file: {error}.") from error
    return dict(zip(columns, found, strict=True))
