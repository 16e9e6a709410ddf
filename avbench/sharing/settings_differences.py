"""What differs between configurations, and the configuration of several parts of one study."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from avbench.config import sweeps
from avbench.config.pretraining import MACHINE
from avbench.core.errors import UserError
from avbench.plan.places import PATH_OPTIONS

ABSENT = "–"
_CELLS = ("datasets", "subsets", "labels", "methods", "tasks", "evaluation")
"""Sections that name cells of the grid: parts may each have some of their entries."""
_OF_DATASETS = ("sources", "shards", "min_coverage", "media_in_page")
_OF_TRAINING = (*MACHINE, "gpus", "seeds_together")
_SHOWN = 20


def comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides an experiment's outcome: all but where files are and how fast to compute.

    Seeds and the name of the claims' file are left out, too: the first are joined, of the second the content counts.
    """
    kept: dict[str, Any] = copy.deepcopy({k: v for k, v in config.items() if k not in ("seeds", "claims", "download")})
    for key in _OF_TRAINING:
        kept["pretraining"].pop(key, None)
    for dataset in kept["datasets"].values():
        for key in _OF_DATASETS:
            dataset.pop(key, None)
        for option in PATH_OPTIONS.get(str(dataset["rules"]).rpartition("/")[2], {}):
            *above, last = option.split(".")
            place = dataset.get("options", {})
            for part in above:
                place = place.get(part) if isinstance(place, dict) else None
            if isinstance(place, dict):
                place.pop(last, None)
    return kept


def differences(configs: Sequence[Mapping[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the keys that differ, with dots between levels, and the value of each configuration as JSON.

    A key that a configuration lacks is ``ABSENT`` there. Keys are in the order of the configurations.
    """
    flat = [dict(_flat(config)) for config in configs]
    keys = dict.fromkeys(key for values in flat for key in values)
    found = [(key, tuple(values.get(key, ABSENT) for values in flat)) for key in keys]
    return [(key, values) for key, values in found if len(set(values)) > 1]


def _flat(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, part in value.items():
        if isinstance(part, Mapping) and part:
            yield from _flat(part, f"{above}{key}.")
        else:
            yield f"{above}{key}", json.dumps(part, ensure_ascii=False, sort_keys=True)


def joined(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the configuration of a study from those of its parts: seeds and cells of all, everything else of each.

    Where files are and how fast to compute is taken from the first.

    Args:
        configs: by the name of the part.

    Raises:
        UserError: settings differ, or seeds are given out in rounds.
    """
    for name, config in configs.items():
        if not isinstance(config["seeds"], list):
            raise UserError(
                f"{name}: seeds are given out in rounds, by what is decided from all scores. Parts of a study need a "
                "list of seeds each."
            )
    (first, whole), *others = ((name, copy.deepcopy(dict(config))) for name, config in configs.items())
    found: list[str] = []
    for name, config in others:
        told, other = comparable(whole), comparable(config)
        for section in dict.fromkeys([*told, *other]):
            one, two = told.get(section), other.get(section)
            if section in _CELLS:  # what only one has is a cell more
                one, two = one or {}, two or {}
                one, two = ({k: part[k] for k in one if k in two} for part in (one, two))
            found += [
                f"{key}: {values[0]} in {first}, {values[1]} in {name}"
                for key, values in differences([{section: part} if part is not None else {} for part in (one, two)])
            ]
        whole["seeds"] = sorted({*whole["seeds"], *config["seeds"]})
        for section in _CELLS:
            if config.get(section):
                whole[section] = dict(whole.get(section, {}))
                for key, value in config[section].items():
                    whole[section].setdefault(key, value)
    if found:
        more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UserError("the parts are not of one study; they differ in\n  " + "\n  ".join(found[:_SHOWN]) + more)
    return whole


def smallest_first(subsets: Mapping[str, Any], clips: Callable[[str], int]) -> dict[str, Any]:
    """Return declared subsets as a configuration lists them, smallest first: parts may each have had some of them.

    Args:
        subsets: name → fields. A family stands where its smallest member does.
        clips: says how many a subset has.
    """
    _, families = sweeps.expand(subsets, "subsets")
    return {name: subsets[name] for name in sorted(subsets, key=lambda name: min(map(clips, families[name])))}
