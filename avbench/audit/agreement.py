"""Do files say the same of the same clips? Scores and predictions, subsets and ledger, ledger and manifest."""

from collections.abc import Iterator, Sequence, Set
from pathlib import Path

import pandas as pd

from avbench.audit.records import datasets_of
from avbench.core.files import read_csv, read_json
from avbench.data import ledger
from avbench.data.manifest import read_manifest
from avbench.evaluation import scores as predictions
from avbench.results import tables

_TOLERANCE = 5e-6  # scores have six decimals


def differences(scores: Sequence[Path], subsets: Sequence[Path], results: Path) -> Iterator[tuple[Path, str, str]]:
    """Compare the contents of an experiment's files; those that are missing are left out.

    Args:
        scores: score files, with their predictions beside them.
        subsets: lists of training clips, ``…/{dataset}/{subset}.csv``.
        results: the experiment's folder; its datasets are looked for in ``data`` two folders above.

    Yields:
        file, what was expected, and what was found.
    """
    ledgers = {}
    for path in [path for folder in datasets_of(results) if (path := folder / "ledger.parquet").is_file()]:
        ledgers[path.parent.name] = (table := ledger.read(path))
        manifest, coverage = path.with_name("clips.csv"), path.with_name("coverage.json")
        if manifest.is_file():
            yield from _against_manifest(path, table, manifest)
        if coverage.is_file() and read_json(coverage) != ledger.coverage(table, ledger.read_left_out(path)):
            yield coverage, f"what is counted in {path.name}", "other numbers"
        stored = path.with_name("stored.json")
        if stored.is_file() and read_json(stored) != ledger.stored_state(table, ledger.read_content(path)):
            yield stored, f"what is stored by {path.name}", "something else"
    tested = {
        (clip.clip_id, clip.label) for table in ledgers.values() for clip in ledger.stored(table, "test").itertuples()
    }
    for path in scores:
        if path.is_file() and path.with_name(predictions.FILE).is_file():
            yield from _against_predictions(path, tested)
    for path in subsets:
        if path.is_file() and path.parent.name in ledgers:
            yield from _against_ledger(path, ledgers[path.parent.name])


def _against_manifest(path: Path, table: pd.DataFrame, manifest: Path) -> Iterator[tuple[Path, str, str]]:
    columns = ["clip_id", "label", "split"]
    listed = set(read_manifest(manifest)[columns].itertuples(index=False, name=None))
    ledgered = set(table[columns].itertuples(index=False, name=None))
    if listed != ledgered:
        clip = min(listed ^ ledgered)[0]
        yield path, f"the clips of {manifest.name}", f"{len(listed ^ ledgered)} others, such as {clip!r}"


def _against_predictions(path: Path, tested: Set[tuple[str, str]]) -> Iterator[tuple[Path, str, str]]:
    told = predictions.read(path.with_name(predictions.FILE))
    if tested and (others := set(zip(told["clip_id"], told["label"], strict=True)) - tested):
        found = f"{len(others)} clips that are not, or have another label, such as {min(others)[0]!r}"
        yield path.with_name(predictions.FILE), "test clips that are stored", found
    means = told.groupby(predictions.SCORED)["correct"].mean()
    for row in tables.read(path).itertuples():
        key = (row.task, row.protocol, row.modality)
        expected = means.get(key)
        if expected is None or abs(expected - row.accuracy) > _TOLERANCE:
            of = f"accuracy {expected:.6f}" if expected is not None else "predictions"
            yield path, f"{of} of {', '.join(key)}, as in {predictions.FILE}", f"{row.accuracy:.6f}"


def _against_ledger(path: Path, table: pd.DataFrame) -> Iterator[tuple[Path, str, str]]:
    stored = ledger.stored(table, "train")
    known = dict(zip(stored["clip_id"], stored["label"], strict=True))
    subset = read_csv(path, ("clip_id", "label"))
    wrong = [clip for clip, label in zip(*subset.values(), strict=True) if known.get(clip) != label]
    if wrong:
        found = f"{len(wrong)} clips that are not, or have another label, such as {wrong[0]!r}"
        yield path, "training clips that are stored", found
