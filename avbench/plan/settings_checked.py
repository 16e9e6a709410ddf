"""Whether jobs will take the settings that a plan gives them: found before any job."""

from collections.abc import Mapping
from typing import Any

from avbench.config.checks import CheckSettings
from avbench.config.evaluation import PROTOCOLS, TrainingSettings
from avbench.config.features import FeatureSettings
from avbench.config.labels import KINDS
from avbench.config.methods import BASELINE
from avbench.config.mismatches import MismatchSettings
from avbench.config.pretraining import PretrainSettings
from avbench.config.settings import build
from avbench.config.store import StoreSettings
from avbench.config.subsets import SubsetSettings
from avbench.core.errors import UserError
from avbench.plan.augmentation_checked import check_augmentation
from avbench.plan.consistency import check_windows

Plan = Any
"""An :class:`avbench.plan.jobs.Plan`, which stands above."""


def check_settings(plan: Plan) -> None:
    """Read the settings of jobs as these do, so that what they would refuse is refused now.

    Raises:
        UserError: as the jobs.
    """
    features = build(FeatureSettings, plan.feature_settings(), "config: pretraining.features")
    check_windows(features, plan.dataset, plan.check_settings(plan.dataset)["min_duration_s"])
    for name in ("all", *plan.subsets):
        for budget in plan.budgets:
            training = build(PretrainSettings, plan.pretrain_settings(name, budget), "config: pretraining")
            check_augmentation(training, features)
        for protocol in plan.trained():
            build(TrainingSettings, plan.training_settings(protocol, name), f"config: evaluation.{protocol}")
    for name, protocol in plan.frozen().items():
        build(PROTOCOLS[name].settings, protocol, f"config: evaluation.{name}")
    for name in plan.datasets:
        build(StoreSettings, plan.store_settings(name), "config: store")
        build(CheckSettings, plan.check_settings(name), f"config: datasets.{name}.checks")
    for name in plan.subsets:
        _read(SubsetSettings, plan.subset_settings(name), f"config: subsets.{name}")
    for name, mismatch in plan.mismatches.items():
        _read(MismatchSettings, mismatch, f"config: pairs.{name}")
    for name, variant in plan.label_variants.items():
        method = {"method": BASELINE} if plan.first_round(name) else {}
        _read(KINDS[variant["kind"]].settings, method | plan.label_settings(name), f"config: labels.{name}")


def _read(settings: type, values: Mapping[str, Any], where: str) -> None:
    """Read settings whose messages name the key alone."""
    try:
        build(settings, values, where)
    except UserError as error:
        raise UserError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None
