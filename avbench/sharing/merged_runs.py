"""The files of an experiment that several machines ran parts of, put into one folder."""

import json
import math
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from avbench.audit.records import LARGE, is_passing
from avbench.core.errors import UserError
from avbench.core.files import read_csv, read_json
from avbench.core.hashing import file_digest
from avbench.core.seals import SUFFIX
from avbench.provenance import record as provenance
from avbench.sharing.received import Received

_SHARED = ("subsets", "labels", "statistics", "tuning")
_MADE_ANEW = ("tables", "figures", "rounds", "parts")
_SCORES, _TOLD, _RUN = "scores.csv", "predictions.parquet", "run.json"
_RUNS, _SEED = ("runs", "supervised"), re.compile(r"seed-[0-9]+")
_CLOSE = 1e-4  # relative difference of statistics that other builds of a decoder may leave


def merge_runs(parts: Mapping[str, Received], output: Path, keep: Path) -> dict[Path, int]:
    """Copy the files of all parts into one experiment's folder: all but logs, tables, figures and pages.

    Models and features are taken if all parts have them: of half of the runs they would seem to be lost.

    Args:
        parts: by their names. Of runs, those with the seeds of the part's configuration are taken.
        output: the folder to write.
        keep: files of a part that differ, and may, go to ``{keep}/{number of the part}``.

    Returns:
        The score files, relative to ``output``, and the number of the part that each is of, from 1.

    Raises:
        UserError: a subset, labels, a choice or scores of one run are others in one part than in another.
    """
    alone = {kind for kind in LARGE if not all(any(part.results.rglob(kind)) for part in parts.values())}
    scored: dict[Path, int] = {}
    owner: dict[Path, str] = {}
    for number, (name, part) in enumerate(parts.items(), 1):
        results, seeds = part.results, _seeds(part)
        twice = set(_twice(part, output, name, owner))
        for path in _files(results):
            if path.name in alone or _of_other_seed(path.relative_to(results), seeds):
                continue
            inside, target = path.relative_to(results), output / path.relative_to(results)
            nearest = next((folder for folder in inside.parents if (results / folder / _SCORES).is_file()), None)
            if nearest in twice:
                continue
            if target.is_file():
                if inside.parts[0] in _SHARED or len(inside.parts) == 1:
                    _require_same(inside, path, target, name, owner[inside])
                    if file_digest(path) != file_digest(target):
                        _copy(path, keep / str(number) / "results" / results.name / inside)
                continue
            _copy(path, target)
            owner[inside] = name
            if path.name == _SCORES:
                scored[inside] = number
    return scored


def _files(results: Path) -> Iterator[Path]:
    # Subsets first: labels that differ for their sake are no news.
    for path in sorted(results.rglob("*"), key=lambda path: (path.relative_to(results).parts[0] != "subsets", path)):
        inside = path.relative_to(results)
        hidden = any(part.startswith(".") for part in inside.parts)
        if not path.is_file() or hidden or is_passing(inside) or inside.parts[0] in _MADE_ANEW:
            continue
        if len(inside.parts) == 1 and inside.suffix in (".html", ".json"):
            continue
        if inside.parts[0] == provenance.FOLDER and len(inside.parts) == 2:  # of tables
            continue
        yield path


def _seeds(part: Received) -> set[str]:
    return {f"seed-{seed}" for seed in part.config["seeds"]}


def _of_other_seed(inside: Path, seeds: Collection[str]) -> bool:
    """Say whether a file is of a run with a seed that the configuration does not have: left from an earlier one."""
    folder = next((name for name in inside.parts if _SEED.fullmatch(name)), None)
    return inside.parts[0] in _RUNS and folder is not None and folder not in seeds


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)


def _twice(part: Received, output: Path, name: str, owner: Mapping[Path, str]) -> Iterator[Path]:
    """Yield the folders of runs that an earlier part has too, which are to be the same there.

    Raises:
        UserError: they have other scores.
    """
    results, seeds = part.results, _seeds(part)
    for path in sorted(results.rglob(_SCORES)):
        folder = path.parent.relative_to(results)
        if _of_other_seed(folder, seeds) or not (output / folder / _SCORES).is_file():
            continue
        for file in (_SCORES, _TOLD):
            if file_digest(path.with_name(file)) != file_digest(output / folder / file):
                raise UserError(
                    f"{folder} is in {owner[folder / _SCORES]} and in {name}, with other {file}: machines may round "
                    "differently. A run counts once: leave this seed out of one of them."
                )
        models = [_checkpoint(root / folder / _RUN) for root in (results, output)]
        if models[0] != models[1]:
            raise UserError(f"{folder} is in {owner[folder / _SCORES]} and in {name}, with other checkpoints.")
        yield folder


def _checkpoint(run: Path) -> Any:
    """Return the digest of a run's checkpoint as recorded; None where nothing was pretrained."""
    return read_json(run).get("outputs", {}).get("checkpoint.pt") if run.is_file() else None


def _require_same(inside: Path, path: Path, target: Path, name: str, other: str) -> None:
    """Check that a file that decides runs is the same in two parts.

    Raises:
        UserError: it is not; says how they differ.
    """
    if file_digest(path) == file_digest(target) or inside.suffix == SUFFIX:
        return
    if inside.parts[0] == "tuning" and inside.name != "choice.json":
        return  # what a trial took; of the choice alone runs are made
    if inside.parts[0] == "statistics" and _close(read_json(path), read_json(target)):
        return
    raise UserError(f"{inside} of {name} is not that of {other}{_how(path, target)}. Parts of a study share it.")


def _how(path: Path, target: Path) -> str:
    """Say how two lists of labelled clips differ; nothing of other files."""
    try:
        one, two = (dict(zip(*read_csv(file, ("clip_id", "label")).values(), strict=True)) for file in (path, target))
    except UserError:  # no list of clips with labels
        return ""
    if others := sorted(one.keys() ^ two.keys()):
        return f": {len(others)} clips are in one alone, such as {others[0]!r}"
    labels = sorted(clip for clip in one if one[clip] != two[clip])
    return f": {len(labels)} clips have another label, such as {labels[0]!r}" if labels else ": other order or columns"


def _close(one: Any, two: Any) -> bool:
    """Say whether two JSON values are the same but for rounding."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return one.keys() == two.keys() and all(_close(one[key], two[key]) for key in one)
    if isinstance(one, Sequence) and isinstance(two, Sequence) and not isinstance(one, str):
        return len(one) == len(two) and all(map(_close, one, two))
    if isinstance(one, int | float) and isinstance(two, int | float):
        return math.isclose(one, two, rel_tol=_CLOSE, abs_tol=1e-9)
    return json.dumps(one) == json.dumps(two)
