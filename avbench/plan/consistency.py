"""Whether the parts of an experiment fit together, and fit what its datasets hold: found before any job."""

from collections.abc import Mapping
from typing import Any

import yaml

from avbench.config.capacity import Held, planned
from avbench.config.evaluation import TRAINED, KnnSettings
from avbench.config.experiment import Experiment
from avbench.config.features import FeatureSettings
from avbench.config.methods import Method
from avbench.config.models import settings_of
from avbench.config.settings import build
from avbench.config.tasks import encoders_of
from avbench.config.tuning import Tuning
from avbench.config.yaml_text import refuse_repeated_keys
from avbench.core.errors import UserError
from avbench.plan.pairing_checked import check_pairing, known


def check(experiment: Experiment) -> None:
    """Check that names lead somewhere, and that choices go with one another.

    Raises:
        UserError: with the key, its value and what is allowed.
    """
    known("pretraining.dataset", experiment.dataset, experiment.datasets)
    if missing := {"audio", "video"} - set(experiment.modalities(experiment.dataset)):
        raise UserError(f"config: pretraining.dataset {experiment.dataset!r} has no {missing.pop()}; pairs need both.")
    for name, task in experiment.tasks.items():
        _check_task(experiment, name, task)
    _check_given(experiment)
    for protocol in (*TRAINED, "supervised"):
        if protocol in experiment.evaluation and experiment.classified() and not experiment.trained_on(protocol):
            raise UserError(
                f"config: evaluation.{protocol}.modalities: none of the tasks {', '.join(experiment.classified())} has "
                f"any of these. Give one that they have, or leave {protocol} out."
            )
    gpus, groups = experiment.pretraining["gpus"], experiment.protocol.batch_norm_groups
    if gpus > 1 and groups not in (1, gpus):
        raise UserError(
            f"config: pretraining.gpus: {gpus} with protocol.batch_norm_groups: {groups} is not possible. Take 1 "
            f"group (synchronised batch norm) or {gpus} (each GPU its own), or one GPU."
        )
    if experiment.tuning is not None:
        _check_tuning(experiment, experiment.tuning)
    check_pairing(experiment)
    for name, subset in experiment.subsets.items():
        if (subset.get("balance") == "long-tailed") != ("imbalance" in subset):
            raise UserError(f"config: subsets.{name}: balance 'long-tailed' and 'imbalance' go together.")
        if "epochs" in subset and "budgets" in experiment.config["pretraining"]:
            raise UserError(
                f"config: subsets.{name}.epochs: {subset['epochs']!r} is not allowed beside pretraining.budgets, which "
                "says how long runs are. Leave one of them out."
            )
        if "clips" in subset and subset.get("balance", "balanced") == "balanced":
            raise UserError(f"config: subsets.{name}: a balanced subset is given by clips_per_class, not by clips.")
    for name, dataset in experiment.datasets.items():
        if not experiment.rule_file(name).is_file():
            raise UserError(f"config: datasets.{name}.rules: {dataset['rules']} does not exist.")


def _check_given(experiment: Experiment) -> None:
    """Check that what is encoded of datasets without media are features that are given."""
    given = settings_of(experiment.pretraining["model"]).given
    needed: dict[str, tuple[str, tuple[str, ...]]] = {"pretraining": (experiment.dataset, ("audio", "video"))}
    needed |= {
        f"tasks.{name}": (task["dataset"], encoders_of(task["modalities"])) for name, task in experiment.tasks.items()
    }
    for key, (dataset, modalities) in needed.items():
        if not experiment.has_media(dataset) and (missing := sorted(set(modalities) - set(given))):
            raise UserError(
                f"config: {key}: dataset {dataset!r} is a list without media, and pretraining.model.{missing[0]} gives "
                "no features for it. Give 'features', or a dataset with media."
            )


def _check_task(experiment: Experiment, name: str, task: Mapping[str, Any]) -> None:
    known(f"tasks.{name}.dataset", task["dataset"], experiment.datasets)
    if missing := set(encoders_of(task["modalities"])) - set(experiment.modalities(task["dataset"])):
        raise UserError(
            f"config: tasks.{name}.modalities asks for {missing.pop()!r}, and dataset {task['dataset']!r} has "
            f"{', '.join(experiment.modalities(task['dataset']))}."
        )
    if task["train"] == "subset" and task["dataset"] != experiment.dataset:
        raise UserError(
            f"config: tasks.{name}.train is 'subset', and its dataset {task['dataset']!r} is not the "
            f"pretraining dataset {experiment.dataset!r}. Use 'all'."
        )


def _check_tuning(experiment: Experiment, tuning: Tuning) -> None:
    if tuning.subset is not None:
        known("tuning.subset", tuning.subset, experiment.subsets)
    if experiment.in_domain() is None:
        raise UserError(
            "config: tuning: settings are chosen by the validation clips of an in-domain task with one label per clip, "
            f"and tasks has none of the pretraining dataset {experiment.dataset!r}. Add one, or leave tuning out."
        )


