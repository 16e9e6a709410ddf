"""Tables of scores, runs and geometry, collected from the files of single runs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.evaluation.geometry import GEOMETRY_COLUMNS
from avbench.evaluation.scores import ACCURACY_COLUMNS, CELL
from avbench.provenance.record import require_recorded
from avbench.results.tables import OwnLabels, arrange, read

RUN_COLUMNS = ["dataset", "subset", "labels", "method", "budget", "seed", "steps", "epochs", "final_loss"]
RUN_COLUMNS += ["final_batch_accuracy"]


def accuracy(
    score_files: Iterable[str | Path],
    orders: Mapping[str, Sequence[str]] | None = None,
    own_labels: OwnLabels | None = None,
) -> pd.DataFrame:
    """Collect the scores of all probes.

    Args:
        score_files: CSV files with the columns of ``ACCURACY_COLUMNS``; accuracy, mean average precision (NaN where a
            protocol has no class scores) and coverage are shares.
        orders: of methods, tasks, subsets, labels and budgets, by column; those not named come last, by name.
        own_labels: of each method; they come first among its labels.

    Returns:
        All rows, sorted by method, task, protocol, modality, subset, labels, budget and seed.

    Raises:
        UserError: there is no file, one is missing or lacks a column, or two rows score the same thing.
    """
    found = []
    for path in score_files:
        require_recorded(path)
        part = read(path)
        if missing := [name for name in ACCURACY_COLUMNS if name not in part]:
            raise UserError(f"{path} has no column {missing[0]!r}; delete it to have it made again.")
        found.append(part[ACCURACY_COLUMNS])
    if not found:
        raise UserError("there are no scores to collect.")
    table = arrange(pd.concat(found), [*CELL, "seed"], orders or {}, own_labels)
    if (twice := table.duplicated([*CELL, "seed"])).any():
        row = ", ".join(f"{name} {table.loc[twice.idxmax(), name]}" for name in [*CELL, "seed"])
        raise UserError(f"two scores for the same thing ({row}); delete the stale score file.")
    return table


def runs(
    run_files: Iterable[str | Path],
    orders: Mapping[str, Sequence[str]] | None = None,
    own_labels: OwnLabels | None = None,
) -> pd.DataFrame:
    """Collect how the pretraining runs ended, from their ``run.json``.

    Returns:
        ``RUN_COLUMNS``, sorted by dataset, subset, method, labels, budget and seed, in the orders of :func:`accuracy`.

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
    keys = ["dataset", "subset", "method", "labels", "budget", "seed"]
    return arrange(pd.DataFrame(found), keys, orders or {}, own_labels)


def geometry(files: Iterable[str | Path]) -> pd.DataFrame:
    """Collect how the runs' embeddings lie in their space: all rows of the files, ``GEOMETRY_COLUMNS``.

    Raises:
        UserError: a file is missing or lacks a column.
    """
    found = []
    for path in files:
        require_recorded(path)
        part = read(path)
        if missing := [name for name in GEOMETRY_COLUMNS if name not in part]:
            raise UserError(f"{path} has no column {missing[0]!r}; delete it to have it made again.")
        found += part[GEOMETRY_COLUMNS].to_dict("records")
    return pd.DataFrame(found, columns=GEOMETRY_COLUMNS)
