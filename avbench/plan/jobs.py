"""The experiment as the workflow plans it: the settings that each of its jobs takes, and where its files are.

Settings are exactly what a job uses, so that a change of one repeats what depends on it, and no more.
"""

import glob
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from avbench.config import models
from avbench.config.budgets import ALL_BUDGETS
from avbench.config.evaluation import FROZEN, TRAINED
from avbench.config.experiment import Experiment, Run
from avbench.config.hub import HubSettings
from avbench.config.methods import Method
from avbench.config.mismatches import apart
from avbench.config.pretraining import MACHINE
from avbench.config.settings import defaults
from avbench.config.store import StoreSettings
from avbench.core.errors import UserError
from avbench.plan import paths
from avbench.plan.consistency import check
from avbench.plan.rounds import Rounds
from avbench.plan.seed_blocks import SeedBlock, blocks, first_together, rounds
from avbench.plan.settings_checked import check_settings

SCORED_TOGETHER = 3
"""Where every seed is trained by itself, a job embeds or scores the first so many: of fewer, no claim is tested."""


class Plan(Experiment):
    """An experiment whose parts fit together, and the settings that its jobs take, as the rules pass them on.

    Args:
        config: the configuration, as Snakemake merged it.
        root: the folder of the Snakefile; relative rule files and schemas are found from here.

    Raises:
        UserError: the configuration is invalid, or its parts do not fit together.
    """

    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        super().__init__(config, root)
        self.rounds = Rounds(self.seeds, self.looks)
        check(self)
        check_settings(self)

    def path(self, pattern: str, **wildcards: object) -> str:
        """Return a file of this experiment, of the pretraining dataset unless another is given; see `paths`."""
        return paths.fill(pattern, **{"experiment": self.name, "dataset": self.dataset} | wildcards)

    def seed_paths(self, pattern: str, run: Run, **wildcards: object) -> list[str]:
        """Return a file of every seed of a run."""
        return [self.path(pattern, **vars(run), seed=seed, **wildcards) for seed in self.seeds_of(run)]

    def seeds_of(self, run: Run, look: int | None = None) -> list[int]:
        """Return the seeds that a run has in the end, or when it is looked at so many."""
        return self.rounds.of(self.path(paths.RUN, **vars(run)), look)

    def supervised_seeds(self, task: str, subset: str, look: int | None = None) -> list[int]:
        """Return the seeds that a supervised baseline has, likewise."""
        return self.rounds.of(self.path(paths.SUPERVISED_RUN, task=task, subset=subset), look)

    @property
    def training_blocks(self) -> list[SeedBlock]:
        """The seeds that share a job of pretraining or of the supervised baseline."""
        together = self.pretraining["seeds_together"]
        return blocks(rounds(self.looks) if self.looks and together > 1 else first_together(self.seeds, together))

    @property
    def scoring_blocks(self) -> list[SeedBlock]:
        """The seeds that share a job which reads their models: clips are decoded once for all of them."""
        together = self.pretraining["seeds_together"]
        first = together if together > 1 else SCORED_TOGETHER
        return blocks(rounds(self.looks) if self.looks else first_together(self.seeds, first))

    def pretrained(self) -> list[Run]:
        """Return the runs that are pretrained: all but the untrained baseline."""
        return [run for run in self.runs() if run.method != "untrained"]

    def label_file(self, subset: str, labels: str, seed: int | str) -> str | None:
        """Return the labels that pair a subset's clips: one file for all seeds, or one per seed.

        A seed has its own where they are drawn for it, or made by its first round.

        None for a method without labels.
        """
        labels, _ = apart(labels)
        if labels == "none":
            return None
        pattern = paths.SEED_LABELS if self.drawn(labels) or self.first_round(labels) else paths.LABELS
        return self.path(pattern, subset=subset, labels=labels, seed=seed)

    def first_rounds(self, run: Run) -> list[Run]:
        """Return the runs whose models made a run's labels, and those that made theirs, and so on."""
        method = self.first_round(run.labels)
        if not method:
            return []
        before = self.run(method, run.subset)
        return [before, *self.first_rounds(before)]

    def from_here(self, path: str) -> str:
        """Return a project file's path, from the working folder if it lies within: reports show no folder above."""
        whole, here = Path(self.root, path), Path.cwd()
        return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)

    def store_settings(self, dataset: str) -> dict[str, Any]:
        """Return what the store keeps of each clip of a dataset."""
        return self.config["store"] | {m: m in self.modalities(dataset) for m in ("audio", "video")}

    def pack_settings(self, dataset: str) -> dict[str, Any]:
        """Return what is kept of each clip of a dataset, and where clips are looked for."""
        return {"store": self.store_settings(dataset), "sources": self.sources(dataset)}

    def check_settings(self, dataset: str) -> dict[str, Any]:
        """Return the thresholds of a dataset: the general ones, overridden by its own."""
        return self.config["checks"] | self.datasets[dataset].get("checks", {})

    def sources(self, dataset: str) -> list[str | dict[str, str]]:
        """Return where a dataset's clips are looked for, in this order; archives stand for where they are unpacked."""
        places: list[str | dict[str, str]] = []
        for source in self.datasets[dataset].get("sources", ["files"]):
            if isinstance(source, Mapping) and "archives" in source:
                places.append({"directory": paths.fill(paths.UNPACKED, dataset=dataset)})
            elif isinstance(source, Mapping) and "hub" in source:
                hub = HubSettings(**source["hub"]).folder
                places.append({"directory": paths.fill(paths.HUB_CLIPS, dataset=dataset, hub=hub)})
            else:
                places.append(source)
        return places

    def hubs(self, dataset: str) -> dict[str, dict[str, str]]:
        """Return a dataset's sources on the Hugging Face Hub, by their folders; UserError if two would share one."""
        found: dict[str, dict[str, str]] = {}
        for source in self.datasets[dataset].get("sources", []):
            if isinstance(source, Mapping) and "hub" in source:
                name = HubSettings(**source["hub"]).folder
                if name in found:
                    raise UserError(
                        f"config: datasets.{dataset}.sources: {source['hub']['repo']} is there twice. Give one pattern "
                        "that matches all of its archives."
                    )
                found[name] = dict(source["hub"])
        return found

    def archives(self, dataset: str) -> list[str]:
        """Return the archives of trimmed clips among a dataset's sources, sorted.

        Raises:
            UserError: a pattern matches no file.
        """
        found = []
        for source in self.datasets[dataset].get("sources", []):
            if isinstance(source, Mapping) and (pattern := source.get("archives")):
                matches = sorted(glob.glob(pattern))
                if not matches:
                    raise UserError(f"config: datasets.{dataset}.sources: no file matches archives: {pattern}.")
                found += matches
        return found

    def published(self) -> dict[str, dict[str, int]]:
        """Return how many clips a publication had, by dataset and split or ``subset``."""
        return {name: dict(dataset["published"]) for name, dataset in self.datasets.items() if "published" in dataset}

    def downloads(self, dataset: str) -> int:
        """Return how many downloads a job of a dataset may have at a time; 0 if it needs none."""
        return self.config.get("download", {}).get("concurrent", 4) if "download" in self.sources(dataset) else 0

    def task_settings(self, *names: str) -> dict[str, Any]:
        """Return what is done for each task, or for those named; what is shown beside it is not part of that."""
        return {
            name: {key: value for key, value in self.tasks[name].items() if key != "published_task"}
            for name in names or self.tasks
        }

    def feature_settings(self) -> dict[str, Any]:
        """Return the windows and the log-mel's parameters, with the store's rates."""
        store = defaults(StoreSettings) | self.config["store"]
        rates = {key: store[key] for key in ("sample_rate", "frame_rate")}
        return rates | self.config["pretraining"].get("features", {})

    def pretrain_settings(self, subset: str, budget: str = ALL_BUDGETS) -> dict[str, Any]:
        """Return how to train on a subset: the general settings, with the number of epochs of subset and budget."""
        other = {"dataset", "features", "budgets", "gpus", "seeds_together", *MACHINE}
        settings = {k: v for k, v in self.config["pretraining"].items() if k not in other}
        if "epochs" in self.subsets.get(subset, {}):
            settings["epochs"] = self.subsets[subset]["epochs"]
        if "model" in settings:
            settings["model"] = models.resolved(settings["model"], self.stored_size)
        return settings | self.budgets.get(budget, {}) | self.protocol.pretraining()

    @property
    def stored_size(self) -> tuple[int, int]:
        """Height and width of the stored pictures, in pixels."""
        store = defaults(StoreSettings) | self.config["store"]
        return store["height"], store["width"]

    @cached_property
    def encoder_files(self) -> list[str]:
        """The files of weights and features that encoders are made of, whose content decides runs."""
        others = models.settings_of(self.pretraining["model"]).others.values()
        patterns = dict.fromkeys(path for one in others for path in one.read_files)
        datasets = list(dict.fromkeys([self.dataset, *(task["dataset"] for task in self.tasks.values())]))
        return list(dict.fromkeys(path.replace("{dataset}", name) for path in patterns for name in datasets))

    def given_files(self, dataset: str) -> list[str]:
        """Return the files of features that stand for encoders, of a dataset's clips."""
        given = models.settings_of(self.pretraining["model"]).given.values()
        return list(dict.fromkeys(one.features.replace("{dataset}", dataset) for one in given))

    def statistics_arguments(self) -> str | list[str]:
        """Return what the statistics are told: the windows; and of the model, where features stand for encoders."""
        features = as_json(self.feature_settings())
        if not models.settings_of(self.pretraining["model"]).given:
            return features
        return [features, "--model", as_json(self.pretrain_settings("all")["model"])]

    def machine_settings(self) -> dict[str, Any]:
        """Return where and how fast to train: what does not decide the outcome."""
        return {key: value for key, value in self.config["pretraining"].items() if key in MACHINE}

    def frozen(self) -> dict[str, Any]:
        """Return the protocols that are run on frozen features, with their settings."""
        return {name: dict(self.evaluation[name]) for name in FROZEN if name in self.evaluation}

    def trained(self) -> list[str]:
        """Return the protocols that train something on each run's encoders."""
        return [name for name in TRAINED if name in self.evaluation and self.classified()]

    def evaluation_protocol(self) -> dict[str, bool]:
        """Return the protocol's switches that act in evaluation."""
        return self.protocol.evaluation()

    def training_settings(self, name: str, subset: str) -> dict[str, Any]:
        """Return how ``linear-sgd``, ``finetune`` or ``supervised`` trains on a subset, or on ``all`` clips.

        The supervised baseline takes a subset's own number of epochs, as pretraining does.
        """
        keys = ("model", "flip", "schedule", "cpu_threads")
        shared = {key: value for key, value in self.pretrain_settings(subset).items() if key in keys}
        settings = shared | self.evaluation[name]
        if name == "supervised" and "epochs" in self.subsets.get(subset, {}):
            settings["epochs"] = self.subsets[subset]["epochs"]
        return settings

    def method_settings(self, method: str, labels: str) -> dict[str, Any]:
        """Return a method's fields, of its run with these labels: those that all methods have first."""
        fields = replace(self.methods[method], labels=apart(labels)[0]).recorded()
        return {name: fields[name] for name in (*Method.__annotations__, *fields)}

    def mismatch_settings(self, labels: str) -> dict[str, Any]:
        """Return the part of a run's settings that says which of its pairs do not match; nothing where they do."""
        _, name = apart(labels)
        return {"mismatch": self.mismatches[name]} if name else {}

    def subset_settings(self, subset: str) -> dict[str, Any]:
        """Return how a subset is drawn."""
        return {key: value for key, value in self.subsets[subset].items() if key != "epochs"}

    def label_settings(self, labels: str, seed: int | str | None = None) -> dict[str, Any]:
        """Return how a label variant is made; those that are drawn for a run, with its seed."""
        if labels == "true":
            return {"kind": "true"}
        return dict(self.label_variants[labels]) | ({} if seed is None else {"seed": int(seed)})


def as_json(settings: Mapping[str, Any]) -> str:
    """Write settings as one line of JSON with sorted keys, so that a reordered file changes no parameter."""
    return json.dumps(settings, sort_keys=True)
