"""What one sends of an experiment: a zipped crate, of results that are as they were made."""

from pathlib import Path

from avbench.audit.crate import crate
from avbench.core.errors import UserError
from avbench.core.hashing import file_digest
from avbench.sharing.received import receive, require_verified


def pack(results: Path, output: Path | None = None) -> str:
    """Verify an experiment and write its crate, without models and features.

    Args:
        results: the experiment's folder, or one that holds a single experiment's.
        output: a ``.zip`` file; by default ``NAME.zip`` in the working folder.

    Returns:
        A line on the file: files, size and SHA-256, by which the receiver knows it.

    Raises:
        UserError: something is not as it was when it was made, or there is no folder of results.
    """
    if results.is_file():
        raise UserError(f"{results} is a file. Give results/NAME; a crate that is packed already is sent as it is.")
    received = receive(results, results)  # a folder, from which nothing is unpacked
    output = output or Path(f"{received.results.name}.zip")
    if output.suffix != ".zip":
        raise UserError(f"--output: {output} is to end in .zip. For a folder: python -m avbench crate.")
    require_verified(received)
    count = crate(received.results, output)
    return f"{output}: {count} files, {output.stat().st_size / 1e6:.1f} MB, SHA-256 {file_digest(output)}"
