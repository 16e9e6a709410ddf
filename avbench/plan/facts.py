"""What figures ask of an experiment: which of them it has, and what they are told.

Imported while the Snakefile is parsed: standard library and the configuration only.
"""

from functools import cached_property
from typing import Any

from avbench.config.budgets import ALL_BUDGETS
from avbench.config.experiment import Run
from avbench.config.methods import BASELINE, PRESETS
from avbench.config.mismatches import apart, beside
from avbench.config.tasks import encoders_of
from avbench.plan import paths
from avbench.plan.jobs import Plan


class Facts:
    """An experiment as its figures see it. Paths are those of the working folder, in the order of the configuration.

    Args:
        plan: the experiment.

    Attributes:
        subsets: the file of each pretraining subset, smallest first.
        own_labels: of each method: figures that know a method by its name alone show its runs with these.
        baseline: the method that the others are compared with.
        shown: the method that figures of a single one show.
    """

    baseline = BASELINE

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.subsets = {name: plan.path(paths.SUBSET, subset=name) for name in plan.subsets}
        self.own_labels = plan.own_labels()
        self.shown = "soft-positive" if "soft-positive" in plan.methods else list(plan.methods)[-1]

    # -------------------------------------------------------------------------------------------------- what there is

    @property
    def smallest(self) -> str:
        """The smallest subset, which is the first."""
        return next(iter(self.subsets))

    @property
    def largest(self) -> str:
        """The largest subset, which is the last."""
        return list(self.subsets)[-1]

    @cached_property
    def in_domain(self) -> str | None:
        """The in-domain task that figures of a single one show: the first with sound."""
        return next(filter(self._suits, self.plan.tasks), None)

    @cached_property
    def classified(self) -> str | None:
        """The in-domain task that figures of single classes show: the first with sound and one class per clip."""
        return next(filter(self._suits, self.plan.classified()), None)

    def _suits(self, task: str) -> bool:
        settings = self.plan.tasks[task]
        return settings["role"] == "in-domain" and "audio" in settings["modalities"]

    @property
    def seen_and_heard(self) -> bool:
        """Whether the in-domain task has both modalities."""
        return self.in_domain is not None and len(encoders_of(self.plan.tasks[self.in_domain]["modalities"])) == 2

    @property
    def compares_features(self) -> bool:
        """Whether features are scored without a classifier: by nearest neighbours, or by retrieval."""
        both = any(len(encoders_of(task["modalities"])) == 2 for task in self.plan.tasks.values())
        return "knn" in self.plan.evaluation or ("retrieval" in self.plan.evaluation and both)

    @property
    def follows_training(self) -> bool:
        """Whether clips are embedded in the course of training."""
        return "dynamics" in self.plan.evaluation

    @property
    def has_published_tasks(self) -> bool:
        """Whether a published result stands beside any task."""
        return any("published_task" in task for task in self.plan.tasks.values())

    @property
    def has_presets(self) -> bool:
        """Whether any method is one of the publication's."""
        return not PRESETS.keys().isdisjoint(self.plan.methods)

    @property
    def has_baseline(self) -> bool:
        """Whether the method that others are compared with was run."""
        return self.baseline in self.plan.methods

    @property
    def has_rivals(self) -> bool:
        """Whether several methods are compared with the baseline."""
        return self.has_baseline and len(self.plan.methods) > 2

    @property
    def noisy(self) -> bool:
        """Whether a method whose own labels are true was run on wrong ones too."""
        wrong = {name for name, variant in self.plan.label_variants.items() if variant["kind"] == "noise"}
        return any(run.labels in wrong and self.own_labels[run.method] == "true" for run in self.plan.runs())

    @property
    def mismatched(self) -> bool:
        """Whether any run had pairs that do not match."""
        return any(apart(run.labels)[1] for run in self.plan.runs())

    @property
    def label_variants(self) -> dict[str, Any]:
        """The label variants by name, and by ``+name`` the pairs that do not match."""
        return self.plan.label_variants | {beside("", name): value for name, value in self.plan.mismatches.items()}

    @property
    def unequal(self) -> list[str]:
        """The subsets that were asked for with classes of different sizes."""
        return [name for name, subset in self.plan.subsets.items() if subset.get("imbalance", 1) > 1]

    @property
    def balance(self) -> dict[str, str]:
        """How the classes of each subset are balanced."""
        subsets = self.plan.subsets.items()
        return {name: "listed" if "ids" in subset else subset.get("balance", "balanced") for name, subset in subsets}

    @property
    def varies_balance(self) -> bool:
        """Whether subsets differ in how their classes are balanced."""
        return len({(self.balance[name], subset.get("imbalance")) for name, subset in self.plan.subsets.items()}) > 1

    # ---------------------------------------------------------------------------------------------- what it is made of

    def tables(self, *names: str) -> dict[str, str]:
        """Return the files of tables, by name."""
        return {name: self.plan.path(paths.TABLE, table=name) for name in names}

    @cached_property
    def own_runs(self) -> dict[tuple[str, str], Run]:
        """The runs of methods with their own labels at the longest budget, by method and subset."""
        runs = (run for run in self.plan.runs() if run.budget in (self.plan.longest, ALL_BUDGETS))
        return {(run.method, run.subset): run for run in runs if run.labels == self.own_labels[run.method]}

    @cached_property
    def run_records(self) -> list[str]:
        """How each pretraining run went, of every seed."""
        return [path for run in self.plan.pretrained() for path in self.plan.seed_paths(paths.RUN_RECORD, run)]

    @cached_property
    def longest_records(self) -> list[str]:
        """How each pretraining run of the longest budget went, of every seed."""
        runs = (run for run in self.plan.pretrained() if run.budget == self.plan.longest)
        return [path for run in runs for path in self.plan.seed_paths(paths.RUN_RECORD, run)]

    def _compared(self, subsets: list[str]) -> dict[str, dict[str, Run]]:
        """Return the runs of the baseline and the method shown, on those subsets that they were run on."""
        own = self.own_runs
        methods = (self.baseline, self.shown)
        return {method: {name: own[method, name] for name in subsets if (method, name) in own} for method in methods}

    def _predictions(self, runs: dict[str, dict[str, Run]]) -> dict[str, dict[str, list[str]]]:
        """Return what runs said about the test clips, of every seed."""
        return {
            method: {subset: self.plan.seed_paths(paths.PREDICTIONS, run) for subset, run in by_subset.items()}
            for method, by_subset in runs.items()
        }

    @cached_property
    def run_at_ends(self) -> dict[str, dict[str, Run]]:
        """The runs of the baseline and the method shown, if there are any on the smallest and the largest subset."""
        ends = list(dict.fromkeys([self.smallest, self.largest]))
        return {method: runs for method, runs in self._compared(ends).items() if len(runs) == len(ends)}

    @property
    def at_ends(self) -> dict[str, dict[str, list[str]]]:
        """Their predictions."""
        return self._predictions(self.run_at_ends)

    @cached_property
    def run_on_unequal(self) -> dict[str, dict[str, Run]]:
        """The runs of the baseline and the method shown, if there are any on a subset of unequal classes."""
        return {method: runs for method, runs in self._compared(self.unequal).items() if runs}

    @property
    def on_unequal(self) -> dict[str, dict[str, list[str]]]:
        """Their predictions."""
        return self._predictions(self.run_on_unequal)

    @property
    def embeddings(self) -> dict[str, str]:
        """The first seed's embeddings of three methods, pretrained on the smallest subset."""
        first = self.plan.seeds[0]
        return {
            method: self.plan.path(paths.EMBEDDINGS, **vars(self.own_runs[method, self.smallest]), seed=first)
            for method in ("untrained", self.baseline, self.shown)
            if (method, self.smallest) in self.own_runs
        }

    @property
    def benchmarks(self) -> list[str]:
        """The folders of what Snakemake measured of jobs."""
        datasets = (paths.fill(paths.DATA_BENCHMARKS, dataset=name) for name in self.plan.datasets)
        return [self.plan.path(paths.BENCHMARKS), *datasets, paths.DOWNLOAD_BENCHMARKS]

    @property
    def published_losses(self) -> str:
        """The published training losses."""
        return self.plan.from_here(paths.PUBLISHED_LOSSES)

    # --------------------------------------------------------------------------------------------- what charts are told

    @cached_property
    def common(self) -> dict[str, Any]:
        """What most charts are told."""
        subsets = self.plan.subsets.items()
        return {
            "data": paths.DATA,
            "subsets": self.subsets,
            "imbalances": {name: subset["imbalance"] for name, subset in subsets if "imbalance" in subset},
            "tasks": self.plan.tasks,
            "own_labels": self.own_labels,
            "budgets": list(self.plan.budgets),
        }

    @property
    def by_sound(self) -> dict[str, Any]:
        """The in-domain task of one class per clip, as sounds are classified."""
        return {"subsets": self.subsets, "task": self.classified, "modality": "audio"}

    @property
    def shown_task(self) -> dict[str, Any]:
        """The in-domain task, as of :meth:`shown_of`."""
        return self.shown_of(self.in_domain)

    def shown_of(self, task: str | None) -> dict[str, Any]:
        """Return a task, by video where it has any: the positive's video is what methods choose."""
        return {"task": task, "modality": encoders_of(self.plan.tasks[task]["modalities"])[-1] if task else None}

    @property
    def methods(self) -> dict[str, Any]:
        """The fields of each method with its own labels."""
        return {name: self.plan.method_settings(name, self.own_labels[name]) for name in self.plan.methods}

    @property
    def samples(self) -> dict[str, Any]:
        """Where stored clips of the largest subset are."""
        return {
            "data": paths.DATA,
            "dataset": self.plan.dataset,
            "subset": self.subsets[self.largest],
            "features": self.plan.feature_settings(),
        }

    @property
    def pairs(self) -> dict[str, Any]:
        """How each method pairs the clips of the largest subset, if it was run on it, with the first seed."""
        seed, methods = self.plan.seeds[0], {}
        for name, settings in self.methods.items():
            if (name, self.largest) in self.own_runs:
                labels = self.plan.label_file(self.largest, self.own_labels[name], seed)
                methods[name] = {"method": settings, "labels": labels}
        pretraining = self.plan.pretrain_settings(self.largest, self.plan.longest)
        return self.samples | {"seed": seed, "pretraining": pretraining, "methods": methods}
