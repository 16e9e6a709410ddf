"""What the verbs that make labels with a model are given. Nothing here imports torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench.config.job import read_job
from avbench.config.labels import ClusterSettings, LabelSettings, NeighbourSettings, PseudoLabelSettings
from avbench.config.methods import BASELINE
from avbench.config.settings import build
from avbench.core.errors import UserError

DerivedSettings = ClusterSettings | NeighbourSettings | LabelSettings

KINDS: dict[str, type[DerivedSettings]] = {
    "clusters": ClusterSettings,
    "neighbours": NeighbourSettings,
    "noise": LabelSettings,
}


def read_settings(values: Mapping[str, Any]) -> DerivedSettings:
    """Read a label variant that is made from a first round; without a ``method`` of its own, from the baseline's.

    Raises:
        UserError: it is of another kind, or a value is not allowed.
    """
    kind = values.get("kind")
    if kind not in KINDS or (kind == "noise" and (values.get("noise") != "confusion" or "matrix" in values)):
        raise UserError(
            f"kind: {kind!r}: made from a first round are clusters, neighbours, and noise: confusion without a matrix. "
            "Other labels are made by the verbs labels and pseudo-labels."
        )
    return build(KINDS[kind], {"method": BASELINE, **values}, "labels")


@dataclass(frozen=True)
class PseudoLabelJob:
    """The labels that an image classifier gives the clips of a subset.

    Attributes:
        dataset: the subset's dataset
        subset: file of the pretraining subset
        settings: the label variant, which says what classifies
        labels: the label file to write: clip_id, label
        confidence: the table to write: clip_id, label (the classifier's, however sure), confidence
        summary: the JSON file to write: what kind of labels these are
        cpu_threads: threads of each computation (1); on a CPU, the same number gives the same bytes
        data: folder of the datasets (data)
    """

    dataset: str
    subset: Path
    settings: PseudoLabelSettings
    labels: Path
    confidence: Path
    summary: Path
    cpu_threads: int = 1
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "PseudoLabelJob":
        """Read a job; raises UserError as `read_job`."""
        return read_job(cls, values, settings=lambda given: build(PseudoLabelSettings, given, "labels"))


@dataclass(frozen=True)
class DerivedLabelJob:
    """The labels that each finished run of a first round gives the clips of its subset.

    Attributes:
        dataset: the subset's dataset
        subset: file of the pretraining subset
        settings: the label variant
        checkpoints: finished runs on this subset
        seeds: theirs, in the same order
        outputs: label files to write, one per checkpoint
        summaries: what kind of labels these are, to write, likewise
        cpu_threads: threads of each computation (1); on a CPU, the same number gives the same bytes
        data: folder of the datasets (data)
    """

    dataset: str
    subset: Path
    settings: DerivedSettings
    checkpoints: tuple[Path, ...]
    seeds: tuple[int, ...]
    outputs: tuple[Path, ...]
    summaries: tuple[Path, ...]
    cpu_threads: int = 1
    data: Path = Path("data")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "DerivedLabelJob":
        """Read a job; raises UserError as `read_job`."""
        return read_job(cls, values, settings=read_settings)
