"""Is everything as it was when it was made? From the tables' rows back to runs, subsets, ledger and manifest.

Every job of the chain leaves a record with the SHA-256 of what it read and wrote: training in ``run.json``, scoring in
``provenance.json`` beside the scores, tables and labels that a model made in ``provenance/`` of the experiment. What
else jobs read, down to the shards of the store, is sealed (:mod:`avbench.core.seals`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from avbench.audit.findings import Finding, Verdict
from avbench.audit.records import (
    Files,
    Record,
    last_part,
    left_out,
    read_records,
    recorded_file,
    recorded_prefix,
    run_of,
)
from avbench.audit.remedies import changed, command, is_ours, named
from avbench.core import seals
from avbench.core.errors import UserError
from avbench.core.files import read_csv, read_json
from avbench.provenance import record as provenance

_KEY = ("method", "task", "protocol", "modality", "subset", "labels", "budget", "seed")
_SEALED = ("subsets", "statistics", "labels", "tuning")  # folders of an experiment with files that are sealed
_IDENTITY = ("method", "subset", "labels", "budget", "seed")


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
    own = list(read_records(sorted((results / provenance.FOLDER).glob("*.json")), results))
    files = Files(results, recorded_prefix(own))
    scores = sorted({files.find(name) for record in own for name in record.inputs if last_part(name) == "scores.csv"})
    folders = [path.parent for path in scores]
    runs = list(dict.fromkeys(run for folder in folders if (run := run_of(folder, results))))
    beside = [folder / provenance.FILE for folder in folders] + [run / "run.json" for run in runs]
    records = own + list(read_records([path for path in beside if path.is_file()], results))
    read = {name for record in records for name in record.inputs}
    first_rounds = read_records(sorted((results / provenance.FOLDER).glob("*/**/*.json")), results)
    records += [record for record in first_rounds if read & set(record.outputs)]
    verdict = Verdict()
    verdict.findings += _digests(records, files, verdict.remarks)
    verdict.findings += _seals(records, files, verdict.remarks)
    verdict.findings += _unrecorded(results, own, folders, runs)
    there = [path for path in scores if path.is_file()]
    broken = {path: said for path in there if (said := _unreadable(path))}
    verdict.findings += [
        Finding("wrong", named(path, results), "a table of scores", said, changed(path, results))
        for path, said in broken.items()
    ]
    verdict.findings += _rows(table, [path for path in there if path not in broken], verdict)
    verdict.findings += _identities([path.parent for path in there if path not in broken], results)
    if deep:
        from avbench.audit import agreement

        subsets = [files.find(name) for name in _subsets(records)]
        try:
            verdict.findings += [
                Finding("wrong", named(path, results), expected, found, changed(path, results))
                for path, expected, found in agreement.differences(scores, subsets, results)
            ]
        except UserError as error:  # what is damaged is among the findings
            verdict.remarks.append(f"Contents were not compared to the end: {error}")
    verdict.files = len(files)
    verdict.findings = sorted(set(verdict.findings))
    verdict.remarks += _makers(records)
    return verdict


# ------------------------------------------------------------------------------------------------------------- records


def _digests(records: Sequence[Record], files: Files, remarks: list[str]) -> Iterator[Finding]:
    """Compare digests: of what a job wrote, and of what it read."""
    expected: dict[Path, dict[str, str]] = defaultdict(dict)  # digest → the record that tells it, for outputs
    needed: dict[tuple[Path, str], list[Record]] = defaultdict(list)
    for record in records:
        for name, digest in record.outputs.items():
            expected[recorded_file(record, name, files)][digest] = named(record.path, files.results)
        for name, digest in record.inputs.items():
            needed[files.find(name), digest].append(record)
    absent = {path for path in [*expected, *(path for path, _ in needed)] if files.digest(path) is None}
    elsewhere = left_out(absent, {*expected, *(path for path, _ in needed)}, files.results)
    for kind, count in sorted(Counter(elsewhere.values()).items()):
        remarks.append(f"Not checked, since this copy has none: {kind} ({count} files).")
    for path in sorted(absent - set(elsewhere)):
        told = expected.get(path) or {digest: "" for other, digest in needed if other == path}
        remedy = command(path, files.results) if is_ours(path, files.results) else "Bring it back."
        yield Finding("missing", named(path, files.results), _short(next(iter(told))), "nothing", remedy)
    for path, digests in expected.items():
        found = files.digest(path)
        if found and found not in digests:
            digest, told_by = next(iter(digests.items()))
            what = f"{_short(digest)}, as {told_by} says"
            yield Finding("changed", named(path, files.results), what, _short(found), changed(path, files.results))
    for (path, digest), users in needed.items():
        found = files.digest(path)
        if found and not files.had(path, digest):
            where = named(path, files.results)
            readers = f"{len(users)} records" if len(users) > 1 else "the record"
            what = f"{_short(digest)}, as it was read for {readers} {named(users[0].path, files.results)}"
            remedy = (
                f"If the new {path.name} is right, delete what was made from the old one and run the workflow again. "
                f"If not: {changed(path, files.results)}"
            )
            yield Finding("stale", where, what + (" and others" if len(users) > 1 else ""), _short(found), remedy)


def _seals(records: Sequence[Record], files: Files, remarks: list[str]) -> Iterator[Finding]:
    """Compare sealed files with their seals: of the datasets that were read, and of the experiment."""
    results, data = files.results, files.results.parent.parent / "data"
    datasets = {name.split("/")[1] for record in records for name in record.inputs if name.startswith("data/")}
    shards = [data / dataset / part for dataset in sorted(datasets) for part in ("store", "ledger")]
    places = [*(data / dataset for dataset in sorted(datasets)), *shards]
    found = [path for place in places for path in sorted(place.glob(f"*{seals.SUFFIX}"))]
    for kind in _SEALED:
        found += sorted((results / kind).rglob(f"*{seals.SUFFIX}"))
    for path in (sealed.with_name(sealed.name.removesuffix(seals.SUFFIX)) for sealed in found):
        expected, digest = seals.sealed_digest(path) or "", files.digest(path)
        if digest != expected:
            what = f"{_short(expected)}, as {path.name}{seals.SUFFIX} says"
            if digest is None:
                yield Finding("missing", named(path, results), what, "nothing", command(path, results))
            else:
                yield Finding("changed", named(path, results), what, _short(digest), changed(path, results))
    packed = [path for place in shards for end in ("arrow", "parquet") for path in place.glob(f"[!.]*.{end}")]
    if bare := [path for path in packed if not seals.seal_of(path).exists()]:
        remarks.append(f"Not checked, since an earlier version packed them without digests: {len(bare)} shards.")


# ------------------------------------------------------------------------------------------------------------- contents


def _unrecorded(
    results: Path, own: Sequence[Record], folders: Sequence[Path], runs: Sequence[Path]
) -> Iterator[Finding]:
    """Find tables, scores and runs that no record tells of."""
    made = {last_part(name) for record in own for name in record.outputs}
    for path in sorted((results / "tables").iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.name not in made:
            remedy = "If it is a table of the workflow, delete it and run again; if not, keep it elsewhere."
            yield Finding("unrecorded", named(path, results), f"a record in {provenance.FOLDER}/", "none", remedy)
    for folder in folders:
        if folder.is_dir() and not (folder / provenance.FILE).is_file():
            path = folder / "scores.csv"
            remedy = changed(path, results)
            yield Finding("unrecorded", named(path, results), f"{provenance.FILE} beside it", "none", remedy)
    for run in runs:
        path = run / "run.json"
        if not path.is_file():
            remedy = command(path, results)
            yield Finding("missing", named(path, results), "how the run was trained", "nothing", remedy)
        elif "checkpoint.pt" not in map(last_part, read_json(path).get("outputs", {})):
            remedy = "The run is of an earlier version. Delete its folder to train it again."
            yield Finding("unrecorded", named(path, results), "the checkpoint's digest", "none", remedy)


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
                what = f"{' '.join(key)}: {_difference(columns, rows.get(key, ()), row)}, as in {named(path, results)}"
                yield Finding("wrong", named(table, results), what, found, remedy)
    for key in rows.keys() - told:
        yield Finding("wrong", named(table, results), f"{' '.join(key)}: a score file", "none", remedy)


def _unreadable(path: Path) -> str:
    """Return what is wrong with a score file that cannot be read; nothing if it can."""
    try:
        read_csv(path, _KEY)
    except UserError as error:
        return str(error)
    return ""


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
        run = run_of(folder, results)
        if run is None or not (run / "run.json").is_file() or not (folder / "scores.csv").is_file():
            continue
        told = {name: str(read_json(run / "run.json").get(name)) for name in _IDENTITY}
        scored = read_csv(folder / "scores.csv", _IDENTITY)
        for values in set(zip(*scored.values(), strict=True)):
            if values != tuple(told.values()):
                where, what = named(folder / "scores.csv", results), f"{' '.join(told.values())}, as run.json says"
                yield Finding("wrong", where, what, " ".join(values), "Delete the run's folder and run again.")


def _subsets(records: Sequence[Record]) -> list[str]:
    """Return the names of the subsets that were read: the training clips of all runs."""
    names = {name for record in records for name in record.inputs if "subsets/" in name and name.endswith(".csv")}
    return sorted(names)


# --------------------------------------------------------------------------------------------------------------- words


def _makers(records: Sequence[Record]) -> list[str]:
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


def _short(digest: str) -> str:
    return f"SHA-256 {digest[:12]}…"
