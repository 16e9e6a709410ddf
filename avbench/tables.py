"""The tables of an experiment, and the short text that a run ends with."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from avbench.errors import UserError
from avbench.fileio import read_json, write_csv

CELL = ["method", "task", "protocol", "modality", "subset", "labels"]
ACCURACY_COLUMNS = [*CELL, "seed", "accuracy", "n_train", "n_test", "coverage"]
RUN_COLUMNS = ["dataset", "subset", "labels", "method", "seed", "steps", "epochs", "final_loss"]
RUN_COLUMNS += ["final_batch_accuracy", "still_improving"]
SUMMARY_COLUMNS = [*CELL, "seeds", "clips", "mean", "ci_low", "ci_high"]
COMPARISON_COLUMNS = [
    "method",
    "baseline",
    *CELL[1:],
    "seeds",
    "clips",
    "difference",
    "ci_low",
    "ci_high",
    "p",
    "p_holm",
]
ALL_SUBSETS = "all"  # of a score that depends on no pretraining subset
WIDTH = 100
# The text at the end shows these; the others are in summary.csv.
_SHOWN = ("linear", "linear-sgd", "finetune", "supervised")
_TEXT = dict.fromkeys(
    [*CELL, "baseline", "dataset", "claim", "text", "verdict", "published_task", "published_protocol"], str
)
_SHARES = ("accuracy", "coverage", "mean", "effect", "difference", "ci_low", "ci_high", "p", "p_holm")
_SHARES += ("published", "measured")
_NUMBERS = {name: [""] for name in _SHARES}


def accuracy(
    score_files: Iterable[str | Path],
    methods: Sequence[str] = (),
    tasks: Sequence[str] = (),
    subsets: Sequence[str] = (),
) -> pd.DataFrame:
    """Collect the scores of all probes.

    Args:
        score_files: CSV files with the columns of ``ACCURACY_COLUMNS``; accuracy and coverage are shares.
        methods: the order of the methods; those not named come last, by name.
        tasks: likewise the order of the tasks.
        subsets: likewise the order of the subsets.

    Returns:
        All rows, sorted by method, task, protocol, modality, subset, labels and seed.

    Raises:
        UserError: there is no file, one is missing or lacks a column, or two rows score the same thing.
    """
    found = []
    for path in score_files:
        part = read(path)
        if missing := [name for name in ACCURACY_COLUMNS if name not in part]:
            raise UserError(f"{path} has no column {missing[0]!r}; delete it to have it made again.")
        found.append(part[ACCURACY_COLUMNS])
    if not found:
        raise UserError("there are no scores to collect.")
    table = _sort(pd.concat(found), [*CELL, "seed"], {"method": methods, "task": tasks, "subset": subsets})
    if (twice := table.duplicated([*CELL, "seed"])).any():
        row = ", ".join(f"{name} {table.loc[twice.idxmax(), name]}" for name in [*CELL, "seed"])
        raise UserError(f"two scores for the same thing ({row}); delete the stale score file.")
    return table


def beside_probes(summary: pd.DataFrame) -> pd.DataFrame:
    """Put the supervised baseline beside every protocol that scores the same task and modality.

    It is a protocol of its own, since nothing is probed, but readers compare the two. Where no protocol scores its
    task and modality, it stays as it is.
    """
    alone = summary["protocol"] == "supervised"
    baseline, parts, placed = summary[alone], [summary[~alone]], set()
    for protocol, probes in summary[~alone].groupby("protocol", sort=False):
        keys = set(zip(probes["task"], probes["modality"], strict=True))
        here = [key in keys for key in zip(baseline["task"], baseline["modality"], strict=True)]
        parts.append(baseline[here].assign(protocol=protocol))
        placed |= keys
    rest = [key not in placed for key in zip(baseline["task"], baseline["modality"], strict=True)]
    return pd.concat([*parts, baseline[rest]], ignore_index=True)


def runs(run_files: Iterable[str | Path], methods: Sequence[str] = (), subsets: Sequence[str] = ()) -> pd.DataFrame:
    """Collect how the pretraining runs ended, from their ``run.json``, sorted like :func:`accuracy`.

    Raises:
        UserError: there is no file, or one lacks a key.
    """
    found = []
    for path in run_files:
        run = read_json(path)
        if missing := [name for name in RUN_COLUMNS if name not in run]:
            raise UserError(f"{path} has no key {missing[0]!r}; delete its folder to run it again.")
        found.append({name: run[name] for name in RUN_COLUMNS})
    if not found:
        raise UserError("there are no runs to collect.")
    keys = ["dataset", "subset", "labels", "method", "seed"]
    return _sort(pd.DataFrame(found), keys, {"method": methods, "subset": subsets})


def write(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically."""
    write_csv(path, table)


