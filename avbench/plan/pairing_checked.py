"""Whether labels, and pairs that do not match, fit the methods and datasets of an experiment: found before any job."""

from collections.abc import Iterable, Mapping
from typing import Any

from avbench.config.experiment import Experiment
from avbench.config.features import FeatureSettings
from avbench.config.methods import BASELINE
from avbench.config.mismatches import apart
from avbench.config.models import settings_of
from avbench.config.settings import build
from avbench.core.errors import UserError


def check_pairing(experiment: Experiment) -> None:
    """Check label variants, pairs that do not match, and the methods that are run with them.

    Raises:
        UserError: with the key, its value and what is allowed.
    """
    for name, variant in experiment.label_variants.items():
        _check_labels(experiment, name, variant)
    for name, method in experiment.methods.items():
        for labels in experiment.grid[name]:
            kind = experiment.label_variants.get(apart(labels)[0], {}).get("kind")
            if (kind == "neighbours") != (method.needs == "neighbours"):
                raise UserError(
                    f"config: methods.{name}: positive: neighbour and labels of kind neighbours go together, and "
                    f"labels {labels!r} are of kind {kind or labels}."
                )
    _check_mismatches(experiment)


def known(key: str, value: str, allowed: Iterable[str]) -> None:
    """Check that a name is declared.

    Raises:
        UserError: with the key, its value and what is allowed.
    """
    if value not in allowed:
        raise UserError(f"config: {key}: {value!r} is not declared. Declared are {', '.join(allowed)}.")


def _check_mismatches(experiment: Experiment) -> None:
    for family, declared in experiment.config.get("pairs", {}).items():
        _check_baseline(experiment, family, declared)
    for method, grid in experiment.grid.items():
        for labels in grid:
            own, name = apart(labels)
            if name and experiment.first_round(own):
                raise UserError(
                    f"config: pairs.{name}: method {method!r} pairs by labels {own!r}, which a first round makes of "
                    "pairs that match; a run on others would be flattered. Name methods without it in pairs' methods."
                )
    given = settings_of(experiment.pretraining["model"]).given
    for name, settings in experiment.mismatches.items():
        kind = settings["kind"]
        needed = {"shifted": "audio", "muted": "audio", "frozen": "video"}.get(kind)
        if needed in given:
            raise UserError(
                f"config: pairs.{name}.kind: {kind!r} changes what is heard or seen, and pretraining.model.{needed} "
                "takes features that were computed before. With these, only kind: swapped is possible."
            )
        if kind == "shifted":
            _check_shift(experiment, name, settings.get("shift_s", 0.0))


def _check_baseline(experiment: Experiment, family: str, declared: Mapping[str, Any]) -> None:
    methods = declared.get("methods")
    if methods and BASELINE in experiment.methods and BASELINE not in methods:
        raise UserError(
            f"config: pairs.{family}.methods: {BASELINE!r} is not among them, and gains are over {BASELINE} pairs of "
            "the same clips. Add it."
        )


def _check_shift(experiment: Experiment, name: str, shift_s: float) -> None:
    features = build(FeatureSettings, experiment.pretraining.get("features", {}), "config: pretraining.features")
    checks = experiment.config["checks"] | experiment.datasets[experiment.dataset].get("checks", {})
    most = (checks["min_duration_s"] - max(features.audio_s, features.video_s)) / 2
    if shift_s > most:
        raise UserError(
            f"config: pairs.{name}.shift_s: {shift_s:g} s is more than {max(most, 0):g} s, half of what a clip of "
            f"checks.min_duration_s: {checks['min_duration_s']:g} has beside its window: sound could not be moved so "
            "far in every clip. Lower it."
        )


def _check_labels(experiment: Experiment, name: str, variant: Mapping[str, Any]) -> None:
    if variant["kind"] == "pseudo":
        _check_pseudo(experiment, f"labels.{name}", variant)
    confused = sorted({"matrix", "method"} & set(variant))
    if variant["kind"] == "noise" and variant["noise"] != "confusion" and confused:
        raise UserError(f"config: labels.{name}.{confused[0]} goes with noise: confusion.")
    if {"matrix", "method"} <= set(variant):
        raise UserError(f"config: labels.{name}: matrix and method both say what is confused; leave one out.")
    if experiment.first_round(name):
        _check_rounds(experiment, name)


def _check_pseudo(experiment: Experiment, key: str, variant: Mapping[str, Any]) -> None:
    source = variant.get("classifier_dataset")
    if unused := [name for name in (("classifier", "weights") if source else ("seed",)) if name in variant]:
        raise UserError(
            f"config: {key}.{unused[0]} has no effect {'beside' if source else 'without'} classifier_dataset."
        )
    if source is None:
        return
    known(f"{key}.classifier_dataset", source, [name for name in experiment.datasets if name != experiment.dataset])
    if "video" not in experiment.modalities(source):
        raise UserError(f"config: {key}.classifier_dataset: {source!r} has no video to train an image classifier on.")


def _check_rounds(experiment: Experiment, labels: str) -> None:
    """Check that the method whose run makes labels exists, and does not itself wait for these labels."""
    passed = [labels]
    while method := experiment.first_round(passed[-1]):
        known(f"labels.{passed[-1]}.method", method, experiment.methods)
        own = experiment.own_labels()[method]
        if own in passed:
            raise UserError(
                f"config: labels.{labels}.method: {' ← '.join([*passed, own])} wait for one another. The first "
                "round needs a method whose labels are there without it, such as random."
            )
        passed.append(own)
