"""Published results beside the measured ones, as CSV, Markdown and LaTeX."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from avbench.core.errors import UserError
from avbench.results import tables

COLUMNS = ["method", "task", "protocol", "subset", "budget", "published_task", "published_protocol", "same_dataset"]
COLUMNS += ["published", "measured", "ci_low", "ci_high", "difference", "seeds", "clips"]


@dataclass(frozen=True)
class Published:
    """Results of a publication.

    Attributes:
        source, title: where they were published.
        modality: whose encoder was scored.
        tasks: each task's ``title``, ``dataset`` (its name in a config) and ``role``.
        protocols: for each published protocol, those of ours that it is put beside.
        accuracy: shares by (method, task, published protocol).
    """

    source: str
    title: str
    modality: str
    tasks: Mapping[str, Mapping[str, str]]
    protocols: Mapping[str, tuple[str, ...]]
    accuracy: Mapping[tuple[str, str, str], float]


def read(path: str | Path) -> Published:
    """Read a file of published results, such as ``config/published.yaml``.

    Raises:
        UserError: it is missing, no YAML, or not laid out like that file.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        protocols = {name: tuple(ours) for name, ours in content["protocols"].items()}
        told = ("title", "dataset", "role")
        tasks = {name: {key: task[key] for key in told} for name, task in content["tasks"].items()}
        accuracy = {
            (method, task, protocol): value / 100
            for protocol in protocols
            for method, values in content["accuracy"][protocol].items()
            for task, value in zip(tasks, values, strict=True)
        }
        return Published(content["source"], content["title"], content["modality"], tasks, protocols, accuracy)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"cannot read the published results in {path}: {error}.") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is not laid out as published results: {error}. See config/published.yaml.") from error


def read_losses(path: str | Path) -> pd.DataFrame:
    """Read published training losses: a column ``epoch``, from 0, and one a method with the epoch's mean loss.

    Raises:
        UserError: the file is missing or is no such table.
    """
    try:
        return pd.read_csv(path).astype(float).astype({"epoch": int})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"cannot read the published losses in {path}: {error}.") from error


def beside(
    summary: pd.DataFrame,
    published: Published,
    tasks: Mapping[str, Mapping[str, Any]],
    subset: str,
    budget: str,
    own_labels: tables.OwnLabels | None = None,
) -> pd.DataFrame:
    """Put measured accuracies beside the published ones.

    Args:
        summary: of :func:`avbench.results.outcomes.summary`.
        published: of :func:`read`.
        tasks: the config's table of tasks. ``published_task`` names the counterpart, without which a task is left
            out; where ``dataset`` is not the counterpart's, the figures are of different data.
        subset, budget: the pretraining subset and the length that stand for the publication's.
        own_labels: the labels that stand for each method; by default the only ones.

    Returns:
        Columns ``COLUMNS``, accuracies as shares: one row for each published figure whose task and protocol were
        scored, and NaN where the method was not. ``difference`` is measured − published, NaN on different data.

    Raises:
        UserError: a task names a counterpart that the publication lacks, or nothing says which of a method's several
            labels are meant.
    """
    summary = tables.own(summary, own_labels)
    summary = summary[
        (summary["modality"] == published.modality) & summary["subset"].isin([subset, tables.ALL_SUBSETS])
    ]
    summary = tables.at_budget(summary, budget)
    rows = []
    for theirs, ours in published.protocols.items():
        for protocol in ours:
            scored = summary[summary["protocol"] == protocol]
            for name, task in tasks.items():
                counterpart = task.get("published_task")
                if counterpart is None or name not in set(scored["task"]):
                    continue
                if counterpart not in published.tasks:
                    raise UserError(
                        f"config: tasks.{name}.published_task: {counterpart!r} is not among the published tasks, "
                        f"which are {', '.join(published.tasks)}."
                    )
                same = task["dataset"] == published.tasks[counterpart]["dataset"]
                measured = scored[scored["task"] == name].set_index("method")
                if not measured.index.is_unique:
                    twice = measured.index[measured.index.duplicated()][0]
                    labels = " and ".join(measured.loc[twice, "labels"])
                    raise UserError(f"method {twice!r} has several labels, {labels}: name its own ones.")
                for (method, where, how), figure in published.accuracy.items():
                    if (where, how) != (counterpart, theirs):
                        continue
                    row = measured.loc[method] if method in measured.index else None
                    mean, low, high = (np.nan,) * 3 if row is None else row[["mean", "ci_low", "ci_high"]]
                    seeds, clips = (0, 0) if row is None else row[["seeds", "clips"]]
                    difference = mean - figure if same else np.nan
                    meant = (method, name, protocol, subset, budget, counterpart, theirs, same)
                    rows.append((*meant, figure, mean, low, high, difference, seeds, clips))
    return pd.DataFrame(rows, columns=COLUMNS)
