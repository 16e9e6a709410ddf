"""Predictions: what every protocol said about every test clip, in a Parquet file beside the score file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from avbench.core.errors import UserError
from avbench.core.files import atomic, write_csv

CELL = ["method", "task", "protocol", "modality", "subset", "labels", "budget"]
ACCURACY_COLUMNS = [*CELL, "seed", "accuracy", "mean_average_precision", "n_train", "n_test", "coverage"]
ACCURACY_COLUMNS += ["strength", "edge"]

SCORED = ["task", "protocol", "modality"]
COLUMNS = [*SCORED, "clip_id", "label", "prediction", "correct"]
FILE = "predictions.parquet"


def write(path: str | Path, table: pd.DataFrame) -> None:
    """Write predictions atomically: ``correct`` as float64, the other ``COLUMNS`` as text."""
    columns = {
        name: pa.array(table[name].tolist(), pa.float64() if name == "correct" else pa.string()) for name in COLUMNS
    }
    with atomic(path) as part:
        pq.write_table(pa.table(columns), part, compression="zstd")


def read(path: str | Path) -> pd.DataFrame:
    """Read what :func:`write` wrote.

    Raises:
        UserError: the file is missing, damaged, or holds other columns.
    """
    try:
        with pq.ParquetFile(path) as file:
            return file.read(COLUMNS).select(COLUMNS).to_pandas()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. Evaluate the run again.") from None
    except (OSError, KeyError, pa.ArrowException) as error:
        raise UserError(f"{path} holds no predictions: {error}. Delete it to have it made again.") from error


def write_scores(
    path: Path,
    table: pd.DataFrame,
    identity: Mapping[str, Any],
    n_train: Mapping[str, int],
    coverage: Mapping[str, float],
    precision: Mapping[tuple[str, str, str], float | None] | None = None,
    fitted: Mapping[tuple[str, str, str], Mapping[str, Any]] | None = None,
) -> None:
    """Write predictions, and beside them the score file: accuracy is the mean of ``correct``.

    Args:
        path: the score file.
        table: predictions of one run: one row a test clip and (task, protocol, modality).
        identity: method, subset, labels, budget and seed of the run.
        n_train, coverage: training clips of each task, and the share of its test clips that are stored.
        precision: mean average precision of a (task, protocol, modality), where classes were scored.
        fitted: strength and edge of a (task, protocol, modality), where a strength was chosen.
    """
    write(path.with_name(FILE), table)
    rows = []
    for key, part in table.groupby(SCORED, sort=False):
        scored = {**dict(zip(SCORED, key, strict=True)), "accuracy": part["correct"].mean()}
        scored["mean_average_precision"] = (precision or {}).get(key)
        about = {"n_train": n_train[key[0]], "n_test": len(part), "coverage": coverage[key[0]]}
        chosen = {"strength": None, "edge": "", **(fitted or {}).get(key, {})}
        rows.append({**identity, **scored, **about, **chosen})
    write_csv(path, pd.DataFrame(rows)[ACCURACY_COLUMNS])
