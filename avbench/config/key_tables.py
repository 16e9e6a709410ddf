"""Tables of keys, and of what may be chosen, in Markdown: made of the declarations, for the pages that explain them.

A page marks where they stand: ``<!-- keys: store -->`` or ``<!-- choices: loss -->``, the table, ``<!-- end -->``.
"""

import dataclasses
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from avbench.config.augmentation import AugmentationSettings
from avbench.config.budgets import Budgets
from avbench.config.checks import CheckSettings
from avbench.config.choices import Choice
from avbench.config.configuration import DeclaredMethod
from avbench.config.datasets import Dataset
from avbench.config.download import DownloadSettings
from avbench.config.encoders import BuiltSettings, GivenSettings
from avbench.config.evaluation import PROTOCOLS, DynamicsSettings, KnnSettings, LinearSettings, TrainingSettings
from avbench.config.features import FeatureSettings
from avbench.config.hub import HubSettings
from avbench.config.labels import KINDS, NOISES
from avbench.config.methods import AXES, BELONGING
from avbench.config.mismatches import MISMATCHES, Mismatches
from avbench.config.pretraining import Pretraining
from avbench.config.seeds import UntilDecided
from avbench.config.store import StoreSettings
from avbench.config.subsets import BALANCES, Subset
from avbench.config.tasks import Task
from avbench.config.tuning import Tuning
from avbench.core.errors import UserError

KEYS: Mapping[str, Mapping[type, tuple[str, ...]]] = {
    "seeds": {UntilDecided: ()},
    "store": {StoreSettings: ()},
    "checks": {CheckSettings: ()},
    "download": {DownloadSettings: ()},
    "datasets": {Dataset: ()},
    "hub": {HubSettings: ()},
    "pretraining": {Pretraining: ()},
    "encoders": {BuiltSettings: (), GivenSettings: ()},
    "features": {FeatureSettings: ()},
    "augmentation": {AugmentationSettings: ()},
    "budgets": {Budgets: ()},
    "tuning": {Tuning: ()},
    "subsets": {Subset: ()},
    "labels": {kind.settings: ("kind", *kind.required) for kind in KINDS.values()},
    "pairs": {Mismatches: ()},
    "methods": {DeclaredMethod: ()},
    "tasks": {Task: ()},
    "frozen": {LinearSettings: (), KnnSettings: (), DynamicsSettings: ()},
    "training": {TrainingSettings: ()},
}
"""Tables by name: the settings whose keys are listed, each key once; and keys to be given though they have defaults."""

CHOICES: Mapping[str, Mapping[str, Any]] = {
    **AXES,
    "balance": BALANCES,
    "kind": KINDS,
    "noise": NOISES,
    "mismatch": MISMATCHES,
    "evaluation": PROTOCOLS,
}
"""Tables by name: the registry that is listed."""

_MARKED = re.compile(r"(<!-- (keys|choices): ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """Return a page with its marked tables made anew.

    Raises:
        UserError: there is no table of a name that the page marks.
    """

    def table(match: re.Match[str]) -> str:
        makers: dict[str, tuple[Mapping[str, Any], Any]] = {"keys": (KEYS, _keys), "choices": (CHOICES, _choices)}
        known, make = makers[match[2]]
        if match[3] not in known:
            raise UserError(f"there is no table {match[3]!r} of {match[2]}. There are {', '.join(known)}.")
        return f"{match[1]}\n{make(known[match[3]])}\n{match[5]}"

    return _MARKED.sub(table, page)


def _keys(classes: Mapping[Any, tuple[str, ...]]) -> str:
    rows: dict[str, str] = {}
    for cls, required in classes.items():
        for field in sorted(dataclasses.fields(cls), key=lambda field: bool(field.kw_only)):
            meaning = cls.__pydantic_fields__[field.name].description
            if meaning is None or field.name in rows:  # what the workflow decides has no meaning to the user
                continue
            default = "" if field.name in required or "unless given" in meaning else _default(cls, field)
            rows[field.name] = f"| `{field.name}` | {meaning} | {default} |\n"
    return "| key | meaning | default |\n|---|---|---|\n" + "".join(rows.values())


def _default(cls: type, field: dataclasses.Field) -> str:
    # A key of a choice has its default where the choice is declared. A subset has a key of the name of one, too.
    key, *_ = BELONGING.get(field.name, (None,)) if cls is DeclaredMethod else (None,)
    return _shown(key.default if key else field.default)


def _shown(value: Any) -> str:
    if value is dataclasses.MISSING or value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return f"{Decimal(str(value)):f}".removesuffix(".0") if isinstance(value, float) else str(value)


def _choices(registry: Mapping[str, Any]) -> str:
    if not any(isinstance(choice, Choice) and choice.make for choice in registry.values()):
        rows = (f"| `{name}` | {choice.meaning} |\n" for name, choice in registry.items())
        return "| | meaning |\n|---|---|\n" + "".join(rows)
    rows = (
        f"| `{name}` | {choice.meaning} | {choice.needs} | "
        f"{', '.join(f'`{key.name}` ({_shown(key.default)})' for key in choice.keys)} |\n"
        for name, choice in registry.items()
    )
    return "| | meaning | needs | its keys |\n|---|---|---|---|\n" + "".join(rows)
