"""Provenance records of a result, and the files that they name."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.core.hashing import file_digest
from avbench.core.seals import again
from avbench.provenance import record as provenance

_RUNS = ("data", "results")  # folders that runs write
PARTS = "merged-parts"  # beside data and results of a merged study: what its parts had otherwise
MERGED = "merged.json"  # of an experiment that is merged
LARGE = ("checkpoint.pt", "embeddings.npz", "dynamics.npz")  # what copies of results often lack, as they lack data/


@dataclass(frozen=True)
class Record:
    """A file that says how others came to be: names and digests as its job saw them."""

    path: Path
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    made_by: Mapping[str, Any]


class Files:
    """Finds recorded files and remembers their digests.

    Args:
        results: the experiment's folder, wherever it is now.
        prefix: what the names of its files began with when they were recorded.
    """

    def __init__(self, results: Path, prefix: str) -> None:
        self.results, self.prefix = results, prefix
        self._digests: dict[Path, str | None] = {}

    def find(self, name: str) -> Path:
        """Return where a recorded file would be now; what the project ships is looked for in the source tree too."""
        if name.startswith(self.prefix):
            return self.results / name.removeprefix(self.prefix)
        near = self.results.parent.parent / name
        # Another run's data and results may lie in the source tree under the same names.
        shipped = name.partition("/")[0] not in _RUNS and (provenance.SOURCE / name).exists()
        return provenance.SOURCE / name if shipped and not near.exists() else near

    def digest(self, path: Path) -> str | None:
        """Return a file's SHA-256; None if it is not there."""
        if path not in self._digests:
            self._digests[path] = file_digest(path) if path.is_file() else None
        return self._digests[path]

    def had(self, path: Path, digest: str) -> bool:
        """Say whether a file is, or was in a part that it was merged from, what a record says."""
        above = self.results.parent.parent
        if self.digest(path) == digest or not path.is_relative_to(above):
            return self.digest(path) == digest
        others = (folder / path.relative_to(above) for folder in sorted((above / PARTS).glob("*/")))
        return any(self.digest(other) == digest for other in others)

    def __len__(self) -> int:
        return sum(digest is not None for digest in self._digests.values())


def read_records(paths: Iterable[Path], results: Path) -> Iterator[Record]:
    """Read records of provenance; a file that is none is a :class:`UserError`."""
    for path in paths:
        content = read_json(path)
        try:
            made_by = content["provenance"]
            record = Record(path, made_by["inputs"], content.get("outputs", {}), made_by)
            if not all(isinstance(digest, str) for digest in [*record.inputs.values(), *record.outputs.values()]):
                raise TypeError
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{path} is no record of provenance. {again(path)}") from None
        yield record


def recorded_prefix(records: Sequence[Record]) -> str:
    """Return what recorded names of the experiment's files begin with: they may have been moved since."""
    for record in records:
        for name in record.outputs:
            folder, found, _ = name.rpartition("tables/")
            if found:
                return folder
    return "results/"


def run_of(folder: Path, results: Path) -> Path | None:
    """Return the folder of the pretraining run that scores belong to; None where nothing was pretrained."""
    if not folder.is_relative_to(results / "runs"):
        return None
    run = folder if folder.name.startswith("seed-") else folder.parent
    return None if run.parent.parent.name == "untrained" else run


def recorded_file(record: Record, name: str, files: Files) -> Path:
    """Return where a record's output is: beside it, if a name alone is given."""
    return record.path.parent / name if "/" not in name else files.find(name)


def left_out(absent: set[Path], known: set[Path], results: Path) -> dict[Path, str]:
    """Return those absent files whose whole kind is absent, and the kind: of a copy without checkpoints or data."""
    left: dict[Path, str] = {}
    for kind in LARGE:
        of_kind = {path for path in known if path.name == kind}
        if of_kind and of_kind <= absent:
            left |= dict.fromkeys(of_kind, kind)
    if not (results.parent.parent / "data").is_dir():
        data = results.parent.parent / "data"
        left |= {path: "data/" for path in absent if path.is_relative_to(data)}
    # A file that was given by a path outside of the project, of which only the name was kept.
    left |= {path: "files outside of the project" for path in absent if path.parent == results.parent.parent}
    return left


def datasets_of(results: Path) -> list[Path]:
    """Return the folders of an experiment's datasets, of those that are there; of all, where it does not name its own.

    ``data`` has those of other experiments, too: they may be under way, and are not for this one to tell.
    """
    path = results / "config.json"
    configuration = read_json(path) if path.is_file() else {}
    named = configuration.get("datasets") if isinstance(configuration, dict) else None
    found = sorted((results.parent.parent / "data").glob("*/"))
    return [folder for folder in found if named is None or folder.name in named]


def is_passing(inside: Path) -> bool:
    """Whether a file of an experiment, named from its folder, is of a log, a plan, or a run that is under way.

    A method, a subset or a task may be called so, too: its folder is no such.
    """
    first, *rest = inside.parts
    below = itertools.dropwhile(lambda part: not part.startswith("seed-"), rest)
    return first in ("logs", "plan") or not {"unfinished", "tensorboard"}.isdisjoint(below)


def last_part(name: str) -> str:
    """Return the file name at the end of a recorded path."""
    return name.rpartition("/")[2]
