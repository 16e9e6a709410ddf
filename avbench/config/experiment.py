"""The experiment that a configuration describes: validated, completed, and asked for by the workflow.

Imported while the Snakefile is parsed, also by every job of a cluster: nothing heavy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avbench.config import budgets, mismatches, paper_switches, plugin_files, seeds, sweeps, tuning
from avbench.config.budgets import ALL_BUDGETS
from avbench.config.evaluation import TrainingSettings
from avbench.config.methods import BASELINE, UNTRAINED, Method, parse_methods
from avbench.config.pretraining import Pretraining
from avbench.config.settings import defaults
from avbench.config.validation import validate

SCHEMA = "workflow/schemas/config.schema.json"
"""What `python -m avbench schema` makes of the settings' types."""


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
    budget: str


class Experiment:
    """What a validated configuration asks for.

    Args:
        config: the configuration, as Snakemake merged it.
        root: the folder of the Snakefile; relative rule files and schemas are found from here.

    Raises:
        UserError: the configuration is invalid.
    """

    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        plugins = config.get("plugins", [])
        if isinstance(plugins, list) and all(isinstance(path, str) for path in plugins):  # as the schema asks for
            plugin_files.use(plugins)
        validate(config, root / SCHEMA, "config", plugin_files.extended if plugins else None)
        self.config, self.root = config, root
        self.name: str = config["experiment"]
        self.until = seeds.parse(config["seeds"])
        self.seeds: list[int] = list(range(self.until.most)) if self.until else config["seeds"]
        self.looks = seeds.looks(self.until.first, self.until.most) if self.until else ()
        self.datasets: Mapping[str, Any] = config["datasets"]
        self.tasks: Mapping[str, Any] = {
            name: task | ({"multi_label": True} if self.multi_label(task["dataset"]) else {})
            for name, task in config["tasks"].items()
        }
        self.subsets, self.subset_families = sweeps.expand(config["subsets"], "subsets")
        self.label_variants, self.label_families = _expand_labels(config.get("labels", {}))
        self.methods, self.grid = self._parse_methods(config["methods"])
        self.mismatches = self._parse_pairs(config.get("pairs", {}))
        self.pretraining: Mapping[str, Any] = defaults(Pretraining) | config["pretraining"]
        self.budgets = budgets.parse(config["pretraining"])
        self.longest = list(self.budgets)[-1]
        self.tuning, self.trials = tuning.parse(config.get("tuning"), config["pretraining"])
        self.dataset: str = self.pretraining["dataset"]
        self.evaluation: Mapping[str, Any] = config["evaluation"]
        self.protocol = paper_switches.parse(config.get("protocol", "corrected"))

    def _parse_pairs(self, declared: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Read the pairs that do not match; add the runs with them to the grid, beside those of a method's own labels.

        Where a family begins at rate 0, that member is the pairs as they are.
        """
        settings, members = sweeps.expand(
            {name: mismatches.declared(value) for name, value in declared.items()}, "pairs"
        )
        settings = {name: value for name, value in settings.items() if value["rate"] > 0}
        own, every = self.own_labels(), {name: [name] for name in self.methods}
        for family, value in declared.items():
            methods = sweeps.chosen(value.get("methods", every), every, f"pairs.{family}.methods")
            subsets = value.get("subsets", list(self.subset_families))
            subsets = sweeps.chosen(subsets, self.subset_families, f"pairs.{family}.subsets")
            for method in methods:
                at = [name for name in self.grid[method][own[method]] if name in subsets]
                named = [mismatches.beside(own[method], name) for name in members[family] if name in settings]
                self.grid[method] |= dict.fromkeys(named, at)
        return settings

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

    def first_round(self, labels: str) -> str | None:
        """Return the method whose runs make labels, or None where they are made without a model of ours."""
        variant = self.label_variants.get(mismatches.apart(labels)[0], {})
        made = variant.get("kind") in ("clusters", "neighbours")
        made |= variant.get("noise") == "confusion" and "matrix" not in variant
        return variant.get("method", BASELINE) if made else None

    def in_domain(self) -> str | None:
        """Return the task by whose validation clips methods are tuned: the first of the pretraining dataset."""
        own = (name for name in self.classified() if self.tasks[name]["dataset"] == self.dataset)
        return next((name for name in own if self.tasks[name]["role"] == "in-domain"), None)

    def drawn(self, labels: str) -> bool:
        """Return whether each run draws labels of its own, or trains what makes them, without a first round."""
        variant = self.label_variants.get(mismatches.apart(labels)[0], {})
        random = variant.get("kind") == "noise" or "classifier_dataset" in variant
        return random and "seed" not in variant and not self.first_round(labels)

    def own_labels(self) -> dict[str, str]:
        """Return each method's own labels: the first of those it is run with."""
        return {UNTRAINED: "none"} | {name: next(iter(labels)) for name, labels in self.grid.items()}

    def run(self, method: str, subset: str) -> Run:
        """Return a method's run with its own labels at the longest budget."""
        return Run(self.dataset, subset, self.own_labels()[method], method, self.longest)

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

    def multi_label(self, dataset: str) -> bool:
        """Return whether a dataset's clips have several labels."""
        return self.datasets.get(dataset, {}).get("multi_label", False)

    def classified(self) -> list[str]:
        """Return the tasks whose clips are of one class each."""
        return [name for name, task in self.tasks.items() if not task.get("multi_label")]

    def trained_on(self, protocol: str) -> list[str]:
        """Return the tasks on which a protocol trains a classifier: of one class per clip, with a modality of its."""
        wanted = self.evaluation[protocol].get("modalities", defaults(TrainingSettings)["modalities"])
        return [name for name in self.classified() if set(wanted) & set(self.tasks[name]["modalities"])]

    def modalities(self, dataset: str) -> list[str]:
        """Return the modalities that a dataset has."""
        return self.datasets[dataset].get("modalities", ["audio", "video"])

    def rule_file(self, dataset: str) -> Path:
        """Return the rule file of a dataset; relative paths count from the Snakefile."""
        return self.root / self.datasets[dataset]["rules"]

    def has_media(self, dataset: str) -> bool:
        """Return whether a dataset has sound and pictures, rather than features that were computed before alone."""
        return self.rule_file(dataset).name != "features.smk"

    def shows_media(self, dataset: str) -> bool:
        """Return whether sounds and films of a few clips may be in the page: of generated ones, unless it is said."""
        generated = self.rule_file(dataset).name == "controlled.smk"
        return self.has_media(dataset) and bool(self.datasets[dataset].get("media_in_page", generated))

    def rule_files(self) -> list[Path]:
        """Return each rule file once, in the order of the datasets."""
        return list(dict.fromkeys(self.rule_file(name) for name in self.datasets))

    def datasets_of(self, rules: str) -> list[str]:
        """Return the datasets that a rule file of this name serves."""
        return [name for name in self.datasets if self.rule_file(name).name == rules]

    def runs(self) -> list[Run]:
        """Return the pretrained methods at every budget, and the untrained baseline, on every subset."""
        untrained = [Run(self.dataset, subset, "none", UNTRAINED, ALL_BUDGETS) for subset in self.subsets]
        return untrained + [
            Run(self.dataset, subset, labels, method, budget)
            for method in self.methods
            for labels, subsets in self.grid[method].items()
            for subset in subsets
            for budget in self.budgets
        ]

    def supervised(self) -> list[tuple[str, str]]:
        """Return (task, subset) of every supervised baseline; ``all`` where the subset does not matter."""
        if "supervised" not in self.evaluation:
            return []
        return [
            (name, subset)
            for name in self.trained_on("supervised")
            for subset in (self.subsets if self.tasks[name]["train"] == "subset" else ["all"])
        ]
