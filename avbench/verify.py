"""Is everything as it was when it was made? From the tables' rows back to runs, subsets, ledger and manifest.

Every job of the chain leaves a record with the SHA-256 of what it read and wrote: training in ``run.json``, scoring in
``provenance.json`` beside the scores, tables and labels that a model made in ``provenance/`` of the experiment.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avbench import provenance
from avbench.errors import UserError
from avbench.fileio import read_csv, read_json
from avbench.hashing import file_digest

_KEY = ("method", "task", "protocol", "modality", "subset", "labels", "seed")
_IDENTITY = ("method", "subset", "labels", "seed")
_LARGE = ("checkpoint.pt", "embeddings.npz", "dynamics.npz")  # what copies of results often lack, as they lack data/
_AGAIN = "Delete it and run the workflow again."
_SHOWN = 10


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        state: ``missing``, ``changed`` since it was written, ``stale``: made from something that is another by now,
            ``unrecorded``: nothing says how it was made, or ``wrong``: its content is not what it was made from.
        file: relative to the folder above ``results``.
        expected, found: what was looked for and what is there.
        remedy: what to do.
    """

    state: str
    file: str
    expected: str
    found: str
    remedy: str


@dataclass
class Verdict:
    """What was checked, and what was found.

    Attributes:
        files: whose digests were compared.
        rows: of the table of scores, traced to a run.
        findings: sorted.
        remarks: what a reader should know, and nobody has to mend.
    """

    files: int = 0
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return everything as a mapping."""
        findings = [vars(finding) for finding in self.findings]
        return {"files": self.files, "rows": self.rows, "findings": findings, "remarks": self.remarks}

    def __str__(self) -> str:
        lines = []
        for state, found in _grouped(self.findings, lambda finding: finding.state):
            lines.append(f"{state}: {len(found)}")
            for finding in found[:_SHOWN]:
                lines += [f"  {finding.file}", f"    expected {finding.expected}", f"    found    {finding.found}"]
                lines.append(f"    → {finding.remedy}")
            if len(found) > _SHOWN:
                lines.append(f"  … and {len(found) - _SHOWN} more; --json lists all")
        lines += self.remarks
        outcome = f"{len(self.findings)} findings" if self.findings else "all as it was when it was made"
        return "\n".join([*lines, f"{self.files} files and {self.rows} scores checked: {outcome}."])


def _grouped(items: Iterable[Any], key: Any) -> list[tuple[Any, list[Any]]]:
    groups = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.items())


@dataclass(frozen=True)
class _Record:
    """A file that says how others came to be: names and digests as its job saw them."""

    path: Path
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    made_by: Mapping[str, Any]


class _Files:
    """Finds recorded files and remembers their digests.

    Args:
        results: the experiment's folder, wherever it is now.
        prefix: what the names of its files began with when they were recorded.
    """

    def __init__(self, results: Path, prefix: str) -> None:
        self.results, self.prefix, self._digests = results, prefix, {}

    def find(self, name: str) -> Path:
        """Return where a recorded file would be now; what is nowhere else is looked for in the source tree."""
        if name.startswith(self.prefix):
            return self.results / name.removeprefix(self.prefix)
        near = self.results.parent.parent / name
        return near if near.exists() or not (provenance.SOURCE / name).exists() else provenance.SOURCE / name

    def digest(self, path: Path) -> str | None:
        """Return a file's SHA-256; None if it is not there."""
        if path not in self._digests:
            self._digests[path] = file_digest(path) if path.is_file() else None
        return self._digests[path]

    def __len__(self) -> int:
        return sum(digest is not None for digest in self._digests.values())


def verify(results: str | Path, deep: bool = False) -> Verdict:
    """Check an experiment's tables and everything that they were made from.

    Args:
        results: its folder, ``results/{experiment}``; data are looked for in ``data`` beside ``results``.
        deep: besides digests, compare contents: scores with predictions, predictions and subsets with the ledger, the
            ledger with the manifest.

    Raises:
        UserError: there are no tables.
    """
    results = Path(results).absolute()
    table = results / "tables" / "accuracy.csv"
    if not table.is_file():
        raise UserError(f"{table} does not exist. Run the workflow first: there is nothing to verify.")
    own = list(_read_records(sorted((results / provenance.FOLDER).glob("*.json")), results))
    files = _Files(results, _prefix(own))
    scores = sorted({files.find(name) for record in own for name in record.inputs if _last(name) == "scores.csv"})
    folders = [path.parent for path in scores]
    runs = list(dict.fromkeys(run for folder in folders if (run := _run_of(folder, results))))
    beside = [folder / provenance.FILE for folder in folders] + [run / "run.json" for run in runs]
    records = own + list(_read_records([path for path in beside if path.is_file()], results))
    read = {name for record in records for name in record.inputs}
    first_rounds = _read_records(sorted((results / provenance.FOLDER).glob("*/**/*.json")), results)
    records += [record for record in first_rounds if read & set(record.outputs)]
    verdict = Verdict()
    verdict.findings += _digests(records, files, verdict.remarks)
    verdict.findings += _unrecorded(results, own, folders, runs)
    verdict.findings += _rows(table, [path for path in scores if path.is_file()], verdict)
    verdict.findings += _identities(folders, results)
    if deep:
        from avbench import contents

        verdict.findings += [
            Finding("wrong", _name(path, results), *rest)
            for path, *rest in contents.differences(scores, [files.find(name) for name in _subsets(records)], results)
        ]
    verdict.files = len(files)
    verdict.findings = sorted(set(verdict.findings))
    verdict.remarks += _makers(records)
    return verdict


