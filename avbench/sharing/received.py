"""Results that somebody gives: an experiment's folder, or an RO-Crate of one, as a folder or a zip."""

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench.audit.crate import METADATA
from avbench.audit.verify import verify
from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.core.hashing import file_digest
from avbench.data.download import archives
from avbench.plan import paths
from avbench.provenance import record as provenance

_SHOWN = 5


@dataclass(frozen=True)
class Received:
    """An experiment's results, wherever they lie now.

    Attributes:
        name: what messages call them: the path that was given.
        results: the experiment's folder; datasets are in ``data`` two folders above.
        config: the configuration, as Snakemake merged it.
    """

    name: str
    results: Path
    config: Mapping[str, Any]

    @property
    def root(self) -> Path:
        """The folder that holds ``results`` and ``data``."""
        return self.results.parent.parent

    @property
    def made(self) -> Mapping[str, Any]:
        """The record of the tables: ``provenance`` with versions and digests."""
        return read_json(paths.below(self.results, paths.fill(paths.TABLE_RECORD, table="tables")))

    def recorded(self, ending: str) -> str | None:
        """Return the digest that a file had when the tables were made of it; None if they were not.

        Args:
            ending: of the file's recorded name.
        """
        inputs: Mapping[str, str] = self.made["provenance"]["inputs"]
        return next((digest for name, digest in inputs.items() if f"/{name}".endswith(f"/{ending}")), None)


def receive(given: Path, scratch: Path) -> Received:
    """Open results.

    Args:
        given: an experiment's folder, an unpacked crate, or a zipped one.
        scratch: an empty folder, to unpack a zip in.

    Raises:
        UserError: there are none, or a crate's file is not what its description says.
    """
    root = given
    if given.is_file():
        with contextlib.redirect_stdout(io.StringIO()):  # how many files; what it leaves out is missed below
            archives.extract(given, scratch)
        root = scratch
    if (root / "tables").is_dir():
        folder = root.absolute()
    else:
        found = sorted(path.parent.parent for path in root.glob("results/*/tables/accuracy.csv"))
        if len(found) != 1:
            held = f"several: {', '.join(path.name for path in found)}" if found else "none"
            raise UserError(
                f"{given}: is to be one experiment's results, and holds {held}. Give results/NAME of a finished "
                "experiment, or the crate that python -m avbench pack makes of it."
            )
        folder = found[0].absolute()
    if (wrong := list(_not_described(folder.parent.parent))) and (folder.parent.parent / METADATA).is_file():
        raise UserError(f"{given} is refused: it is not what its {METADATA} says.\n  " + "\n  ".join(wrong[:_SHOWN]))
    configuration = paths.below(folder, paths.CONFIG)
    if not configuration.is_file():
        raise UserError(f"{given}: {configuration.name} is missing, which the workflow writes at its end: run it.")
    return Received(str(given), folder, read_json(configuration))


def require_verified(received: Received) -> list[str]:
    """Check results against their records, contents too.

    Returns:
        What the check remarks: kinds of files that this copy has none of, what made them.

    Raises:
        UserError: something is not as it was when it was made; names the first files.
    """
    verdict = verify(received.results, deep=True)
    if verdict.findings:
        listed = [f"{one.file} ({one.state}): expected {one.expected}, found {one.found}" for one in verdict.findings]
        more = f"\n  and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        raise UserError(
            f"{received.name} is refused: {len(listed)} findings.\n  " + "\n  ".join(listed[:_SHOWN]) + more + "\n"
            "python -m avbench verify says what to do about each. Get it again from where it was made."
        )
    return verdict.remarks


def _not_described(root: Path) -> Iterator[str]:
    """Yield what differs from a crate's description, where there is one."""
    if not (root / METADATA).is_file():
        return
    try:
        entities = read_json(root / METADATA)["@graph"]
        told = {entity["@id"]: entity["sha256"] for entity in entities if "sha256" in entity}
    except (KeyError, TypeError):
        yield f"{METADATA} is no description of a crate"
        return
    for name, digest in told.items():
        path = root / name
        if not path.is_file():
            yield f"{name}: missing"
        elif file_digest(path) != digest:
            yield f"{name}: SHA-256 {digest[:12]}… expected, {file_digest(path)[:12]}… found"


def project_file(name: str, parts: list[Received]) -> Path:
    """Return a file of the project that tables were made of, such as the claims: the one with the recorded digest.

    Args:
        name: relative to the source tree, or absolute.
        parts: what was made of it; it may lie in them, too.

    Raises:
        UserError: parts were made of different ones, or none that is here is the one.
    """
    digests = {part.name: part.recorded(Path(name).name) for part in parts}
    if len(set(digests.values())) > 1:
        listed = "; ".join(f"{part}: SHA-256 {(digest or 'none')[:12]}…" for part, digest in digests.items())
        raise UserError(f"{name} is another file in each part ({listed}). Make the tables again with the same one.")
    wanted = next(iter(digests.values()))
    for root in (provenance.SOURCE, *(part.root for part in parts)):
        if (path := root / name).is_file() and (wanted is None or file_digest(path) == wanted):
            return path
    raise UserError(f"{name} as the tables were made of it (SHA-256 {wanted}) is not here. Put it at {name}.")
