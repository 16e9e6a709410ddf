"""What tasks need of their datasets; and splits that options say will be empty: found before any job."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avbench.config.evaluation import KnnSettings
from avbench.config.experiment import Experiment
from avbench.config.settings import build
from avbench.core.errors import UserError
from avbench.plan.jobs import Plan

# Rule files of datasets whose lists name no validation clips, so that these are the share that the options hold out.
_ONLY_HELD_OUT = {"vggsound.smk", "tau_av.smk", "fsdnoisy18k.smk"}


def needs(plan: Plan, dataset: str) -> dict[str, Any]:
    """Return what evaluation needs of a dataset's clips, as :mod:`avbench.evaluation.needs` reads it."""
    names = [name for name, task in plan.tasks.items() if task["dataset"] == dataset]
    knn = plan.evaluation.get("knn")
    return {
        "tasks": plan.task_settings(*names) if names else {},
        "switches": plan.evaluation_protocol(),
        "neighbours": build(KnnSettings, knn, "config: evaluation.knn").neighbours if knn is not None else None,
    }


def check_splits(experiment: Experiment) -> None:
    """Check that no task needs clips of a split that its dataset will not have.

    Raises:
        UserError: one does; with the option.
    """
    for name, task in experiment.tasks.items():
        dataset = task["dataset"]
        own = task["train"] == "subset" and experiment.protocol.probe_on_pretraining_clips
        for split in ("test",) if own else ("validation", "test"):
            rules, options = experiment.rule_file(dataset).name, experiment.datasets[dataset].get("options", {})
            if options.get(f"{split}_share") == 0 and not _given(rules, options, split):
                raise UserError(
                    f"config: datasets.{dataset}.options.{split}_share: 0 leaves no {split} clips, and tasks.{name} "
                    f"needs some. Raise it, or say of some clips that they are for {split}."
                )


def _given(rules: str, options: Mapping[str, Any], split: str) -> bool:
    """Return whether clips may be given a split; what cannot be read, whoever makes the manifest will say."""
    if rules in _ONLY_HELD_OUT:
        return split != "validation"
    if rules != "folder.smk":
        return True
    if "directory" in options:
        return Path(options["directory"], split).is_dir()
    try:
        with Path(options["list"]).open(encoding="utf-8-sig", newline="") as stream:
            return any(row.get("split") == split for row in csv.DictReader(stream))
    except (KeyError, OSError, UnicodeDecodeError, csv.Error):
        return True
