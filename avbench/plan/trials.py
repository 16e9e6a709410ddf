"""Trials: which runs decide the learning rate and the temperature of which others, and where their files are.

Imported while the Snakefile is parsed: standard library and the configuration only.
"""

from typing import Any

from avbench.config.experiment import Run
from avbench.plan import paths
from avbench.plan.jobs import Plan
from avbench.plan.seed_blocks import SeedBlock


class Trials:
    """The trials of an experiment; without tuning, nothing waits for any.

    Args:
        plan: the experiment.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.points = {point.name: point for point in plan.trials}

    def _cell(self, run: Any) -> Run:
        """Return where the choice for a run is made: for the method's own labels and the run's budget."""
        subset = (self.plan.tuning and self.plan.tuning.subset) or run.subset
        return Run(run.dataset, subset, self.plan.own_labels()[run.method], run.method, run.budget)

    def cells(self) -> list[Run]:
        """Return every choice that the experiment's runs need."""
        return list(dict.fromkeys(map(self._cell, self.plan.pretrained()))) if self.points else []

    def choice(self, wildcards: Any) -> list[str]:
        """Return the file of the setting that a run is trained with; nothing without tuning."""
        return [self.plan.path(paths.CHOICE, **vars(self._cell(wildcards)))] if self.points else []

    def same(self, wildcards: Any, block: SeedBlock) -> list[str]:
        """Return the checkpoints of trials that may be the same as a run of a job, which is then not trained again."""
        if self.plan.tuning is None or self.plan.tuning.seed not in block.served(wildcards):
            return []
        cell = self._cell(wildcards)
        return self.checkpoints(cell) if (cell.subset, cell.labels) == (wildcards.subset, wildcards.labels) else []

    def checkpoints(self, cell: Any) -> list[str]:
        """Return the checkpoints of the trials of a choice, in the order of the points."""
        seed = self.plan.tuning.seed if self.plan.tuning else 0
        names = {key: getattr(cell, key) for key in Run.__annotations__}
        return [self.plan.path(paths.TRIAL_CHECKPOINT, **names, trial=trial, seed=seed) for trial in self.points]

    def settings(self, wildcards: Any) -> dict[str, Any]:
        """Return how a trial is trained."""
        point = self.points[wildcards.trial]
        return self.plan.pretrain_settings(wildcards.subset, wildcards.budget) | point._asdict()

    def scoring(self) -> dict[str, Any]:
        """Return how trials are scored, on which points: what decides a choice besides the trials' runs."""
        task = self.plan.in_domain()
        if not self.points or task is None:
            return {}
        return {
            "points": self.plan.trials,
            "task": self.plan.task_settings(task),
            "probe": self.plan.frozen()["linear"],
            "switches": self.plan.evaluation_protocol(),
            "cpu_threads": self.plan.pretraining["cpu_threads"],
        }

    def tables(self) -> list[dict[str, str]]:
        """Return what tables are told of each choice: method, labels, subset, budget, and the path of its trials."""
        keys = ("method", "labels", "subset", "budget")
        return [
            {key: getattr(cell, key) for key in keys} | {"path": self.plan.path(paths.TRIALS, **vars(cell))}
            for cell in self.cells()
        ]
