"""The summary that the console shows."""

import textwrap
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.results.tables import ALL_SUBSETS, OwnLabels, beside_probes, first_labels, is_own, read

WIDTH = 100
# The text at the end shows these; the others are in summary.csv.
_SHOWN = ("linear", "linear-sgd", "finetune", "supervised")
_CLAIMED_BY = {
    "paper": "Of the paper, with the effect that it published:",
    "ours": "Of ours, with the published effect where there is one:",
}


def format_summary(
    summary: pd.DataFrame,
    claims: pd.DataFrame,
    report_path: str | Path,
    runs: pd.DataFrame | None = None,
    own_labels: OwnLabels | None = None,
    accuracy: pd.DataFrame | None = None,
) -> str:
    """Return an experiment's outcome as plain text, at most 100 columns wide.

    Args:
        summary: of :func:`avbench.results.outcomes.summary`. Nearest neighbours and retrieval are left to the file.
        claims: of :func:`avbench.results.published_claims.beside`.
        report_path: named at the end.
        runs: of :func:`runs`; adds how many runs were still improving.
        own_labels: of each method; what it reached with others is left to the file.
        accuracy: every score; adds at which edge of the grid linear probes chose their strength.
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
    if accuracy is not None and (text := _edges(accuracy)):
        blocks.append(textwrap.fill(text, WIDTH))
    lines = ["Claims: verdict, effect in percentage points, its 95 % interval, and p adjusted for their number"]
    tested = claims["effect"].notna()
    for source, part in claims[tested].groupby("source", sort=False):
        lines += [_CLAIMED_BY[source], *map(_claim, part.itertuples())]
    if not tested.all():
        names = "not tested, for want of a method, subset, task or protocol: " + ", ".join(claims["claim"][~tested])
        lines.append(textwrap.fill(names, WIDTH, break_on_hyphens=False))
    return "\n\n".join([*blocks, "\n".join(lines), f"Report: {report_path}"]) + "\n"


def print_summary(tables_dir: str | Path, report_path: str | Path) -> None:
    """Print :func:`format_summary` of the tables in a folder.

    Raises:
        UserError: a table is missing.
    """
    names = ("summary", "claims", "runs", "accuracy")
    summary, claims, runs, accuracy = (read(Path(tables_dir, f"{name}.csv")) for name in names)
    print(format_summary(summary, claims, report_path, runs, first_labels(summary), accuracy), end="")


def _edges(accuracy: pd.DataFrame) -> str:
    """Say how many linear probes chose the lowest or highest strength that they were given; empty if none did."""
    probes = accuracy[accuracy["strength"].notna()]
    counts = probes[probes["edge"] != ""].groupby(["strength", "edge"]).size()
    if counts.empty:
        return ""
    listed = "; ".join(f"{edge}, {strength:g}: {count}" for (strength, edge), count in counts.items())
    return (
        f"{counts.sum()} of {len(probes)} linear probes chose a strength at the edge of evaluation.linear.strengths "
        f"({listed}): with a wider list they may do better. tables/accuracy.csv names them (strength, edge)."
    )


def _claim(claim: Any) -> str:
    effect = f" {100 * claim.effect:+.1f}"
    if claim.ci_low == claim.ci_low:
        effect += f" [{100 * claim.ci_low:.1f}, {100 * claim.ci_high:.1f}]"
    p = "" if claim.p_holm != claim.p_holm else "p<.001" if claim.p_holm < 0.001 else f"p={claim.p_holm:.3f}"
    published = f"{100 * claim.published:+.1f}" if claim.published == claim.published else "–"
    lead = f"{claim.verdict:<14}{effect:<21} {p.replace('=0.', '=.'):<7} {published:>5}  "
    return textwrap.fill(claim.text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))


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
