"""The tables of an experiment, and the short text that a run ends with."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from avbench.errors import UserError
from avbench.fileio import read_json, write_csv

CELL = ["method", "task", "protocol", "modality", "subset", "labels"]
ACCURACY_COLUMNS = [*CELL, "seed", "accuracy", "mean_average_precision", "n_train", "n_test", "coverage"]
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
GEOMETRY_COLUMNS = ["method", "subset", "labels", "seed", "task", "alignment", "class_alignment"]
GEOMETRY_COLUMNS += ["uniformity_audio", "uniformity_video", "effective_rank_audio", "effective_rank_video"]
ALL_SUBSETS = "all"  # of a score that depends on no pretraining subset
WIDTH = 100
# The text at the end shows these; the others are in summary.csv.
_SHOWN = ("linear", "linear-sgd", "finetune", "supervised")
_TEXT = [*CELL, "noise", "baseline", "dataset", "claim", "text", "verdict", "published_task", "published_protocol"]
_TEXT = dict.fromkeys(_TEXT, str)
_MISSING = ["accuracy", "coverage", "mean", "effect", "difference", "ci_low", "ci_high", "p", "p_holm", "rate"]
_MISSING += ["published", "measured", "gain", "gain_low", "gain_high", "mean_average_precision", "balanced_accuracy"]
_MISSING += ["macro_f1", "head_accuracy", "middle_accuracy", "tail_accuracy", "negatives_of_class"]
_MISSING += ["knn_audio", "knn_video", *GEOMETRY_COLUMNS[5:]]
_NUMBERS = {name: [""] for name in _MISSING}

OwnLabels = Mapping[str, str]
"""The labels that stand for a method wherever it is known by its name alone; one that is left out has but one."""


def accuracy(
    score_files: Iterable[str | Path],
    methods: Sequence[str] = (),
    tasks: Sequence[str] = (),
    subsets: Sequence[str] = (),
    labels: Sequence[str] = (),
    own_labels: OwnLabels | None = None,
) -> pd.DataFrame:
    """Collect the scores of all probes.

    Args:
        score_files: CSV files with the columns of ``ACCURACY_COLUMNS``; accuracy, mean average precision (NaN where a
            protocol has no class scores) and coverage are shares.
        methods: the order of the methods; those not named come last, by name.
        tasks: likewise the order of the tasks.
        subsets: likewise the order of the subsets.
        labels: likewise the order of the labels, but that a method's own come first.
        own_labels: of each method.

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
    orders = {"method": methods, "task": tasks, "subset": subsets, "labels": labels}
    table = arrange(pd.concat(found), [*CELL, "seed"], orders, own_labels)
    if (twice := table.duplicated([*CELL, "seed"])).any():
        row = ", ".join(f"{name} {table.loc[twice.idxmax(), name]}" for name in [*CELL, "seed"])
        raise UserError(f"two scores for the same thing ({row}); delete the stale score file.")
    return table


def own(table: pd.DataFrame, own_labels: OwnLabels | None) -> pd.DataFrame:
    """Return the rows of each method's own labels; those of a method that is not named all stay."""
    return table[is_own(table, own_labels)]


def is_own(table: pd.DataFrame, own_labels: OwnLabels | None) -> pd.Series:
    """Say of each row whether its labels are its method's own, which they are where none are named."""
    known = own_labels or {}
    pairs = zip(table["method"], table["labels"], strict=True)
    return pd.Series([known.get(method, labels) == labels for method, labels in pairs], table.index, dtype=bool)


def first_labels(table: pd.DataFrame) -> dict[str, str]:
    """Return the labels that come first with each method: its own, in a table made by :func:`accuracy`."""
    return table.drop_duplicates("method").set_index("method")["labels"].to_dict()


def arrange(
    table: pd.DataFrame, keys: Sequence[str], orders: Mapping[str, Sequence[str]], own_labels: OwnLabels | None = None
) -> pd.DataFrame:
    """Sort a table by keys.

    Args:
        table: with the columns of ``keys``.
        keys: what to sort by; ``labels`` after ``method``.
        orders: of the values of a key; those not named come last, by name. Other keys are sorted by value.
        own_labels: come first among a method's labels.
    """
    table, places = table.reset_index(drop=True), {}
    for name in keys:
        if name == "labels":
            places["other"] = ~is_own(table, own_labels)
        known = list(dict.fromkeys(orders.get(name, ())))
        ranks = {value: i for i, value in enumerate([*known, *sorted(set(table[name]) - set(known))])}
        places[name] = table[name].map(ranks)
    order = pd.DataFrame(places, index=table.index).sort_values(list(places), kind="stable").index
    return table.loc[order].reset_index(drop=True)


