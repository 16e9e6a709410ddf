"""The configuration as a whole, as the user writes it: its keys, and the sections that they hold."""

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from avbench.config import paper_switches, schema, seeds
from avbench.config.checks import CheckSettings
from avbench.config.datasets import Dataset
from avbench.config.download import DownloadSettings
from avbench.config.evaluation import PROTOCOLS
from avbench.config.fields import NAME, UNIQUE, Name, Shown, Text, meaning, named
from avbench.config.labels import KINDS
from avbench.config.methods import RESERVED, Method
from avbench.config.mismatches import Mismatches
from avbench.config.pretraining import Pretraining
from avbench.config.settings import settings
from avbench.config.store import StoreSettings
from avbench.config.subsets import Subset
from avbench.config.tasks import Task
from avbench.config.tuning import Tuning


@settings("methods.{name}")
class DeclaredMethod(Method):
    """A method as the user writes it: with where it is run."""

    subsets: Annotated[
        tuple[Name, ...],
        Shown(lambda: {"type": "array", "minItems": 1, "items": NAME}),
        meaning("on which subsets it is run; all unless given"),
    ] = field(default=(), kw_only=True)


def _method() -> dict[str, Any]:
    return {"if": {"type": "object"}, "then": schema.of(DeclaredMethod), "else": {"const": "preset"}}


def _labels() -> dict[str, Any]:
    kinds = [
        {
            "if": {"properties": {"kind": {"const": kind.name}}},
            "then": _with_any_kind(schema.requiring(kind.settings, kind.required)),
        }
        for kind in KINDS.values()
    ]
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(KINDS)}},
        "allOf": kinds,
    }


def _with_any_kind(kind: dict[str, Any]) -> dict[str, Any]:
    """Leave the kind to the choice of the branch."""
    return kind | {"properties": kind["properties"] | {"kind": True}}


def _evaluation() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["linear"],
        "properties": {
            name: schema.of(protocol.settings) | {"description": protocol.meaning}
            for name, protocol in PROTOCOLS.items()
        },
    }


def _protocol() -> dict[str, Any]:
    presets = {"enum": list(paper_switches.PRESETS)}
    types: dict[Any, object] = {bool: {"type": "boolean"}, int: {"type": "integer", "minimum": 1}}
    switches = dataclasses.fields(paper_switches.PRESETS["corrected"])
    return {
        "oneOf": [
            presets,
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {"preset": presets} | {switch.name: types[switch.type] for switch in switches},
            },
        ]
    }


@settings()
class Configuration:
    """What an experiment is."""

    experiment: Annotated[Name, meaning("its name; results go to `results/{experiment}`")]
    seeds: Annotated[
        Any,
        Shown(seeds.listed_or_until_decided),
        meaning(
            "a list, or rounds until claims are decided. A seed decides everything that a run draws: initial weights, "
            "batches, windows, flips, positives. Intervals and claims are over seeds, so give at least three"
        ),
    ]
    claims: Annotated[Text, meaning("the file of claims to test")]
    store: Annotated[StoreSettings, meaning("what is kept of every clip of every dataset")]
    checks: Annotated[CheckSettings, meaning("what makes a clip unusable")]
    datasets: Annotated[Mapping[str, Dataset], named(), meaning("name → one dataset; its files go to `data/{name}`")]
    pretraining: Annotated[Pretraining, meaning("how to train; the paper's values are the defaults")]
    subsets: Annotated[
        Mapping[str, Subset],
        named(["all"]),
        meaning("name → one pretraining subset, smallest first"),
    ]
    methods: Annotated[
        Mapping[str, Annotated[Any, Shown(_method)]],
        named(RESERVED),
        meaning("name → `preset` (the paper's method of that name), or a mapping"),
    ]
    tasks: Annotated[Mapping[str, Task], named(), meaning("name → what is scored")]
    evaluation: Annotated[
        Mapping[str, Any],
        Shown(_evaluation),
        meaning("protocol → its settings; each one that is there is run on every task"),
    ]
    download: Annotated[DownloadSettings, meaning("how clips are downloaded, by datasets whose `sources` say so")] = (
        field(default_factory=DownloadSettings)
    )
    tuning: Annotated[
        Tuning | None, meaning("what is tuned for every method on validation clips; without it, nothing is")
    ] = None
    plugins: Annotated[
        tuple[Text, ...],
        UNIQUE,
        meaning("files of your own that declare positives, batches and losses; see docs/extending.md"),
    ] = ()
    labels: Annotated[
        Mapping[str, Annotated[Any, Shown(_labels)]],
        named(["none", "true"], least=0),
        meaning("name → labels for pairing that differ from the true ones, which are always there"),
    ] = field(default_factory=dict)
    pairs: Annotated[
        Mapping[str, Mismatches],
        named(least=0),
        meaning(
            "name → pairs that do not match: a share of the pretraining clips with another sound or a still picture"
        ),
    ] = field(default_factory=dict)
    protocol: Annotated[
        Any,
        Shown(_protocol),
        meaning("`corrected`, `published`, or a mapping of switches over a `preset`"),
    ] = "corrected"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration."""
    made = schema.of(Configuration)
    return {"$schema": schema.DIALECT, "title": "avbench configuration"} | made