def check_windows(features: FeatureSettings, dataset: str, min_duration_s: float) -> None:
    """Check that a pretraining window fits into every clip, and holds a picture.

    Evaluation repeats the sound of a clip that is shorter than its window; pretraining refuses such a clip.

    Args:
        features: the windows.
        dataset: the pretraining dataset.
        min_duration_s: seconds that its clips last at least.

    Raises:
        UserError: with the key, its value and the longest window that fits.
    """
    for key in ("audio_s", "video_s"):
        if (length := getattr(features, key)) > min_duration_s:
            raise UserError(
                f"config: pretraining.features.{key}: a window of {length:g} s is longer than clips of dataset "
                f"{dataset!r} have to be: checks.min_duration_s is {min_duration_s:g}. Raise it to {length:g}, or "
                f"shorten the window to {min_duration_s:g}."
            )
    if features.video_frames < 1:
        raise UserError(
            f"config: pretraining.features.video_s: a window of {features.video_s:g} s holds no picture at "
            f"store.frame_rate: {features.frame_rate:g}."
        )


def check_claims(experiment: Experiment) -> None:
    """Check that claims are about budgets that there are; what else may be wrong with the file, its reader says.

    Raises:
        UserError: a key is there twice, or with the claim, the budget that it names, and those that there are.
    """
    path = experiment.root / experiment.config["claims"]
    refuse_repeated_keys(path)
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))["claims"]
        named = [(claim["id"], claim["budget"]) for claim in stated if "budget" in claim]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return
    for claim, budget in named:
        if budget not in experiment.budgets:
            raise UserError(
                f"{path}: claims.{claim}.budget: {budget!r} is not declared. Declared are "
                f"{', '.join(experiment.budgets)} (config: pretraining.budgets)."
            )


def check_sizes(experiment: Experiment, held: Held) -> None:
    """Check subsets, labels and neighbours against what a dataset is known to hold, before any job runs.

    Args:
        held: the training clips of a dataset; subsets and labels are those of the pretraining dataset.

    Raises:
        UserError: a subset asks for more clips than there are, or cannot fill one batch of a method; labels ask
            for more clusters or neighbours than a subset has clips, or the protocol knn for more than a task has.
    """
    _check_voters(experiment, held)
    if held.dataset != experiment.dataset:
        return
    batch, groups = experiment.pretraining["batch_size"], experiment.protocol.batch_norm_groups
    if groups > 1 and batch < 2 * groups:
        raise UserError(
            f"config: pretraining.batch_size: {batch} is too small for protocol.batch_norm_groups: {groups}, "
            "which need two clips each."
        )
    for name, subset in experiment.subsets.items():
        if "ids" in subset:
            continue
        sizes = planned(name, subset, held)
        for labels, variant in experiment.label_variants.items():
            k, others = variant.get("k", 0), variant["kind"] == "neighbours"
            if isinstance(k, int) and k > (most := sum(sizes) - others):
                what = "other clips" if others else "clips"
                raise UserError(f"config: labels.{labels}.k: {k} is more than the {most} {what} of subset {name!r}.")
        for method in experiment.methods.values():
            if any(name in subsets for subsets in experiment.grid[method.name].values()):
                _check_batches(method, batch, name, sizes)


def _check_batches(method: Method, batch: int, subset: str, sizes: list[int]) -> None:
    if method.batch == "shuffled" and batch > sum(sizes):
        raise UserError(
            f"config: pretraining.batch_size: {batch} is larger than subset {subset!r} with {sum(sizes)} clips."
        )
    if method.batch == "mixed" and batch < 2 * method.clips_per_class:
        raise UserError(
            f"config: pretraining.batch_size: {batch} is too small for method {method.name!r}, whose mixed "
            f"batches hold {method.clips_per_class} clips of each of two classes or more."
        )
    if method.batch == "single-class" and min(sizes) < 2:
        raise UserError(
            f"config: subsets.{subset}: method {method.name!r} draws batches of one class, which need at "
            f"least 2 clips per class; the smallest class has {min(sizes)}."
        )


def _check_voters(experiment: Experiment, held: Held) -> None:
    """Check that the protocol knn asks for no more neighbours than a task has training clips."""
    if "knn" not in experiment.evaluation:
        return
    neighbours = build(KnnSettings, experiment.evaluation["knn"], "config: evaluation.knn").neighbours
    for name, task in experiment.tasks.items():
        if task["dataset"] != held.dataset:
            continue
        there = {f"task {name!r}": held.clips}
        if task["train"] == "subset":
            listed = {key: subset for key, subset in experiment.subsets.items() if "ids" not in subset}
            there = {f"subset {key!r}": sum(planned(key, subset, held)) for key, subset in listed.items()}
        for what, clips in there.items():
            if neighbours > clips:
                raise UserError(
                    f"config: evaluation.knn.neighbours: {neighbours} is more than the {clips} training clips of "
                    f"{what}. The largest that works is {min(there.values())}."
                )