def format_summary(
    summary: pd.DataFrame, claims: pd.DataFrame, report_path: str | Path, runs: pd.DataFrame | None = None
) -> str:
    """Return an experiment's outcome as plain text, at most 100 columns wide.

    Args:
        summary: of :func:`avbench.outcomes.summary`. Nearest neighbours and retrieval are left to the file.
        claims: of :func:`avbench.claims.evaluate`.
        report_path: named at the end.
        runs: of :func:`runs`; adds how many runs were still improving.
    """
    blocks = []
    shown = beside_probes(summary)
    if (known := shown["protocol"].isin(_SHOWN)).any():
        shown = shown[known]
    for (protocol, modality), part in shown.groupby(["protocol", "modality"], sort=False):
        title = f"Accuracy in % ({protocol}, {modality}): mean ± half the 95 % interval over seeds and test clips"
        blocks.append("\n\n".join([title, *_grids(part)]))
    if left := [name for name in dict.fromkeys(summary["protocol"]) if name not in set(shown["protocol"])]:
        blocks.append(textwrap.fill(f"Also scored ({', '.join(left)}): tables/summary.csv.", WIDTH))
    if runs is not None and (count := int(runs["still_improving"].sum())):
        note = (
            f"{count} of {len(runs)} pretraining runs were still improving when they ended "
            "(tables/runs.csv names them): their scores may rise with longer training."
        )
        blocks.append(textwrap.fill(note, WIDTH))
    lines = ["Claims: verdict, effect in percentage points, its 95 % interval, and p adjusted for their number"]
    tested = claims["effect"].notna()
    for claim in claims[tested].itertuples():
        effect = f" {100 * claim.effect:+.1f}"
        if claim.ci_low == claim.ci_low:
            effect += f" [{100 * claim.ci_low:.1f}, {100 * claim.ci_high:.1f}]"
        p = "" if claim.p_holm != claim.p_holm else "p<.001" if claim.p_holm < 0.001 else f"p={claim.p_holm:.3f}"
        lead = f"{claim.verdict:<14}{effect:<21} {p.replace('=0.', '=.'):<7} "
        lines.append(textwrap.fill(claim.text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead)))
    if not tested.all():
        names = "not tested, for want of a method, subset, task or protocol: " + ", ".join(claims["claim"][~tested])
        lines.append(textwrap.fill(names, WIDTH, break_on_hyphens=False))
    return "\n\n".join([*blocks, "\n".join(lines), f"Report: {report_path}"]) + "\n"


def print_summary(tables_dir: str | Path, report_path: str | Path) -> None:
    """Print :func:`format_summary` of the tables in a folder.

    Raises:
        UserError: a table is missing.
    """
    folder = Path(tables_dir)
    print(
        format_summary(
            read(folder / "summary.csv"),
            read(folder / "claims.csv"),
            report_path,
            read(folder / "runs.csv"),
        ),
        end="",
    )


def read(path: str | Path) -> pd.DataFrame:
    """Read a table; only numbers may be missing, so that a method called NA stays one."""
    try:
        return pd.read_csv(path, dtype=_TEXT, keep_default_na=False, na_values=_NUMBERS)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run the experiment first.") from None
    except ValueError as error:
        raise UserError(f"{path} is not the table it should be: {error}.") from error


def _sort(table: pd.DataFrame, keys: list[str], orders: dict[str, Sequence[str]]) -> pd.DataFrame:
    def place(column: pd.Series) -> pd.Series:
        if column.name not in orders:
            return column
        known = list(dict.fromkeys(orders[column.name]))
        ranks = {name: i for i, name in enumerate([*known, *sorted(set(column) - set(known))])}
        return column.map(ranks)

    return table.sort_values(keys, key=place, ignore_index=True)


def _grids(part: pd.DataFrame) -> list[str]:
    """Lay means out as grids, methods down and tasks × subsets across, as many as the width asks."""
    cells = {}
    subsets = part[part["subset"] != ALL_SUBSETS].groupby("task")["subset"].unique().to_dict()
    for row in part.itertuples():
        half = f" ± {50 * (row.ci_high - row.ci_low):.1f}" if row.ci_low == row.ci_low else ""
        # A score that depends on no subset stands in the column of each.
        for subset in subsets.get(row.task, [ALL_SUBSETS]) if row.subset == ALL_SUBSETS else [row.subset]:
            cells[row.method, (row.task, subset)] = f"{100 * row.mean:.1f}{half}"
    methods = list(dict.fromkeys(part["method"]))
    columns = list(dict.fromkeys(key for _, key in cells))
    first = max(map(len, methods))
    widths = {key: max(*map(len, key), *(len(text) for (_, k), text in cells.items() if k == key)) for key in columns}
    grids, start = [], 0
    while start < len(columns):
        stop, used = start, first
        while stop < len(columns) and (stop == start or used + 2 + widths[columns[stop]] <= WIDTH):
            used += 2 + widths[columns[stop]]
            stop += 1
        shown = columns[start:stop]
        rows = [["", *(key[0] for key in shown)], ["", *(key[1] for key in shown)]]
        rows += [[method, *(cells.get((method, key), "") for key in shown)] for method in methods]
        lines = []
        for name, *values in rows:
            padded = (value.rjust(widths[key]) for key, value in zip(shown, values, strict=True))
            lines.append("  ".join([name.ljust(first), *padded]).rstrip())
        grids.append("\n".join(lines))
        start = stop
    return grids
