"""What the datasets' modules share: reading the tables that datasets come with, and naming media files."""

import csv
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from avbench.config.yaml_text import advice_on_path
from avbench.core.errors import UserError
from avbench.data.label_sets import SEPARATOR, joined, labels_of
from avbench.data.manifest import COLUMNS, RECORDING


def read_rows(
    path: str | Path, columns: Sequence[str], delimiter: str = ",", header: bool = True
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's number and its cells by column, verbatim. Rows count from 1, a header included.

    Args:
        path: a text file in UTF-8; fields may be in double quotes.
        columns: with a header, those that must be there and not be empty; without, exactly what a row holds.
        delimiter: what separates fields.
        header: whether the first row names the columns.

    Raises:
        UserError: the file is missing or no such table, a column is missing, or a cell is empty.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            records = list(csv.reader(stream, delimiter=delimiter, strict=True))
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}. Check the dataset's options.{advice_on_path(path)}"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not a table in UTF-8: {error}. Download or save it again.") from None
    names = records[0] if header and records else list(columns)
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise UserError(f"{path} has the column {twice[0]!r} twice. Keep one of them; nobody can tell which counts.")
    if missing := [name for name in columns if name not in names]:
        raise UserError(f"{path} has no column {missing[0]!r}; its first row reads {delimiter.join(names)!r}.")
    for row, record in enumerate(records[header:], start=1 + header):
        if not record:
            continue  # an empty line
        if len(record) != len(names):
            raise UserError(
                f"{path}, row {row} has {len(record)} fields instead of {len(names)} ({', '.join(names)}). "
                "Put fields that hold the separator or quotes in double quotes; if the file was cut off, get "
                "it again."
            )
        cells = dict(zip(names, record, strict=True))
        if empty := [name for name in columns if not cells[name].strip()]:
            raise UserError(f"{path}, row {row}: {empty[0]} is empty. Fill it in or delete the row.")
        yield row, cells


def require_unique(path: str | Path, rows: Iterable[tuple[int, str]], remedy: str) -> None:
    """Check that no name stands in two rows.

    Raises:
        UserError: names both rows.
    """
    first: dict[str, int] = {}
    for row, name in rows:
        if first.setdefault(name, row) != row:
            raise UserError(f"{path}, row {row}: {name!r} is already in row {first[name]}. {remedy}")


def plain_labels(labels: Sequence[str], origin: str | Path) -> list[str]:
    """Return labels as they are compared: composed (Unicode's NFC), and without space at their ends.

    macOS writes names decomposed, and tables gather spaces; nobody sees either. What becomes one label is printed.

    Args:
        labels: as they were written.
        origin: where, for what is printed.
    """
    plain = [unicodedata.normalize("NFC", label).strip() for label in labels]
    forms: dict[str, set[str]] = {}
    for label, written in zip(plain, labels, strict=True):
        forms.setdefault(label, set()).add(written)
    for label, found in forms.items():
        if len(found) > 1:
            print(f"{origin}: taken as one label, {label!r}: {', '.join(map(ascii, sorted(found)))}")
    return plain


def plain_sets(texts: Sequence[str], origin: str | Path) -> list[str]:
    """Return the labels of clips that have several as the manifest has them; each as :func:`plain_labels` has it.

    Args:
        texts: as they were written, with ``;`` between labels.
        origin: where, for messages.

    Raises:
        UserError: a text holds an empty label.
    """
    parts = [labels_of(text) for text in texts]
    plain = iter(plain_labels([label for labels in parts for label in labels], origin))
    found = [joined(next(plain) for _ in labels) for labels in parts]
    for text, labels in zip(texts, found, strict=True):
        if "" in labels_of(labels):
            raise UserError(f"{origin}: the labels {text!r} hold an empty one. Take the surplus {SEPARATOR!r} away.")
    return found


def require_known_labels(clips: pd.DataFrame, where: Mapping[str, str], several: bool = False) -> None:
    """Check that test clips have labels that other clips have too, which misspelt labels do not.

    Nothing is checked where there are no other clips than test clips.

    Args:
        clips: a manifest.
        where: clip_id → the file and row that lists it, for the message.
        several: whether a clip has several labels.

    Raises:
        UserError: names the first clip with such a label.
    """
    labels = clips.label.map(labels_of) if several else clips.label.map(lambda label: [label])
    known = {label for of in labels[clips.split != "test"] for label in of}
    unknown = clips[(clips.split == "test") & ~labels.map(known.issuperset)]
    if known and len(unknown):
        clip_id = unknown.iloc[0]["clip_id"]
        label = next(label for label in labels[unknown.index[0]] if label not in known)
        raise UserError(
            f"{where[clip_id]}: the label {label!r} of test clip {clip_id!r} is unknown: no training clip "
            "has it. Correct the label, or add training clips."
        )


def require_folder(path: str | Path, remedy: str) -> Path:
    """Return a folder that must exist.

    Raises:
        UserError: it does not, or is a file.
    """
    if not Path(path).is_dir():
        raise UserError(f"the folder {path} does not exist. {remedy}{advice_on_path(path)}")
    return Path(path)


def source_prefix(directory: str | Path, manifest: Path) -> str:
    """Return a folder as sources name it: relative to the manifest's folder, or absolute if it is so."""
    if Path(directory).is_absolute():
        return str(directory)
    # Links are resolved first: ".." after a link leads elsewhere.
    return os.path.relpath(Path(directory).resolve(), manifest.parent.resolve())


def table(rows: Iterable[Sequence[object]]) -> pd.DataFrame:
    """Return a manifest of rows in the order of its columns, all with a recording or none."""
    made = list(rows)
    names = (*COLUMNS, RECORDING)
    return pd.DataFrame(made, columns=list(names[: len(made[0])] if made else COLUMNS))
