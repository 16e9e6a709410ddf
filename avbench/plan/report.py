"""What the report of an experiment has: its tables and figures, and what these are made of.

Imported while the Snakefile is parsed: standard library and the configuration only.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from avbench.config.pretraining import PretrainSettings
from avbench.config.settings import defaults
from avbench.figures.figure import Figure
from avbench.figures.registry import FIGURES
from avbench.plan import paths
from avbench.plan.facts import Facts
from avbench.plan.jobs import Plan
from avbench.plan.trials import Trials
from avbench.results.catalogue import TABLES, Table

PAGE_PART = "page"
"""The part of the plan of what the page of the results says beside the tables."""
ROUND_PART = "round-"
"""What the part of the plan for a look begins with."""


class Report:
    """The tables and figures of an experiment, and the parts of its plan: what tables and figures are made of.

    Args:
        plan: the experiment.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.facts = plan, Facts(plan)

    def shown(self, entry: Table | Figure) -> dict[str, Any]:
        """Return what Snakemake's ``report()`` takes: an output, as a pattern, and how the report shows it.

        Its caption is a file of the project, or what the job that draws a figure writes.
        """
        if isinstance(entry, Table):
            output = paths.fill(paths.TABLE, table=entry.name)
        else:
            output = paths.fill(paths.FIGURE, figure=entry.name, kind="png")
        caption = entry.caption or Path(self.plan.path(output)).with_suffix(".rst").absolute()
        labels = {"content": entry.label}
        return {"value": output, "caption": str(caption), "category": entry.category, "labels": labels}

    # --------------------------------------------------------------------------------------------------------- figures

    @cached_property
    def figures(self) -> list[Figure]:
        """The figures that the experiment has."""
        return [figure for figure in FIGURES.values() if figure.needs(self.facts)]

    @property
    def categories(self) -> dict[str, list[Figure]]:
        """The figures of each category."""
        found: dict[str, list[Figure]] = {}
        for figure in self.figures:
            found.setdefault(figure.category, []).append(figure)
        return found

    def figure_sources(self, category: str) -> list[str]:
        """Return what the figures of a category are drawn from, besides subsets and datasets."""
        return sorted({path for figure in self.categories[category] for path in figure.files(self.facts)})

    def figure_files(self) -> list[str]:
        """Return the pictures of all figures."""
        names = [(figure.name, kind) for figure in self.figures for kind in ("png", "pdf")]
        return [self.plan.path(paths.FIGURE, figure=name, kind=kind) for name, kind in names]

    # ---------------------------------------------------------------------------------------------------------- tables

    def table_files(self) -> list[str]:
        """Return the files of all tables."""
        return list(self.facts.tables(*TABLES).values())

    def scored(self, file: str, look: int | None = None) -> list[str]:
        """Return a file of every folder of scores: of frozen features, of what was trained on them, and supervised.

        Args:
            file: its name.
            look: of the seeds that there are when they are looked at so many; by default of all in the end.
        """
        runs = [(run, seed) for run in self.plan.runs() for seed in self.plan.seeds_of(run, look)]
        frozen = [self.plan.path(paths.FROZEN, **vars(run), seed=seed) for run, seed in runs]
        trained = [
            self.plan.path(paths.TRAINED, **vars(run), seed=seed, protocol=protocol)
            for run, seed in runs
            for protocol in self.plan.trained()
        ]
        supervised = [
            self.plan.path(paths.SUPERVISED, task=task, subset=subset, seed=seed)
            for task, subset in self.plan.supervised()
            for seed in self.plan.supervised_seeds(task, subset, look)
        ]
        return [f"{folder}/{file}" for folder in (*frozen, *trained, *supervised)]

    @cached_property
    def geometry(self) -> list[str]:
        """How the embeddings of every run and seed lie."""
        return [path for run in self.plan.runs() for path in self.plan.seed_paths(paths.GEOMETRY, run)]

    @cached_property
    def dynamics(self) -> list[dict[str, Any]]:
        """The pretraining runs that recorded their dynamics, and where these are."""
        if not self.facts.follows_training:
            return []
        return [
            {
                "method": run.method,
                "subset": run.subset,
                "labels": run.labels,
                "budget": run.budget,
                "seed": seed,
                "path": self.plan.path(paths.DYNAMICS, **vars(run), seed=seed),
            }
            for run in self.plan.pretrained()
            for seed in self.plan.seeds_of(run)
        ]

    @cached_property
    def sampling(self) -> list[dict[str, Any]]:
        """How every pretraining run paired clips, and by which labels."""
        return [
            {
                "method": self.plan.method_settings(run.method, run.labels),
                "labels": run.labels,
                "label_file": self.plan.label_file(run.subset, run.labels, seed),
                "subset": run.subset,
                "budget": run.budget,
                "seed": seed,
                **self.plan.mismatch_settings(run.labels),
            }
            for run in self.plan.pretrained()
            for seed in self.plan.seeds_of(run)
        ]

    @property
    def label_files(self) -> list[str]:
        """The labels that clips were paired by."""
        return sorted({run["label_file"] for run in self.sampling if run["label_file"]})

    # ------------------------------------------------------------------------------------------------------------ plan

    def parts(self) -> list[str]:
        """Return the parts of the plan: of the tables, and of the figures of each category."""
        return ["tables", *map(part_of, self.categories)]

    def part(self, name: str) -> str:
        """Return a part of the plan as JSON, with keys in the order of the configuration, which is that of tables.

        Of thousands of runs a command line cannot hold it.
        """
        if name == "tables":
            return json.dumps(self.tables_plan())
        if name == PAGE_PART:
            return json.dumps(self.page_plan())
        if name.startswith(ROUND_PART):
            return json.dumps(self.round_plan(int(name.removeprefix(ROUND_PART))))
        drawn = {part_of(category): figures for category, figures in self.categories.items()}[name]
        return json.dumps({figure.name: figure.settings(self.facts) for figure in drawn})

    def tables_plan(self) -> dict[str, Any]:
        """Return the fields of :class:`avbench.results.material.TablesPlan`."""
        plan, facts = self.plan, self.facts
        told = ("dataset", "role", "train", "published_task", "multi_label")
        general = defaults(PretrainSettings)
        training = {
            name: {budget: general | plan.pretrain_settings(name, budget) for budget in plan.budgets}
            for name in plan.subsets
        }
        return {
            "scores": self.scored(paths.SCORES_FILE),
            "runs": facts.run_records,
            "geometry": self.geometry,
            "dynamics": self.dynamics,
            "tuning": Trials(plan).tables(),
            "sampling": self.sampling,
            "subset_files": facts.subsets,
            "subsets": plan.subsets,
            "label_variants": plan.label_variants,
            **({"mismatches": plan.mismatches} if plan.mismatches else {}),
            "own_labels": facts.own_labels,
            "methods": ["untrained", *plan.methods, "supervised"],
            "tasks": {name: {key: task[key] for key in told if key in task} for name, task in plan.tasks.items()},
            "batch_size": plan.pretraining["batch_size"],
            "batch_order": training[facts.largest][plan.longest]["batch_order"],
            "lengths": {
                name: {budget: {key: each[key] for key in ("epochs", "steps")} for budget, each in settings.items()}
                for name, settings in training.items()
            },
            "budgets": list(plan.budgets),
            "looks": self._looks(len(plan.rounds.had())) if plan.looks else None,
            "data": paths.DATA,
            "dataset": plan.dataset,
            "claims": plan.from_here(plan.config["claims"]),
            "published": plan.from_here(paths.PUBLISHED),
        }

    def page_plan(self) -> dict[str, Any]:
        """Return the fields of :class:`avbench.pages.page_plan.PagePlan`."""
        plan, facts = self.plan, self.facts
        return {
            "experiment": plan.name,
            "dataset": plan.dataset,
            "seeds": plan.config["seeds"],
            "tasks": {name: task["role"] for name, task in plan.tasks.items()},
            "subsets": list(plan.subsets),
            "budgets": list(plan.budgets),
            "own_labels": facts.own_labels,
            "methods": facts.methods,
            "label_variants": facts.label_variants,
            "claims": plan.from_here(plan.config["claims"]),
            "figures": {figure.name: figure.title for figure in self.figures},
            "tables": {table.name: table.title for table in TABLES.values()},
            "media": facts.pairs if plan.shows_media(plan.dataset) else None,
        }

    def round_plan(self, look: int) -> dict[str, Any]:
        """Return the fields of :class:`avbench.results.further_seeds.RoundPlan`, of a look at so many seeds."""
        plan = self.plan
        runs = [
            {
                "folder": plan.path(paths.RUN, **vars(run)),
                **{name: getattr(run, name) for name in ("method", "subset", "labels", "budget")},
                "first_round": [plan.path(paths.RUN, **vars(other)) for other in plan.first_rounds(run)],
            }
            for run in plan.runs()
        ]
        baselines = [
            {"folder": plan.path(paths.SUPERVISED_RUN, task=task, subset=subset), "task": task, "subset": subset}
            for task, subset in plan.supervised()
        ]
        return {
            "scores": self.scored(paths.SCORES_FILE, look),
            "claims": plan.from_here(plan.config["claims"]),
            "tasks": {name: task["role"] for name, task in plan.tasks.items()},
            "subsets": list(plan.subsets),
            "own_labels": self.facts.own_labels,
            "budgets": list(plan.budgets),
            "looks": self._looks(plan.looks.index(look) + 1),
            "runs": runs,
            "baselines": baselines,
        }

    def _looks(self, had: int) -> dict[str, Any]:
        """Return the fields of :class:`avbench.results.stopping.Looks`."""
        assert self.plan.until
        return {"planned": list(self.plan.looks), "had": had, "effect": self.plan.until.effect / 100}


def part_of(category: str) -> str:
    """Return the name of the part of the plan, and of the job, of a category's figures."""
    return f"figures_{category.lower()}"
