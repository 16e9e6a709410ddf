"""What packing has made of a clip: its outcome, and the file that keeps it until the shard is complete.

A piece is a line of JSON and then the bytes of the images and of the audio. It is renamed into place but not flushed to
disk, which would cost more than decoding a small clip; the checksum finds what a power cut has torn.
"""

import dataclasses
import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from avbench.core.errors import UserError
from avbench.data.checks import Measurements
from avbench.data.store import Row


@dataclass(frozen=True)
class Outcome:
    """A row of a shard's ledger.

    Attributes:
        clip_id: the clip.
        state: ``stored`` (its data are in the store), ``unavailable`` or ``rejected`` (its content cannot be used).
        reason: why it is not stored, one word; empty if it is.
        detail: the same for a human.
        key: digest of what the stored bytes depend on beside the file itself.
        origin: the file or address that it came from, or that failed.
        version: of the files that were there, see :meth:`avbench.data.packing.sources.Candidate.version`.
        request: by which it was tried again, if it was.
        measured: what the checks look at.
    """

    clip_id: str
    state: str
    reason: str = ""
    detail: str = ""
    key: str = ""
    origin: str = ""
    version: str = ""
    request: str = ""
    measured: Measurements = field(default_factory=Measurements)

    def flat(self) -> dict:
        """Return the fields and the measurements as one mapping."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "measured"}
        return fields | dataclasses.asdict(self.measured)

    @classmethod
    def from_flat(cls, values: dict) -> "Outcome":
        """Read what :meth:`flat` returned.

        Raises:
            KeyError: a field is missing.
        """
        measured = Measurements(**{f.name: values[f.name] for f in dataclasses.fields(Measurements)})
        return cls(
            **{f.name: values[f.name] for f in dataclasses.fields(cls) if f.name != "measured"}, measured=measured
        )


def as_table(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """Return outcomes as a table: text columns, and measurements in float64 or text."""
    rows = [outcome.flat() for outcome in outcomes]
    columns = list(Outcome("", "").flat())
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in columns})


def write(path: Path, outcome: Outcome, row: Row | None) -> None:
    """Keep a finished clip.

    Raises:
        UserError: the file cannot be written.
    """
    payload = b"" if row is None else b"".join([*row.frames, row.audio])
    header = outcome.flat() | {"checksum": zlib.crc32(payload)}
    if row is not None:
        header |= {"sizes": [*map(len, row.frames), len(row.audio)]}
    part = f"{path}.part"
    try:
        with open(part, "wb") as stream:
            stream.write(json.dumps(header).encode() + b"\n" + payload)
        os.replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from error


def read(path: Path) -> tuple[Outcome, Row | None] | None:
    """Return what is kept of a clip; None if nothing is, or if it is torn."""
    try:
        line, _, payload = path.read_bytes().partition(b"\n")
        header = json.loads(line)
        outcome = Outcome.from_flat(header)
        if zlib.crc32(payload) != header["checksum"]:
            return None
        if outcome.state != "stored":
            return outcome, None
        parts, position = [], 0
        for size in header["sizes"]:
            parts.append(payload[position : position + size])
            position += size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return outcome, Row(outcome.clip_id, parts[:-1], parts[-1], outcome.measured.duration_s)


def cannot_write(path: Path, error: OSError) -> UserError:
    """Return the error for a file of the work folder that cannot be written."""
    return UserError(f"cannot write {path}: {error.strerror or error}. Check free space and permissions.")