# ------------------------------------------------------------------------------------------------------------- records


def _read_records(paths: Iterable[Path], results: Path) -> Iterator[_Record]:
    for path in paths:
        content = read_json(path)
        try:
            made_by = content["provenance"]
            record = _Record(path, made_by["inputs"], content.get("outputs", {}), made_by)
            if not all(isinstance(digest, str) for digest in [*record.inputs.values(), *record.outputs.values()]):
                raise TypeError
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{path} is no record of provenance. Delete it and run the workflow again.") from None
        yield record


def _prefix(records: Sequence[_Record]) -> str:
    """Return what recorded names of the experiment's files begin with: they may have been moved since."""
    for record in records:
        for name in record.outputs:
            folder, found, _ = name.rpartition("tables/")
            if found:
                return folder
    return "results/"


def _run_of(folder: Path, results: Path) -> Path | None:
    """Return the folder of the pretraining run that scores belong to; None where nothing was pretrained."""
    if not folder.is_relative_to(results / "runs"):
        return None
    run = folder if folder.name.startswith("seed-") else folder.parent
    return None if run.parent.name == "untrained" else run


def _digests(records: Sequence[_Record], files: _Files, remarks: list[str]) -> Iterator[Finding]:
    """Compare digests: of what a job wrote, and of what it read."""
    expected: dict[Path, dict[str, str]] = defaultdict(dict)  # digest → the record that tells it, for outputs
    needed: dict[tuple[Path, str], list[_Record]] = defaultdict(list)
    for record in records:
        for name, digest in record.outputs.items():
            expected[_own(record, name, files)][digest] = _name(record.path, files.results)
        for name, digest in record.inputs.items():
            needed[files.find(name), digest].append(record)
    absent = {path for path in [*expected, *(path for path, _ in needed)] if files.digest(path) is None}
    elsewhere = _left_out(absent, {*expected, *(path for path, _ in needed)}, files.results)
    for kind, count in sorted(Counter(elsewhere.values()).items()):
        remarks.append(f"Not checked, since this copy has none: {kind} ({count} files).")
    for path in sorted(absent - set(elsewhere)):
        told = expected.get(path) or {digest: "" for other, digest in needed if other == path}
        yield Finding("missing", _name(path, files.results), _short(next(iter(told))), "nothing", _missing(path, files))
    for path, digests in expected.items():
        found = files.digest(path)
        if found and found not in digests:
            digest, record = next(iter(digests.items()))
            what = f"{_short(digest)}, as {record} says"
            yield Finding("changed", _name(path, files.results), what, _short(found), _changed(path))
    for (path, digest), users in needed.items():
        found = files.digest(path)
        if found and found != digest:
            where = _name(path, files.results)
            count = f"{len(users)} records" if len(users) > 1 else "the record"
            what = f"{_short(digest)}, as it was read for {count} {_name(users[0].path, files.results)}"
            remedy = (
                f"If the new {path.name} is right, delete what was made from the old one and run the workflow again."
            )
            yield Finding("stale", where, what + (" and others" if len(users) > 1 else ""), _short(found), remedy)


def _own(record: _Record, name: str, files: _Files) -> Path:
    """Return where a record's output is: beside it, if a name alone is given."""
    return record.path.parent / name if "/" not in name else files.find(name)


def _left_out(absent: set[Path], known: set[Path], results: Path) -> dict[Path, str]:
    """Return those absent files whose whole kind is absent, and the kind: of a copy without checkpoints or data."""
    left = {}
    for kind in _LARGE:
        of_kind = {path for path in known if path.name == kind}
        if of_kind and of_kind <= absent:
            left |= dict.fromkeys(of_kind, kind)
    if not (results.parent.parent / "data").is_dir():
        data = results.parent.parent / "data"
        left |= {path: "data/" for path in absent if path.is_relative_to(data)}
    # A file that was given by a path outside of the project, of which only the name was kept.
    left |= {path: "files outside of the project" for path in absent if path.parent == results.parent.parent}
    return left


def _missing(path: Path, files: _Files) -> str:
    if path.is_relative_to(files.results):
        return "Run the workflow again; it makes what is missing, and what depends on it."
    return "Bring it back, or run the workflow again."


def _changed(path: Path) -> str:
    if path.name == "checkpoint.pt":
        return "Bring the old one back, or delete the run's folder and run the workflow again."
    return f"It was edited or replaced. {_AGAIN}"


