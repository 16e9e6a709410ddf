"""All tables of an experiment, made of what its plan lists."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.config.settings import build
from avbench.core.files import read_csv
from avbench.evaluation import scores as predictions
from avbench.evaluation.metrics import METRICS, metrics
from avbench.evaluation.scores import CELL
from avbench.provenance import record as provenance
from avbench.results import claims, collect, dynamics, outcomes, published, published_text, robustness, tables
from avbench.results import pair_counts as sampling

METRICS_COLUMNS = [*CELL, "seed", "accuracy", *METRICS[:2], "mean_average_precision", *METRICS[2:]]


@dataclass(frozen=True)
class TablesPlan:
    """What the tables are made of. Where the order of a mapping's keys matters, it is that of the config.

    Attributes:
        scores: score files, each with the predictions beside it.
        runs: ``run.json`` of every pretraining run.
        geometry: files of :mod:`avbench.evaluation.geometry`.
        dynamics: method, subset, labels, seed and path of each run that recorded its dynamics.
        sampling: method (its fields), labels, label_file, subset and seed of each run.
        subset_files: of each pretraining subset, smallest first.
        subsets: how each is drawn, of which ``imbalance`` is taken.
        label_variants: kind, noise and rate of each, whatever else there is.
        own_labels: of each method.
        methods: in the order of the tables.
        tasks: dataset, role, train and published_task of each.
        batch_size, batch_order: of pretraining.
        epochs: of the runs on each subset.
        data, dataset: the folder of the datasets, and which one is pretrained on.
        claims, published: what is tested, and set beside.
    """

    scores: tuple[str, ...]
    runs: tuple[str, ...]
    subset_files: Mapping[str, str]
    subsets: Mapping[str, Mapping[str, Any]]
    own_labels: Mapping[str, str]
    methods: tuple[str, ...]
    tasks: Mapping[str, Mapping[str, Any]]
    batch_size: int
    epochs: Mapping[str, int]
    dataset: str
    claims: str
    published: str
    geometry: tuple[str, ...] = ()
    dynamics: tuple[Mapping[str, Any], ...] = ()
    sampling: tuple[Mapping[str, Any], ...] = ()
    label_variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    batch_order: str = "fresh"
    data: str = "data"


def make_tables(plan: Mapping[str, Any], output: str | Path) -> list[Path]:
    """Write every table of an experiment into a folder, each atomically; one that has no rows, with its head.

    Args:
        plan: the fields of :class:`TablesPlan`.
        output: the folder.

    Returns:
        The files written.

    Raises:
        UserError: the plan has an unknown key or lacks one, or a file is missing, damaged or at odds with another.
    """
    plan = build(TablesPlan, plan, "plan")
    methods, subsets, tasks = list(plan.methods), list(plan.subset_files), list(plan.tasks)
    labels, own = ["none", "true", *plan.label_variants], plan.own_labels
    clips = {name: Counter(read_csv(path, ("label",))["label"]) for name, path in plan.subset_files.items()}
    sizes = {name: _size(classes, plan.subsets.get(name, {})) for name, classes in clips.items()}

    accuracy = collect.accuracy(plan.scores, methods, tasks, subsets, labels, own)
    measured = []

    def measure(row: Any, part: pd.DataFrame) -> None:
        trained_on = clips.get(row.subset) if plan.tasks[row.task]["train"] == "subset" else None
        scored = {name: getattr(row, name) for name in METRICS_COLUMNS if hasattr(row, name)}
        measured.append(scored | metrics(part, trained_on))

    found = outcomes.collect(accuracy, plan.scores, measure)
    summary, comparisons = outcomes.summary(found), outcomes.comparisons(found)
    roles = {name: task["role"] for name, task in plan.tasks.items()}
    noise = robustness.noises(plan.label_variants)
    paper = published.read(plan.published)
    made = {
        "accuracy": accuracy,
        "metrics": accuracy[[*CELL, "seed"]].merge(pd.DataFrame(measured)[METRICS_COLUMNS]),
        "summary": summary,
        "comparisons": comparisons,
        "claims": claims.evaluate(found, claims.read_claims(plan.claims), roles, subsets, own),
        "robustness": robustness.table(summary, comparisons, noise, sizes),
        "break_even": robustness.break_even(found, noise, sizes),
    }
    published_text.write(output, published.beside(summary, paper, plan.tasks, subsets[-1], own), paper)
    orders = {"method": methods, "subset": subsets, "task": tasks, "labels": labels}
    made["runs"] = collect.runs(plan.runs, methods, subsets, labels, own)
    of_runs = {
        "geometry": (collect.geometry(plan.geometry), ["task"]),
        "sampling": (
            sampling.table(plan.sampling, plan.subset_files, plan.batch_size, plan.batch_order, plan.epochs),
            [],
        ),
        "dynamics": (dynamics.table(plan.dynamics, plan.data, plan.dataset), ["epoch"]),
    }
    for name, (table, within) in of_runs.items():
        made[name] = tables.arrange(table, ["method", "subset", "labels", "seed", *within], orders, own)
    for name, table in made.items():
        tables.write(Path(output, f"{name}.csv"), table)
    names = [*(f"{name}.csv" for name in made), "paper.csv", "paper.md", "paper.tex"]
    return [Path(output, name) for name in names]


def sources(plan: Mapping[str, Any]) -> list[str]:
    """Return every file that the tables of a plan are made of, and the records beside the scores."""
    plan = build(TablesPlan, plan, "plan")
    beside = [Path(path).with_name(name) for path in plan.scores for name in (predictions.FILE, provenance.FILE)]
    labels = {entry["label_file"] for entry in plan.sampling if entry["label_file"]}
    recorded = [entry["path"] for entry in plan.dynamics]
    files = [*plan.scores, *beside, *plan.runs, *plan.geometry, *recorded, *sorted(labels)]
    return [str(path) for path in [*files, *plan.subset_files.values(), plan.claims, plan.published]]


def _size(classes: Mapping[str, int], subset: Mapping[str, Any]) -> robustness.Size:
    """Return a subset's size; its imbalance is the one that was asked for, or else what its classes show."""
    shown = max(classes.values()) / min(classes.values())
    return robustness.Size(sum(classes.values()), float(subset.get("imbalance") or shown))
