"""What an experiment's tables are made of: each part is read once, when a table first asks for it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from avbench.config.mismatches import beside
from avbench.config.settings import build
from avbench.core.files import read_csv
from avbench.evaluation.metrics import METRICS, metrics
from avbench.evaluation.scores import CELL
from avbench.results import claims, outcomes, published, robustness, tables, verdicts
from avbench.results.catalogue import TABLES
from avbench.results.outcomes import Cell, Outcomes
from avbench.results.stopping import Looks

METRICS_COLUMNS = [*CELL, "seed", "accuracy", *METRICS[:2], "mean_average_precision", *METRICS[2:]]


@dataclass(frozen=True)
class TablesPlan:
    """What the tables are made of. Where the order of a mapping's keys matters, it is that of the config.

    Attributes:
        scores: score files, each with the predictions beside it.
        runs: ``run.json`` of every pretraining run.
        geometry: files of :mod:`avbench.evaluation.geometry`.
        dynamics: method, subset, labels, budget, seed and path of each run that recorded its dynamics.
        tuning: method, labels, subset and budget of each choice of a setting, and the path of its trials.
        sampling: method (its fields), labels, label_file, subset, budget and seed of each run.
        subset_files: of each pretraining subset, smallest first.
        subsets: how each is drawn, of which ``imbalance`` is taken.
        label_variants: kind, noise and rate of each, whatever else there is.
        mismatches: kind and rate of each, likewise.
        own_labels: of each method.
        methods: in the order of the tables.
        tasks: dataset, role, train and published_task of each.
        batch_size, batch_order: of pretraining.
        budgets: shortest first.
        lengths: epochs and steps of the runs on each subset by budget; steps, if there are any, count.
        data, dataset: the folder of the datasets, and which one is pretrained on.
        claims, published: what is tested, and set beside.
        looks: the fields of :class:`avbench.results.stopping.Looks`; none where seeds are listed.
    """

    scores: tuple[str, ...]
    runs: tuple[str, ...]
    subset_files: Mapping[str, str]
    subsets: Mapping[str, Mapping[str, Any]]
    own_labels: Mapping[str, str]
    methods: tuple[str, ...]
    tasks: Mapping[str, Mapping[str, Any]]
    batch_size: int
    budgets: tuple[str, ...]
    lengths: Mapping[str, Mapping[str, Mapping[str, int | None]]]
    dataset: str
    claims: str
    published: str
    geometry: tuple[str, ...] = ()
    dynamics: tuple[Mapping[str, Any], ...] = ()
    tuning: tuple[Mapping[str, str], ...] = ()
    sampling: tuple[Mapping[str, Any], ...] = ()
    label_variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mismatches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    batch_order: str = "fresh"
    data: str = "data"
    looks: Mapping[str, Any] | None = None


def labels_in_order(label_variants: Iterable[str], mismatches: Iterable[str]) -> list[str]:
    """Return the labels of runs in the order of tables: those with pairs that do not match come behind all others."""
    own = ["none", "true", *label_variants]
    return own + [beside(labels, name) for name in mismatches for labels in own]


class Material:
    """What tables are made of: files, and other tables.

    Args:
        plan: names the files.
    """

    def __init__(self, plan: TablesPlan) -> None:
        self.plan = plan
        self.orders = {
            "method": list(plan.methods),
            "subset": list(plan.subset_files),
            "task": list(plan.tasks),
            "labels": labels_in_order(plan.label_variants, plan.mismatches),
            "budget": list(plan.budgets),
        }
        self._made: dict[str, pd.DataFrame] = {}

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the catalogue, made when it is first asked for."""
        if name not in self._made:
            self._made[name] = TABLES[name].function()(self)
        return self._made[name]

    def arranged(self, table: pd.DataFrame, within: Sequence[str] = ()) -> pd.DataFrame:
        """Sort a table of runs by method, subset, labels, budget, seed (if there), then by the columns ``within``."""
        seed = ["seed"] if "seed" in table else []
        keys = ["method", "subset", "labels", "budget", *seed, *within]
        return tables.arrange(table, keys, self.orders, self.plan.own_labels)

    @property
    def outcomes(self) -> dict[Cell, Outcomes]:
        """What was right in every cell, of :func:`avbench.results.outcomes.collect`."""
        return self._scored[0]

    @cached_property
    def judged(self) -> verdicts.Judged:
        """What became of the claims, at each budget."""
        plan = self.plan
        stated, roles = claims.read_claims(plan.claims), {name: task["role"] for name, task in plan.tasks.items()}
        looks = build(Looks, plan.looks, "plan: looks") if plan.looks else None
        subsets = self.orders["subset"]
        return verdicts.judge(self.outcomes, stated, roles, subsets, plan.own_labels, plan.budgets, looks)

    @property
    def measured(self) -> pd.DataFrame:
        """``METRICS_COLUMNS`` of every score, in the order of the score files."""
        return self._scored[1]

    @cached_property
    def _scored(self) -> tuple[dict[Cell, Outcomes], pd.DataFrame]:
        """Read all predictions, which no more than one pass is worth."""
        measured = []

        def measure(row: Any, part: pd.DataFrame) -> None:
            trained_on = self.clips.get(row.subset) if self.plan.tasks[row.task]["train"] == "subset" else None
            scored = {name: getattr(row, name) for name in METRICS_COLUMNS if hasattr(row, name)}
            measured.append(scored | metrics(part, trained_on))

        found = outcomes.collect(self.table("accuracy"), self.plan.scores, measure)
        return found, pd.DataFrame(measured)[METRICS_COLUMNS]

    @cached_property
    def clips(self) -> dict[str, Counter[str]]:
        """How many clips of each class a subset has, by subset and class."""
        return {name: Counter(read_csv(path, ("label",))["label"]) for name, path in self.plan.subset_files.items()}

    @cached_property
    def sizes(self) -> dict[str, robustness.Size]:
        """How large each subset is; its imbalance is the one that was asked for, or else what its classes show."""
        found = {}
        for name, classes in self.clips.items():
            shown = max(classes.values()) / min(classes.values())
            asked = self.plan.subsets.get(name, {}).get("imbalance")
            found[name] = robustness.Size(sum(classes.values()), float(asked or shown))
        return found

    @cached_property
    def noise(self) -> dict[str, robustness.Noise]:
        """The noise of labels that are wrong on purpose, and of pairs that do not match."""
        return robustness.noises(self.plan.label_variants, self.plan.mismatches)

    @cached_property
    def published(self) -> published.Published:
        """The published results."""
        return published.read(self.plan.published)
