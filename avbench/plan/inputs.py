"""Files that jobs wait for, by the wildcards of what they make: the input functions of the rules.

Imported while the Snakefile is parsed: standard library and the configuration only.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from avbench.plan import paths
from avbench.plan.jobs import Plan
from avbench.plan.known_splits import check_splits
from avbench.plan.report import ROUND_PART
from avbench.plan.seed_blocks import SeedBlock


class Inputs:
    """What the jobs of an experiment wait for.

    Args:
        plan: the experiment.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def shard_names(self, dataset: str) -> list[str]:
        """Return the numbers of a dataset's shards as they appear in file names."""
        return [f"{shard:03d}" for shard in range(self.plan.datasets[dataset]["shards"])]

    def unpacked(self, wildcards: Any) -> list[str]:
        """Return what says that a dataset's archives of trimmed clips are unpacked."""
        dataset = wildcards.dataset
        archives = range(len(self.plan.archives(dataset)))
        return [
            *(paths.fill(paths.ARCHIVE, dataset=dataset, archive=number) for number in archives),
            *(paths.fill(paths.HUB, dataset=dataset, hub=name) for name in self.plan.hubs(dataset)),
        ]

    def retry_request(self, wildcards: Any) -> list[str]:
        """Return the request to try a shard's failed clips again, if there ever was one."""
        request = paths.fill(paths.RETRY, dataset=wildcards.dataset, shard=wildcards.shard)
        return [request] if Path(request).exists() else []

    def ready(self, datasets: Iterable[str]) -> list[str]:
        """Return the files that say that datasets are packed and sufficiently complete."""
        return [paths.fill(paths.STORED, dataset=dataset) for dataset in dict.fromkeys(datasets)]

    def task_datasets(self) -> list[str]:
        """Return the dataset of every task."""
        return [task["dataset"] for task in self.plan.tasks.values()]

    def used(self) -> list[str]:
        """Return what says that all datasets are ready which runs are trained and tested on.

        Rules that depend on these only through other jobs have it among their inputs, too: when Snakemake knows what is
        stored, it looks anew at what has to run among the rules that name it, and at no others.

        Raises:
            UserError: a task needs clips that its dataset will not have. A dataset alone may be made all the same.
        """
        return self._used

    @cached_property
    def _used(self) -> list[str]:
        check_splits(self.plan)
        return self.ready([self.plan.dataset, *self.task_datasets()])

    def dynamics_clips(self) -> str | list[str]:
        """Return the list of clips that are embedded in the course of training, or nothing without dynamics."""
        return self.plan.path(paths.DYNAMICS_CLIPS) if "dynamics" in self.plan.evaluation else []

    def identity(self, wildcards: Any) -> dict[str, str]:
        """Return the names that a run's outcome carries."""
        return {key: wildcards[key] for key in ("dataset", "subset", "labels", "budget")}

    def pairing_labels(self, wildcards: Any, block: SeedBlock) -> list[str]:
        """Return a label file per seed of a job, which may be the same; nothing for a method that uses no labels."""
        seeds = block.served(wildcards)
        found = [self.plan.label_file(wildcards.subset, wildcards.labels, seed) for seed in seeds]
        return [file for file in found if file]

    def first_round(self, wildcards: Any, block: SeedBlock) -> list[str]:
        """Return the checkpoints of the method whose runs make labels, one per seed, of the longest budget.

        Nothing where no run makes them.
        """
        method = self.plan.first_round(wildcards.labels)
        run = self.plan.run(method, wildcards.subset) if method else None
        return [self.plan.path(paths.CHECKPOINT, **vars(run), seed=s) for s in block.served(wildcards)] if run else []

    def rounds(self, part: str) -> list[str]:
        """Return what was decided at looks, of those that a part of the plan rests on."""
        looks = self.plan.rounds.looks
        if looks and part.startswith(ROUND_PART):
            had = looks[: looks.index(int(part.removeprefix(ROUND_PART)))]
        else:
            had = self.plan.rounds.had()
        return [self.plan.path(paths.ROUND, look=look) for look in had]

    def page_media(self, report: Any) -> list[str]:
        """Return what the clips in the page are read from; nothing where there are none."""
        told = report.page_plan()["media"]
        if told is None:
            return []
        labels = [method["labels"] for method in told["methods"].values() if method["labels"]]
        return [*self.ready([self.plan.dataset]), told["subset"], *labels]

    def supervised_subset(self, wildcards: Any) -> str | list[str]:
        """Return the subset's file, or nothing where all training clips are used."""
        return [] if wildcards.subset == "all" else self.plan.path(paths.SUBSET, subset=wildcards.subset)