# ------------------------------------------------------------------------------------------------------------- contents


def _unrecorded(
    results: Path, own: Sequence[_Record], folders: Sequence[Path], runs: Sequence[Path]
) -> Iterator[Finding]:
    """Find tables, scores and runs that no record tells of."""
    made = {_last(name) for record in own for name in record.outputs}
    for path in sorted((results / "tables").iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.name not in made:
            remedy = "If it is a table of the workflow, delete it and run again; if not, keep it elsewhere."
            yield Finding("unrecorded", _name(path, results), f"a record in {provenance.FOLDER}/", "none", remedy)
    for folder in folders:
        if folder.is_dir() and not (folder / provenance.FILE).is_file():
            path = _name(folder / "scores.csv", results)
            yield Finding("unrecorded", path, f"{provenance.FILE} beside it", "none", _AGAIN)
    for run in runs:
        path = run / "run.json"
        if not path.is_file():
            remedy = "Delete the run's folder and run the workflow again."
            yield Finding("missing", _name(path, results), "how the run was trained", "nothing", remedy)
        elif "checkpoint.pt" not in map(_last, read_json(path).get("outputs", {})):
            remedy = "The run is of an earlier version. Delete its folder to train it again."
            yield Finding("unrecorded", _name(path, results), "the checkpoint's digest", "none", remedy)


def _rows(table: Path, scores: Sequence[Path], verdict: Verdict) -> Iterator[Finding]:
    """Compare the table of scores with the score files, row by row and as text."""
    results = table.parent.parent
    with table.open(encoding="utf-8") as stream:
        columns = stream.readline().strip().replace('"', "").split(",")
    rows = _by_key(table, columns)
    verdict.rows = len(rows)
    remedy = "The table was not made from these scores. Delete it and run the workflow again."
    told = set()
    for path in scores:
        for key, row in _by_key(path, columns).items():
            told.add(key)
            if rows.get(key) != row:
                found = "no such row" if key not in rows else _difference(columns, row, rows[key])
                what = f"{' '.join(key)}: {_difference(columns, rows.get(key, ()), row)}, as in {_name(path, results)}"
                yield Finding("wrong", _name(table, results), what, found, remedy)
    for key in rows.keys() - told:
        yield Finding("wrong", _name(table, results), f"{' '.join(key)}: a score file", "none", remedy)


def _by_key(path: Path, columns: Sequence[str]) -> dict[tuple[str, ...], tuple[str, ...]]:
    content = read_csv(path, columns)
    keys = zip(*(content[name] for name in _KEY), strict=True)
    return dict(zip(keys, zip(*content.values(), strict=True), strict=True))


def _difference(columns: Sequence[str], other: Sequence[str], row: Sequence[str]) -> str:
    pairs = zip(columns, row, strict=True)
    return ", ".join(
        f"{name} {value}" for place, (name, value) in enumerate(pairs) if other[place : place + 1] != (value,)
    )


def _identities(folders: Sequence[Path], results: Path) -> Iterator[Finding]:
    """Compare what a run says of itself with what its scores say."""
    for folder in folders:
        run = _run_of(folder, results)
        if run is None or not (run / "run.json").is_file() or not (folder / "scores.csv").is_file():
            continue
        told = {name: str(read_json(run / "run.json").get(name)) for name in _IDENTITY}
        scored = read_csv(folder / "scores.csv", _IDENTITY)
        for values in set(zip(*scored.values(), strict=True)):
            if values != tuple(told.values()):
                where, what = _name(folder / "scores.csv", results), f"{' '.join(told.values())}, as run.json says"
                yield Finding("wrong", where, what, " ".join(values), "Delete the run's folder and run again.")


def _subsets(records: Sequence[_Record]) -> list[str]:
    """Return the names of the subsets that were read: the training clips of all runs."""
    names = {name for record in records for name in record.inputs if "subsets/" in name and name.endswith(".csv")}
    return sorted(names)


# --------------------------------------------------------------------------------------------------------------- words


def _makers(records: Sequence[_Record]) -> list[str]:
    """Say what made all this: versions, commits, machines; and what training took."""
    remarks = []
    for title, of in (
        ("Made by", lambda m: f"avbench {m.get('avbench')}, commit {m.get('commit') or 'unknown'}"),
        ("On", lambda m: f"{m.get('processor')}" + "".join(f", {gpu['name']}" for gpu in m.get("gpus", []))),
        ("With", lambda m: f"Python {m.get('python')}, PyTorch {m.get('packages', {}).get('torch')}"),
    ):
        found = Counter(of(record.made_by) for record in records)
        remarks += [f"{title} {what} ({count} records)" for what, count in found.most_common()]
    return remarks


def _name(path: Path, results: Path) -> str:
    """Return a file's name relative to the folder above ``results``."""
    above = results.parent.parent
    return path.relative_to(above).as_posix() if path.is_relative_to(above) else path.name


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _short(digest: str) -> str:
    return f"SHA-256 {digest[:12]}…"
