"""The tables of an experiment, and the short text that a run ends with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from avbench.config.budgets import ALL_BUDGETS
from avbench.core.errors import UserError
from avbench.core.files import write_csv
from avbench.evaluation.geometry import GEOMETRY_COLUMNS
from avbench.evaluation.scores import CELL

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
_TEXT_COLUMNS = [*CELL, "noise", "baseline", "dataset", "claim", "text", "verdict", "source", "stopped", "edge"]
_TEXT_COLUMNS += ["shorter", "longer", "published_task", "published_protocol", "at_edge"]
_TEXT = dict.fromkeys(_TEXT_COLUMNS, str)
_MISSING = ["accuracy", "coverage", "mean", "effect", "difference", "ci_low", "ci_high", "p", "p_holm", "rate"]
_MISSING += ["published", "measured", "gain", "gain_low", "gain_high", "mean_average_precision", "balanced_accuracy"]
_MISSING += ["change", "change_low", "change_high", "change_p", "change_p_holm", "seeds_needed", "clips_needed"]
_MISSING += [
    "validation_accuracy",
    "strength",
    "macro_f1",
    "head_accuracy",
    "middle_accuracy",
    "tail_accuracy",
    "negatives_of_class",
]
_MISSING += ["knn_audio", "knn_video", *GEOMETRY_COLUMNS[5:]]
_NUMBERS = {name: [""] for name in _MISSING}

OwnLabels = Mapping[str, str]
"""The labels that stand for a method wherever it is known by its name alone; one that is left out has but one."""


def own(table: pd.DataFrame, own_labels: OwnLabels | None) -> pd.DataFrame:
    """Return the rows of each method's own labels; those of a method that is not named all stay."""
    return table[is_own(table, own_labels)]


def is_own(table: pd.DataFrame, own_labels: OwnLabels | None) -> pd.Series:
    """Say of each row whether its labels are its method's own, which they are where none are named."""
    known = own_labels or {}
    pairs = zip(table["method"], table["labels"], strict=True)
    return pd.Series([known.get(method, labels) == labels for method, labels in pairs], table.index, dtype=bool)


def at_budget(table: pd.DataFrame, budget: str) -> pd.DataFrame:
    """Return the rows of a budget, and those that depend on none."""
    return table[table["budget"].isin([budget, ALL_BUDGETS])]


def budgets(table: pd.DataFrame) -> list[str]:
    """Return the budgets in their order in a table made by :func:`arrange`: shortest first."""
    return [name for name in dict.fromkeys(table["budget"]) if name != ALL_BUDGETS]


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


def write(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically."""
    write_csv(path, table)


def read(path: str | Path) -> pd.DataFrame:
    """Read a table; only numbers may be missing, so that a method called NA stays one."""
    try:
        return pd.read_csv(path, dtype=_TEXT, keep_default_na=False, na_values=_NUMBERS)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run the experiment first.") from None
    except ValueError as error:
        raise UserError(f"{path} is not the table it should be: {error}.") from error
