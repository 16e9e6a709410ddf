"""The experiment that a configuration describes: validated, completed, and asked for by the workflow.

Imported while the Snakefile is parsed, also by every job of a cluster: standard library, jsonschema and YAML only.
"""

import glob
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from avbench.config import paper_switches, sweeps
from avbench.config.capacity import Held, planned
from avbench.config.methods import Method, parse_methods
from avbench.config.validation import validate
from avbench.core.errors import UserError

# Keys of `pretraining` that do not decide the outcome: rules pass them on without repeating runs when they change.
MACHINE = ("device", "loader_threads", "cache_mb", "checkpoint_every_s", "compile", "tensorboard")

# Keys of `evaluation`: what looks at frozen features, and what trains something on each run's encoders.
FROZEN = ("linear", "knn", "retrieval")
TRAINED = ("linear-sgd", "finetune")


def _expand_labels(declared: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Write out families of label variants; where a family begins at rate 0, that member is the true labels."""
    variants, members = sweeps.expand(declared, "labels")
    clean = {
        name
        for family, names in members.items()
        for name in names
        if name != family and variants[name]["kind"] == "noise" and variants[name]["rate"] == 0
    }
    members = {family: ["true" if name in clean else name for name in names] for family, names in members.items()}
    return {name: variant for name, variant in variants.items() if name not in clean}, members


@dataclass(frozen=True)
class Run:
    """One cell of the grid without its seed: the wildcards of a method's folder."""

    dataset: str
    subset: str
    labels: str
    method: str


class Experiment:
    """What a validated configuration asks for.

    Args:
        config: the configuration, as Snakemake merged it.
        root: the folder of the Snakefile; relative rule files and schemas are found from here.

    Raises:
        UserError: the configuration is invalid, or its parts do not fit together.
    """

    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        validate(config, root / "workflow/schemas/config.schema.yaml", "config")
        self.config, self.root = config, root
        self.name: str = config["experiment"]
        self.seeds: list[int] = config["seeds"]
        self.datasets: Mapping[str, Any] = config["datasets"]
        self.tasks: Mapping[str, Any] = config["tasks"]
        self.subsets, self.subset_families = sweeps.expand(config["subsets"], "subsets")
        self.label_variants, self.label_families = _expand_labels(config.get("labels", {}))
        self.methods, self.grid = self._parse_methods(config["methods"])
        self.dataset: str = config["pretraining"]["dataset"]
        self.evaluation: Mapping[str, Any] = config["evaluation"]
        self.protocol = paper_switches.parse(config.get("protocol", "corrected"))
        self._check()

    # ------------------------------------------------------------------------------------------------------ checking

    def _check(self) -> None:
        self._known("pretraining.dataset", self.dataset, self.datasets)
        if missing := {"audio", "video"} - set(self.modalities(self.dataset)):
            raise UserError(f"config: pretraining.dataset {self.dataset!r} has no {missing.pop()}; pairs need both.")
        for name, task in self.tasks.items():
            self._known(f"tasks.{name}.dataset", task["dataset"], self.datasets)
            if missing := set(task["modalities"]) - set(self.modalities(task["dataset"])):
                raise UserError(
                    f"config: tasks.{name}.modalities asks for {missing.pop()!r}, and dataset {task['dataset']!r} has "
                    f"{', '.join(self.modalities(task['dataset']))}."
                )
            if task["train"] == "subset" and task["dataset"] != self.dataset:
                raise UserError(
                    f"config: tasks.{name}.train is 'subset', and its dataset {task['dataset']!r} is not the "
                    f"pretraining dataset {self.dataset!r}. Use 'all'."
                )
        gpus, groups = self.config["pretraining"].get("gpus", 0), self.protocol.batch_norm_groups
        if gpus > 1 and groups not in (1, gpus):
            raise UserError(
                f"config: pretraining.gpus: {gpus} with protocol.batch_norm_groups: {groups} is not possible. Take 1 "
                f"group (synchronised batch norm) or {gpus} (each GPU its own), or one GPU."
            )
        for name, variant in self.label_variants.items():
            if variant["kind"] == "pseudo":
                self._check_pseudo(f"labels.{name}", variant)
            confused = sorted({"matrix", "method"} & set(variant))
            if variant["kind"] == "noise" and variant["noise"] != "confusion" and confused:
                raise UserError(f"config: labels.{name}.{confused[0]} goes with noise: confusion.")
            if {"matrix", "method"} <= set(variant):
                raise UserError(f"config: labels.{name}: matrix and method both say what is confused; leave one out.")
            if self.first_round(name):
                self._check_rounds(name)
        for name, method in self.methods.items():
            for labels in self.grid[name]:
                kind = self.label_variants.get(labels, {}).get("kind")
                if (kind == "neighbours") != (method.positive == "neighbour"):
                    raise UserError(
                        f"config: methods.{name}: positive: neighbour and labels of kind neighbours go together, and "
                        f"labels {labels!r} are of kind {kind or labels}."
                    )
        for name, subset in self.subsets.items():
            if (subset.get("balance") == "long-tailed") != ("imbalance" in subset):
                raise UserError(f"config: subsets.{name}: balance 'long-tailed' and 'imbalance' go together.")
            if "clips" in subset and subset.get("balance", "balanced") == "balanced":
                raise UserError(f"config: subsets.{name}: a balanced subset is given by clips_per_class, not by clips.")
        for name, dataset in self.datasets.items():
            if not self.rule_file(name).is_file():
                raise UserError(f"config: datasets.{name}.rules: {dataset['rules']} does not exist.")

    def _check_pseudo(self, key: str, variant: Mapping[str, Any]) -> None:
        source = variant.get("classifier_dataset")
        if unused := [name for name in (("classifier", "weights") if source else ("seed",)) if name in variant]:
            raise UserError(
                f"config: {key}.{unused[0]} has no effect {'beside' if source else 'without'} classifier_dataset."
            )
        if source is None:
            return
        self._known(f"{key}.classifier_dataset", source, [name for name in self.datasets if name != self.dataset])
        if "video" not in self.modalities(source):
            raise UserError(
                f"config: {key}.classifier_dataset: {source!r} has no video to train an image classifier on."
            )

    def _check_rounds(self, labels: str) -> None:
        """Check that the method whose run makes labels exists, and does not itself wait for these labels."""
        passed = [labels]
        while method := self.first_round(passed[-1]):
            self._known(f"labels.{passed[-1]}.method", method, self.methods)
            own = self.own_labels()[method]
            if own in passed:
                raise UserError(
                    f"config: labels.{labels}.method: {' ← '.join([*passed, own])} wait for one another. The first "
                    "round needs a method whose labels are there without it, such as random."
                )
            passed.append(own)

    def _parse_methods(self, declared: Mapping[str, Any]) -> tuple[dict[str, Method], dict[str, dict[str, list[str]]]]:
        """Read the methods, and for each of them labels → the subsets that it is run on with these."""
        variants = {"none": ["none"], "true": ["true"]} | self.label_families
        single: dict[str, Any] = {}
        grid: dict[str, dict[str, list[str]]] = {}
        for name, value in declared.items():
            if not isinstance(value, Mapping):
                single[name] = value
                continue
            fields, where = dict(value), f"methods.{name}"
            subsets = fields.pop("subsets", list(self.subset_families))
            listed = fields.pop("labels", "none")
            grid[name] = {}
            for entry in listed if isinstance(listed, list) else [listed]:
                for labels, part in (entry if isinstance(entry, Mapping) else {entry: subsets}).items():
                    family = "true" if labels is True else labels  # YAML reads a bare true as a boolean
                    for member in sweeps.chosen([family], variants, f"{where}.labels"):
                        drawn = sweeps.chosen(part, self.subset_families, f"{where}.subsets")
                        grid[name][member] = list(dict.fromkeys(grid[name].get(member, []) + drawn))
            single[name] = fields | {"labels": next(iter(grid[name]))}
        methods = parse_methods(single)
        for name, method in methods.items():
            if name not in grid:  # a preset
                (labels,) = sweeps.chosen([method.labels], variants, f"methods.{name}.labels")
                grid[name] = {labels: list(self.subsets)}
            for labels in grid[name]:
                replace(method, labels=labels)  # refuses labels that mean nothing to it, or none where it needs some
        return methods, {name: grid[name] for name in methods}

    @staticmethod
    def _known(key: str, value: str, allowed: Iterable[str]) -> None:
        if value not in allowed:
            raise UserError(f"config: {key}: {value!r} is not declared. Declared are {', '.join(allowed)}.")

    def check_stored(self, data: Path) -> None:
        """Check subsets and labels against the pretraining dataset, where it is packed already.

        Raises:
            UserError: as `check_sizes`.
        """
        path = data / self.dataset / "coverage.json"
        if path.exists() and (training := json.loads(path.read_text(encoding="utf-8")).get("training")):
            self.check_sizes(Held(self.dataset, **training))

    def check_sizes(self, held: Held) -> None:
        """Check subsets and labels against what a dataset is known to hold, before any job runs.

        Args:
            held: the training clips of a dataset; only the pretraining dataset is checked.

        Raises:
            UserError: a subset asks for more clips than there are, or cannot fill one batch of a method; labels ask
                for more clusters or neighbours than a subset has clips.
        """
        batch, groups = self.config["pretraining"].get("batch_size", 309), self.protocol.batch_norm_groups
        if held.dataset != self.dataset:
            return
        if groups > 1 and batch < 2 * groups:
            raise UserError(
                f"config: pretraining.batch_size: {batch} is too small for protocol.batch_norm_groups: {groups}, "
                "which need two clips each."
            )
        for name, subset in self.subsets.items():
            if "ids" in subset:
                continue
            sizes = planned(name, subset, held)
            for labels, variant in self.label_variants.items():
                k, others = variant.get("k", 0), variant["kind"] == "neighbours"
                if isinstance(k, int) and k > (most := sum(sizes) - others):
                    what = "other clips" if others else "clips"
                    raise UserError(
                        f"config: labels.{labels}.k: {k} is more than the {most} {what} of subset {name!r}."
                    )
            for method in self.methods.values():
                if not any(name in subsets for subsets in self.grid[method.name].values()):
                    continue
                if method.batch == "shuffled" and batch > sum(sizes):
                    raise UserError(
                        f"config: pretraining.batch_size: {batch} is larger than subset {name!r} with {sum(sizes)} "
                        "clips."
                    )
                if method.batch == "mixed" and batch < 2 * method.clips_per_class:
                    raise UserError(
                        f"config: pretraining.batch_size: {batch} is too small for method {method.name!r}, whose mixed "
                        f"batches hold {method.clips_per_class} clips of each of two classes or more."
                    )
                if method.batch == "single-class" and min(sizes) < 2:
                    raise UserError(
                        f"config: subsets.{name}: method {method.name!r} draws batches of one class, which need at "
                        f"least 2 clips a class; the smallest class has {min(sizes)}."
                    )

    # -------------------------------------------------------------------------------------------------- what to make

    def label_file(self, subset: str, labels: str, seed: int | str) -> str:
        """Return the file of a subset's labels for pairing: one for all seeds, or one a seed after a first round."""
        part = f"{labels}/seed-{seed}" if self.first_round(labels) else labels
        return f"results/{self.name}/labels/{self.dataset}/{subset}/{part}.csv"

    def first_round(self, labels: str) -> str | None:
        """Return the method whose runs make labels, or None where they are made without a model of ours."""
        variant = self.label_variants.get(labels, {})
        made = variant.get("kind") in ("clusters", "neighbours")
        made |= variant.get("noise") == "confusion" and "matrix" not in variant
        return variant.get("method", "random") if made else None

    def own_labels(self) -> dict[str, str]:
        """Return each method's own labels: the first of those it is run with."""
        return {"untrained": "none"} | {name: next(iter(labels)) for name, labels in self.grid.items()}

    def run(self, method: str, subset: str) -> Run:
        """Return a method's run with its own labels."""
        return Run(self.dataset, subset, self.own_labels()[method], method)

    def dataset_options(self, dataset: str, schema: str) -> dict[str, Any]:
        """Return a dataset's own options, checked against ``workflow/schemas/{schema}.schema.yaml``.

        Raises:
            UserError: an option is unknown, missing, or of the wrong kind.
        """
        options = self.datasets[dataset].get("options", {})
        validate(
            options,
            self.root / f"workflow/schemas/{schema}.schema.yaml",
            f"config: datasets.{dataset}.options",
        )
        return options

    def modalities(self, dataset: str) -> list[str]:
        """Return the modalities that a dataset has."""
        return self.datasets[dataset].get("modalities", ["audio", "video"])

    def rule_file(self, dataset: str) -> Path:
        """Return the rule file of a dataset; relative paths count from the Snakefile."""
        return self.root / self.datasets[dataset]["rules"]

    def rule_files(self) -> list[Path]:
        """Return each rule file once, in the order of the datasets."""
        return list(dict.fromkeys(self.rule_file(name) for name in self.datasets))

    def datasets_of(self, rules: str) -> list[str]:
        """Return the datasets that a rule file of this name serves."""
        return [name for name in self.datasets if self.rule_file(name).name == rules]

    def runs(self) -> list[Run]:
        """Return the pretrained methods and the untrained baseline on every subset."""
        untrained = [Run(self.dataset, subset, "none", "untrained") for subset in self.subsets]
        return untrained + [
            Run(self.dataset, subset, labels, method)
            for method in self.methods
            for labels, subsets in self.grid[method].items()
            for subset in subsets
        ]

    def supervised(self) -> list[tuple[str, str]]:
        """Return (task, subset) of every supervised baseline; ``all`` where the subset does not matter."""
        if "supervised" not in self.evaluation:
            return []
        return [
            (name, subset)
            for name, task in self.tasks.items()
            for subset in (self.subsets if task["train"] == "subset" else ["all"])
        ]

    # ------------------------------------------------------------------------------------ settings, as rules pass them

    def store_settings(self, dataset: str) -> dict[str, Any]:
        """Return what the store keeps of each clip of a dataset."""
        return self.config["store"] | {m: m in self.modalities(dataset) for m in ("audio", "video")}

    def check_settings(self, dataset: str) -> dict[str, Any]:
        """Return the thresholds of a dataset: the general ones, overridden by its own."""
        return self.config["checks"] | self.datasets[dataset].get("checks", {})

    def sources(self, dataset: str) -> list[str | dict[str, str]]:
        """Return where a dataset's clips are looked for, in this order; archives stand for where they are unpacked."""
        unpacked = {"directory": f"data/{dataset}/unpacked/clips"}
        listed = self.datasets[dataset].get("sources", ["files"])
        return [unpacked if isinstance(source, Mapping) and "archives" in source else source for source in listed]

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
        rates = {key: self.config["store"][key] for key in ("sample_rate", "frame_rate")}
        return rates | self.config["pretraining"]["features"]

    def pretrain_settings(self, subset: str) -> dict[str, Any]:
        """Return how to train on a subset: the general settings, with the subset's number of epochs."""
        other = {"dataset", "features", "gpus", *MACHINE}
        settings = {k: v for k, v in self.config["pretraining"].items() if k not in other}
        if "epochs" in self.subsets.get(subset, {}):
            settings["epochs"] = self.subsets[subset]["epochs"]
        return settings | self.protocol.pretraining()

    def machine_settings(self) -> dict[str, Any]:
        """Return where and how fast to train: what does not decide the outcome."""
        return {key: value for key, value in self.config["pretraining"].items() if key in MACHINE}

    def frozen(self) -> dict[str, Any]:
        """Return the protocols that are run on frozen features, with their settings."""
        return {name: dict(self.evaluation[name]) for name in FROZEN if name in self.evaluation}

    def trained(self) -> list[str]:
        """Return the protocols that train something on each run's encoders."""
        return [name for name in TRAINED if name in self.evaluation]

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
        """Return a method's fields, of its run with these labels."""
        return asdict(replace(self.methods[method], labels=labels))

    def subset_settings(self, subset: str) -> dict[str, Any]:
        """Return how a subset is drawn."""
        return {key: value for key, value in self.subsets[subset].items() if key != "epochs"}

    def label_settings(self, labels: str) -> dict[str, Any]:
        """Return how a label variant is made."""
        return {"kind": "true"} if labels == "true" else dict(self.label_variants[labels])
