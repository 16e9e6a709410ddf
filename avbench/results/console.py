"""The summary that the console shows."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.config.evaluation import OF_SETS
from avbench.results import tuning as tuned
from avbench.results.answer import sentences
from avbench.results.budget_gains import GAINS
from avbench.results.tables import (
    ALL_SUBSETS,
    OwnLabels,
    at_budget,
    beside_probes,
    budgets,
    first_labels,
    is_own,
    read,
)
from avbench.results.verdicts import DEPENDS

WIDTH = 100
# The text at the end shows these; the others are in summary.csv.
_SHOWN = ("linear", "linear-map", "linear-sgd", "finetune", "supervised")
_CLAIMED_BY = {
    "paper": "Of the paper, with the effect that it published:",
    "ours": "Of ours, with the published effect where there is one:",
}


def format_summary(
    summary: pd.DataFrame,
    claims: pd.DataFrame,
    gains: pd.DataFrame,
    report_path: str | Path,
    own_labels: OwnLabels | None = None,
    accuracy: pd.DataFrame | None = None,
    tuning: pd.DataFrame | None = None,
) -> str:
    """Return an experiment's outcome as plain text, at most 100 columns wide.

    Args:
        summary: of :func:`avbench.results.outcomes.summary`. Nearest neighbours and retrieval are left to the file.
        claims: of :func:`avbench.results.published_claims.beside`.
        gains: of :func:`avbench.results.budget_gains.table`.
        report_path: named at the end.
        own_labels: of each method; what it reached with others is left to the file.
        accuracy: every score; adds at which edge of the grid linear probes chose their strength.
        tuning: of :func:`avbench.results.tuning.table`; adds how many trials each method had.
    """
    blocks, lengths = [], budgets(summary)
    shown = beside_probes(at_budget(summary, lengths[-1]), own_labels)
    if (known := shown["protocol"].isin(_SHOWN)).any():
        shown = shown[known]
    for (protocol, modality), part in shown.groupby(["protocol", "modality"], sort=False):
        measure = OF_SETS.get(protocol, "accuracy").capitalize().replace("auc", "AUC")
        title = f"{measure} in % ({protocol}, {modality}): mean ± half the 95 % interval over seeds and test clips"
        blocks.append("\n\n".join([title, *_grids(part)]))
    told = {*shown["protocol"], *(["supervised"] if "supervised" in set(shown["method"]) else [])}
    if left := [name for name in dict.fromkeys(summary["protocol"]) if name not in told]:
        blocks.append(textwrap.fill(f"Also scored ({', '.join(left)}): tables/summary.csv.", WIDTH))
    if len(lengths) > 1:
        note = f"Shown is the longest budget, {lengths[-1]}. Others ({', '.join(lengths[:-1])}): tables/summary.csv."
        blocks.append(textwrap.fill(note, WIDTH, break_on_hyphens=False))
    if others := dict.fromkeys(summary["labels"][~is_own(summary, own_labels)]):
        note = f"Methods are shown with their first labels. With others ({', '.join(others)}): tables/summary.csv."
        blocks.append(textwrap.fill(note, WIDTH, break_on_hyphens=False))
    blocks.append(textwrap.fill(longer(gains, lengths), WIDTH, break_on_hyphens=False))
    if accuracy is not None and (text := edges(accuracy)):
        blocks.append(textwrap.fill(text, WIDTH))
    if tuning is not None:
        blocks.append(textwrap.fill(tuned.told(tuning), WIDTH, break_on_hyphens=False))
    lines = _claims(claims)
    tested = claims["effect"].notna()
    if not tested.all():
        names = "not tested, for want of a method, subset, task or protocol: " + ", ".join(claims["claim"][~tested])
        lines.append(textwrap.fill(names, WIDTH, break_on_hyphens=False))
    answer = [textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False) for text in sentences(claims)]
    return "\n\n".join([*blocks, "\n".join(lines), "\n".join(answer), f"Report: {report_path}"]) + "\n"


def print_summary(tables_dir: str | Path, report_path: str | Path) -> None:
    """Print :func:`format_summary` of the tables in a folder.

    Raises:
        UserError: a table is missing.
    """
    names = ("summary", "claims", "budgets", "accuracy", "tuning")
    summary, claims, gains, accuracy, tuning = (read(Path(tables_dir, f"{name}.csv")) for name in names)
    print(format_summary(summary, claims, gains, report_path, first_labels(summary), accuracy, tuning), end="")


def as_json(tables_dir: str | Path) -> dict[str, Any]:
    """Return the answer, the claims and the mean accuracies of the tables in a folder, as JSON can hold them.

    Raises:
        UserError: a table is missing.
    """
    claims, summary = (read(Path(tables_dir, f"{name}.csv")) for name in ("claims", "summary"))
    rows = {
        name: json.loads(table.to_json(orient="records")) for name, table in (("claims", claims), ("summary", summary))
    }
    return {"answer": sentences(claims), **rows}


def edges(accuracy: pd.DataFrame) -> str:
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


def longer(gains: pd.DataFrame, budgets: Sequence[str]) -> str:
    """Say how many methods still gained from the longest budget, or that there was but one."""
    if len(budgets) < 2:
        return "There was one budget: nothing here says what longer training would bring."
    *_, shorter, longest = budgets
    last = gains[(gains["shorter"] == shorter) & (gains["longer"] == longest)]
    gained = last[last["verdict"] == GAINS]
    still, methods = gained["method"].nunique(), last["method"].nunique()
    return (
        f"{still} of {methods} methods still gain at the longest budget, {longest}, over {shorter} "
        f"({len(gained)} of {len(last)} comparisons): tables/budgets.csv."
    )


def _claims(claims: pd.DataFrame) -> list[str]:
    """Return a line per tested claim, below who claims it."""
    tested = claims[claims["effect"].notna()]
    single = tested["budgets"] == 1
    where = "at one budget" if single.all() else "at every budget, effects at the longest"
    lines = [f"Claims {where}: verdict, effect in points, 95 % interval, adjusted p"]
    # beside a verdict, as the others are of several
    words = tested["verdict"] + ["" if single.all() or not one else ", one budget" for one in single]
    width = max([14, *(len(word) for word in words)])
    for source, part in tested.assign(words=words).groupby("source", sort=False):
        lines += [_CLAIMED_BY[source], *(_claim(claim, width) for claim in part.itertuples())]
    return lines


def _claim(claim: Any, width: int) -> str:
    """Return a claim's line, with so many columns for its verdict."""
    effect = f" {_interval(claim.effect, claim.ci_low, claim.ci_high)}"
    p = p_text(claim.p_holm)
    published = f"{100 * claim.published:+.1f}" if claim.published == claim.published else "–"
    lead = f"{claim.words:<{width}}{effect:<21} {p.replace('=0.', '=.'):<7} {published:>5}  "
    text = claim.text
    if claim.verdict == DEPENDS:
        change = _interval(claim.change, claim.change_low, claim.change_high)
        text += f" (From the shortest budget to the longest: {change}.)"
    return textwrap.fill(text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))


def p_text(p: float) -> str:
    """Write a p value; nothing for none."""
    return "" if p != p else "p<.001" if p < 0.001 else f"p={p:.3f}"


def _interval(mean: float, low: float, high: float) -> str:
    """Write an effect, given as a share, in points, with its interval if it has one."""
    return f"{100 * mean:+.1f}" + (f" [{100 * low:.1f}, {100 * high:.1f}]" if low == low else "")


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