def beside_probes(summary: pd.DataFrame, own_labels: OwnLabels | None = None) -> pd.DataFrame:
    """Put the supervised baseline beside every protocol that scores the same task and modality.

    It is a protocol of its own, since nothing is probed, but readers compare the two. Where no protocol scores its
    task and modality, it stays as it is. Of a method, only the rows of its own labels are taken.
    """
    summary = own(summary, own_labels)
    alone = summary["protocol"] == "supervised"
    baseline, parts, placed = summary[alone], [summary[~alone]], set()
    for protocol, probes in summary[~alone].groupby("protocol", sort=False):
        keys = set(zip(probes["task"], probes["modality"], strict=True))
        here = [key in keys for key in zip(baseline["task"], baseline["modality"], strict=True)]
        parts.append(baseline[here].assign(protocol=protocol))
        placed |= keys
    rest = [key not in placed for key in zip(baseline["task"], baseline["modality"], strict=True)]
    return pd.concat([*parts, baseline[rest]], ignore_index=True)


def runs(
    run_files: Iterable[str | Path],
    methods: Sequence[str] = (),
    subsets: Sequence[str] = (),
    labels: Sequence[str] = (),
    own_labels: OwnLabels | None = None,
) -> pd.DataFrame:
    """Collect how the pretraining runs ended, from their ``run.json``.

    Returns:
        ``RUN_COLUMNS``, sorted by dataset, subset, method, labels and seed, in the orders of :func:`accuracy`.

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
    orders = {"method": methods, "subset": subsets, "labels": labels}
    return arrange(pd.DataFrame(found), ["dataset", "subset", "method", "labels", "seed"], orders, own_labels)


def geometry(files: Iterable[str | Path]) -> pd.DataFrame:
    """Collect how the runs' embeddings lie in their space: all rows of the files, ``GEOMETRY_COLUMNS``.

    Raises:
        UserError: a file is missing or lacks a column.
    """
    found = []
    for path in files:
        part = read(path)
        if missing := [name for name in GEOMETRY_COLUMNS if name not in part]:
            raise UserError(f"{path} has no column {missing[0]!r}; delete it to have it made again.")
        found += part[GEOMETRY_COLUMNS].to_dict("records")
    return pd.DataFrame(found, columns=GEOMETRY_COLUMNS)


def write(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically."""
    write_csv(path, table)


def format_summary(
    summary: pd.DataFrame,
    claims: pd.DataFrame,
    report_path: str | Path,
    runs: pd.DataFrame | None = None,
    own_labels: OwnLabels | None = None,
) -> str:
    """Return an experiment's outcome as plain text, at most 100 columns wide.

    Args:
        summary: of :func:`avbench.outcomes.summary`. Nearest neighbours and retrieval are left to the file.
        claims: of :func:`avbench.claims.evaluate`.
        report_path: named at the end.
        runs: of :func:`runs`; adds how many runs were still improving.
        own_labels: of each method; what it reached with others is left to the file.
    """
    blocks = []
    shown = beside_probes(summary, own_labels)
    if (known := shown["protocol"].isin(_SHOWN)).any():
        shown = shown[known]
    for (protocol, modality), part in shown.groupby(["protocol", "modality"], sort=False):
        title = f"Accuracy in % ({protocol}, {modality}): mean ± half the 95 % interval over seeds and test clips"
        blocks.append("\n\n".join([title, *_grids(part)]))
    if left := [name for name in dict.fromkeys(summary["protocol"]) if name not in set(shown["protocol"])]:
        blocks.append(textwrap.fill(f"Also scored ({', '.join(left)}): tables/summary.csv.", WIDTH))
    if others := dict.fromkeys(summary["labels"][~is_own(summary, own_labels)]):
        note = f"Methods are shown with their first labels. With others ({', '.join(others)}): tables/summary.csv."
        blocks.append(textwrap.fill(note, WIDTH, break_on_hyphens=False))
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
    summary, claims, runs = (read(Path(tables_dir, f"{name}.csv")) for name in ("summary", "claims", "runs"))
    print(format_summary(summary, claims, report_path, runs, first_labels(summary)), end="")


def read(path: str | Path) -> pd.DataFrame:
    """Read a table; only numbers may be missing, so that a method called NA stays one."""
    try:
        return pd.read_csv(path, dtype=_TEXT, keep_default_na=False, na_values=_NUMBERS)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run the experiment first.") from None
    except ValueError as error:
        raise UserError(f"{path} is not the table it should be: {error}.") from error


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
