"""The manifest: one row per clip, all that a dataset's rules owe the rest of the workflow."""

import csv
import math
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.core import files, seals
from avbench.core.errors import UserError

COLUMNS = ("clip_id", "source", "start_s", "duration_s", "label", "split")
RECORDING = "recording"  # an optional column: what was recorded at one go; see avbench.data.recordings
LEFT_OUT = "left_out.json"  # beside it: files that are no clips, by their extension
SPLITS = ("train", "validation", "test")

_TEXT = ("clip_id", "source", "label")
_NEEDS_QUOTES = re.compile('[",\r\n]')


def read_manifest(path: str | Path, chosen: Callable[[str], bool] | None = None) -> pd.DataFrame:
    """Read and validate a manifest: text columns verbatim, ``start_s`` and ``duration_s`` as float64 seconds.

    No value is taken for "missing" (a clip may be labelled ``NA``), blanks and line breaks inside fields are kept.

    Args:
        path: the manifest.
        chosen: of which clip ids to keep the rows, and to validate these alone; by default all.

    Raises:
        UserError: the file is missing, is no UTF-8 CSV, or breaks a rule; the message names file, row and remedy.
            Rows are counted as a spreadsheet does: the header is row 1.
    """
    seals.require_whole(path)
    try:
        # newline="" leaves line breaks inside quoted fields alone; utf-8-sig drops the mark that Excel writes.
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            place = header.index("clip_id") if "clip_id" in header else len(header)
            numbered = [
                (row, record)
                for row, record in enumerate(reader, start=2)
                if chosen is None or place >= len(record) or chosen(record[place])
            ]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. Run the rule that writes the manifest first.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not a CSV file in UTF-8: {error}. Save it again as UTF-8 CSV.") from error
    names = _columns(header)
    if sorted(header) != sorted(names):
        raise UserError(
            f"{path} has the columns {', '.join(header) or 'none'}; a manifest has exactly {', '.join(COLUMNS)}, and "
            f"may have {RECORDING}."
        )
    for row, record in numbered:
        if len(record) != len(header):
            raise UserError(
                f"{path}, row {row} has {len(record)} fields instead of {len(header)}. "
                "Put fields that hold commas, quotes or line breaks in double quotes."
            )
    rows, records = zip(*numbered, strict=True) if numbered else ((), ())
    columns = dict(zip(header, zip(*records, strict=True) if records else ([],) * len(header), strict=True))
    return _validated(path, pd.DataFrame({name: list(columns[name]) for name in names}, dtype=object), rows)


def write_manifest(path: str | Path, table: pd.DataFrame) -> None:
    """Validate a manifest as :func:`read_manifest` does; write it atomically and sealed, columns as in ``COLUMNS``.

    What is written reads back exactly: floats keep every digit, text may hold commas, quotes and line breaks.

    Raises:
        UserError: a rule is broken, or the file cannot be written.
    """
    names = _columns(table.columns)
    if sorted(table.columns) != sorted(names):
        raise UserError(
            f"{path} cannot be written: a manifest has exactly the columns {', '.join(COLUMNS)}, and may have "
            f"{RECORDING}."
        )
    table = _validated(path, table.loc[:, list(names)], range(2, 2 + len(table)))
    columns = [[_quoted(str(value)) for value in table[name].tolist()] for name in names]
    lines = [",".join(names), *map(",".join, zip(*columns, strict=True))]
    with files.atomic(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        stream.write("\n".join(lines) + "\n")
    seals.seal(path)


def _columns(given: Collection[str]) -> tuple[str, ...]:
    """Return the columns of a manifest in their order, the optional one if it is among those that are given."""
    return (*COLUMNS, RECORDING) if RECORDING in given else COLUMNS


def _quoted(value: str) -> str:
    # The csv module of Python 3.11 leaves a lone carriage return unquoted, which no reader takes back.
    return '"' + value.replace('"', '""') + '"' if _NEEDS_QUOTES.search(value) else value


def _validated(path: str | Path, table: pd.DataFrame, rows: Sequence[int]) -> pd.DataFrame:
    """Return the table with typed columns, or raise the first broken rule with its number among ``rows``."""
    columns: dict[str, list] = {}
    for name in table.columns:
        values = table[name].tolist()
        if name in ("start_s", "duration_s"):
            columns[name] = [_number(path, row, name, value) for row, value in zip(rows, values, strict=True)]
        else:
            columns[name] = values
    for name in _TEXT:
        for row, value in zip(rows, columns[name], strict=True):
            if not isinstance(value, str) or not value.strip() or "\0" in value:
                raise UserError(
                    f"{path}, row {row}: {name} is {value!r}; it must be text, not empty and without null characters."
                )
    for row, value in zip(rows, columns["split"], strict=True):
        if value not in SPLITS:
            raise UserError(f"{path}, row {row}: split is {value!r}; it must be one of {', '.join(SPLITS)}.")
    for row, value in zip(rows, columns.get(RECORDING, ()), strict=RECORDING in columns):
        if not isinstance(value, str) or "\0" in value:
            raise UserError(f"{path}, row {row}: {RECORDING} is {value!r}; it must be text without null characters.")
    first: dict[str, int] = {}
    for row, clip_id in zip(rows, columns["clip_id"], strict=True):
        if first.setdefault(clip_id, row) != row:
            raise UserError(
                f"{path}, row {row}: clip_id {clip_id!r} is already in row {first[clip_id]}. Ids must be unique: "
                "add the start second to the id where one video gives several clips."
            )
    return pd.DataFrame(columns)


def _number(path: str | Path, row: int, name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0 or (name == "duration_s" and number == 0):
        bound = "greater than 0" if name == "duration_s" else "0 or more"
        raise UserError(f"{path}, row {row}: {name} is {value!r}; it must be a number of seconds, {bound}.")
    return number
