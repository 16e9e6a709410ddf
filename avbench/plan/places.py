"""Whether the files and folders that a configuration names are there: found before any job."""

import glob
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from avbench.config.encoders import BuiltSettings, GivenSettings
from avbench.config.experiment import Experiment
from avbench.config.models import settings_of
from avbench.core.errors import UserError
from avbench.plan.builders_known import check_builder


class Place(NamedTuple):
    """A path that the user gives: the key, the path, and whether it is a ``folder``, a ``file`` or a ``pattern``."""

    key: str
    path: str
    kind: str


_THERE: Mapping[str, Callable[[str], object]] = {
    "folder": lambda path: Path(path).is_dir(),
    "file": lambda path: Path(path).is_file(),
    "pattern": glob.glob,
}

PATH_OPTIONS = {
    "ave.smk": {"directory": "folder"},
    "esc50.smk": {"directory": "folder"},
    "features.smk": {"list": "file"},
    "folder.smk": {"directory": "folder", "list": "file"},
    "fsdnoisy18k.smk": {"directory": "folder"},
    "kinetics_sounds.smk": {"lists": "file"},
    "tau_av.smk": {"directory": "folder"},
    "ucf101.smk": {"directory": "folder"},
    "vggsounder.smk": {"list.path": "file", "labels.path": "file", "exclude": "file"},
    "vggsound.smk": {"list.path": "file", "exclude": "file"},
}
"""Options of a dataset that are paths, by its rule file; a point leads into a mapping."""
_PUBLISHED_WEIGHTS = re.compile(r"[A-Z0-9_]+")  # as torchvision names them


def check_places(experiment: Experiment) -> None:
    """Check that every path of a configuration leads somewhere; relative ones count from the working folder.

    Raises:
        UserError: one does not.
    """
    for key, path, kind in _places(experiment):
        if not _THERE[kind](path):
            what = "matches no file" if kind == "pattern" else f"is no {kind}"
            where = "" if Path(path).is_absolute() else f" in {Path.cwd()}, from where it counts"
            raise UserError(f"config: {key}: {path!r} {what}{where}. Correct the path, or put there what is missing.")
    for modality, encoder in settings_of(experiment.pretraining["model"]).others.items():
        if isinstance(encoder, BuiltSettings):
            check_builder(f"config: pretraining.model.{modality}", encoder)


def _places(experiment: Experiment) -> Iterator[Place]:
    yield Place("claims", str(experiment.root / experiment.config["claims"]), "file")
    if cookies := experiment.config.get("download", {}).get("cookies"):
        yield Place("download.cookies", cookies, "file")
    yield from _of_encoders(experiment)
    for name, dataset in experiment.datasets.items():
        yield from _of_dataset(f"datasets.{name}", dataset, experiment.rule_file(name).name)
    for name, subset in experiment.subsets.items():
        if "ids" in subset:
            yield Place(f"subsets.{name}.ids", subset["ids"], "file")
    for name, variant in experiment.label_variants.items():
        if "matrix" in variant:
            yield Place(f"labels.{name}.matrix", variant["matrix"], "file")
        if "weights" in variant and not _PUBLISHED_WEIGHTS.fullmatch(variant["weights"]):
            yield Place(f"labels.{name}.weights", variant["weights"], "file")


def _of_encoders(experiment: Experiment) -> Iterator[Place]:
    datasets = dict.fromkeys([experiment.dataset, *(task["dataset"] for task in experiment.tasks.values())])
    for modality, encoder in settings_of(experiment.pretraining["model"]).others.items():
        key = f"pretraining.model.{modality}"
        if isinstance(encoder, GivenSettings):
            files = dict.fromkeys(encoder.features.replace("{dataset}", name) for name in datasets)
            yield from (Place(f"{key}.features", file, "file") for file in files)
            continue
        if encoder.file:
            yield Place(f"{key}.builder", encoder.file, "file")
        if encoder.weights_file:
            yield Place(f"{key}.weights", encoder.weights_file, "file")


def _of_dataset(key: str, dataset: Mapping[str, Any], rules: str) -> Iterator[Place]:
    for number, source in enumerate(dataset.get("sources", [])):
        if isinstance(source, Mapping):
            ((kind, path),) = source.items()
            if kind != "hub":
                yield Place(f"{key}.sources.{number}.{kind}", path, "folder" if kind == "directory" else "pattern")
    for option, kind in PATH_OPTIONS.get(rules, {}).items():
        value: Any = dataset.get("options", {})
        for part in option.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        for path in [value] if isinstance(value, str) else value or []:
            yield Place(f"{key}.options.{option}", path, kind)
