"""What became of the clips of a dataset that several machines packed: those that all of them have."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from avbench.audit.crate import DATA_FILES
from avbench.core.errors import UserError
from avbench.core.files import write_csv, write_json
from avbench.core.hashing import file_digest
from avbench.core.seals import seal_of
from avbench.data import ledger
from avbench.data.manifest import read_manifest

_DECIDES = ["clip_id", "start_s", "duration_s", "label", "split"]  # where a clip's file lies does not


def merge_data(datasets: Iterable[str], parts: Mapping[str, Path], output: Path, keep: Path) -> list[str]:
    """Write the data folder of several parts: manifests, ledgers and what is counted of them, no media.

    A clip counts as stored if every part has stored it; otherwise its row is that of the first part that has not. What
    a part had otherwise is kept, so that its records can be followed.

    Args:
        datasets: their names; what else lies in the folders is left there.
        parts: the folder of the datasets of each, by its name.
        output: the folder to write.
        keep: files of a part that differ go to ``{keep}/{number of the part}/data``.

    Returns:
        A sentence on each dataset whose clips differ.

    Raises:
        UserError: a dataset lists other clips in one part than in another.
    """
    said: list[str] = []
    for name in datasets:
        folders = {part: data / name for part, data in parts.items() if (data / name).is_dir()}
        said += _merge_dataset(name, folders, output / name)
        for number, part in enumerate(parts, 1):
            for file in DATA_FILES:
                source, made = parts[part] / name / file, output / name / file
                if source.is_file() and (not made.is_file() or file_digest(source) != file_digest(made)):
                    target = keep / str(number) / "data" / name / file if made.is_file() else made
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, target)
    return said


def _merge_dataset(name: str, folders: Mapping[str, Path], output: Path) -> Iterator[str]:
    output.mkdir(parents=True, exist_ok=True)
    first = next(iter(folders.values()))
    for file in DATA_FILES:
        if (path := first / file).is_file():
            shutil.copy2(path, output / file)
            if (told := seal_of(path)).is_file():
                shutil.copy2(told, output)
    _require_same_clips(name, folders)
    ledgers = [folder / "ledger.parquet" for folder in folders.values() if (folder / "ledger.parquet").is_file()]
    if len({file_digest(path) for path in ledgers}) < 2:
        return
    read = [ledger.read(path) for path in ledgers]
    merged = common_ledger(read)
    left_out, content = ledger.read_left_out(ledgers[0]), ledger.read_content(ledgers[0])
    about = {ledger.CHECKS: ledger.read_checks(ledgers[0]), ledger.LEFT_OUT: left_out, ledger.CONTENT: content}
    ledger.write(output / "ledger.parquet", merged, about)
    write_json(output / "coverage.json", ledger.coverage(merged, left_out), sealed=True)
    write_json(output / "stored.json", ledger.stored_state(merged, content), sealed=True)
    for file in ("duplicates.csv", "recordings.csv"):
        if lists := [pd.read_csv(path, dtype=str, keep_default_na=False) for path in _existing(folders, file)]:
            write_csv(output / file, pd.concat(lists).drop_duplicates(ignore_index=True), sealed=True)
    stored = [int((table["state"] == "stored").sum()) for table in read]
    if (common := int((merged["state"] == "stored").sum())) < max(stored):
        listed = ", ".join(f"{count} in part {number}" for number, count in enumerate(stored, 1))
        yield f"{name}: of its clips {listed} are stored; {common} in all parts."


def _existing(folders: Mapping[str, Path], file: str) -> list[Path]:
    return [path for folder in folders.values() if (path := folder / file).is_file()]


def common_ledger(ledgers: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the first ledger, with the rows of clips that another has not stored as that one has them.

    Args:
        ledgers: of the same clips, in the same order.
    """
    merged = ledgers[0].copy()
    for other in ledgers[1:]:
        rows = ((merged["state"] == "stored") & (other["state"] != "stored")).to_numpy()
        merged.loc[rows] = other.loc[rows].to_numpy()
    return merged


def _require_same_clips(name: str, folders: Mapping[str, Path]) -> None:
    """Check that the manifests list the same clips; their files may lie elsewhere."""
    listed = {
        part: set(read_manifest(folder / "clips.csv")[_DECIDES].itertuples(index=False, name=None))
        for part, folder in folders.items()
        if (folder / "clips.csv").is_file()
    }
    (first, clips), *others = listed.items() or [("", set())]
    for part, other in others:
        if clips != other:
            example = min(clips ^ other)
            raise UserError(
                f"dataset {name}: {len(clips ^ other)} rows of clips.csv are in {first} or in {part} alone, such as "
                f"clip {example[0]!r} (label {example[3]!r}, {example[4]}). Parts of a study list the same clips."
            )
