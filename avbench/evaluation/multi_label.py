"""Protocols on frozen features where a clip has several labels: one classifier per label, scored by its ranking."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from avbench.config.evaluation import MEAN_AVERAGE_PRECISION, ROC_AREA, KnnSettings, LinearSettings, of_sets
from avbench.config.settings import build
from avbench.core.errors import UserError
from avbench.data.label_sets import every_label, indicators, joined
from avbench.evaluation.knn import neighbour_votes
from avbench.evaluation.linear_probe import Search, edge_warning, logistic_regression, search
from avbench.evaluation.protocol_result import ProtocolResult
from avbench.evaluation.ranking import average_precision, over_classes, roc_area

METRICS = {MEAN_AVERAGE_PRECISION: average_precision, ROC_AREA: roc_area}
"""Ending of a protocol's name → how its scores are measured, the mean over labels."""


@dataclass(frozen=True)
class Clips:
    """The clips of a multi-label task.

    Attributes:
        classes: text (classes,), sorted.
        truth: bool (n, classes), which clip has which label.
        split: text (n,), ``train``, ``validation`` or ``test``.
    """

    classes: list[str]
    truth: np.ndarray
    split: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, split: np.ndarray) -> "Clips":
        """Read the labels of clips, text (n,), as the manifest has them."""
        classes = every_label(labels)
        return cls(classes, indicators(labels, classes), split)

    def of_split(self, name: str) -> np.ndarray:
        """Return which clips are of a split: bool (n,)."""
        return self.split == name


def evaluate(
    task: str, clips: Clips, features: np.ndarray, modality: str, protocols: Mapping[str, Mapping[str, Any]]
) -> Iterator[ProtocolResult]:
    """Yield what the probe and nearest neighbours find, each by every metric of ``METRICS``.

    Args:
        task: its name, for messages.
        clips: of the task.
        features: float32 (n, width), of one modality.
        modality: its name.
        protocols: settings of each protocol.

    Raises:
        UserError: all clips to be ranked have the same labels, or there are fewer training clips than neighbours.
    """
    for split in ("validation", "test"):
        if split == "test" or "linear" in protocols:
            _require_ranks(task, clips, split)
    if "linear" in protocols:
        fitting = build(LinearSettings, protocols["linear"], "evaluation.linear")
        best = one_vs_rest(clips, features, fitting)
        scores = best.fit.scores(features[clips.of_split("test")])
        remark = f"validation mAP {best.value:.4f} at C={best.strength:g}"
        remark += "" if best.converged else " (the solver stopped at its iteration limit for some label)"
        remark += edge_warning(best.strength, best.edge)
        fitted = {"strength": best.strength, "edge": best.edge}
        yield from _results("linear", modality, clips, scores, scores >= 0, remark, fitted)
    if "knn" in protocols:
        voting = build(KnnSettings, protocols["knn"], "evaluation.knn")
        train, test = clips.of_split("train"), clips.of_split("test")
        shares = neighbour_votes(features[train], clips.truth[train], features[test], voting, task)
        yield from _results("knn", modality, clips, shares, shares >= 0.5, "by votes for each label", {})


def _require_ranks(task: str, clips: Clips, split: str) -> None:
    truth = clips.truth[clips.of_split(split)]
    if (truth == truth[:1]).all():
        raise UserError(
            f"task {task}: its {len(truth)} {split} clips have the same labels, by which none can be ranked before "
            "another. Bring clips with others, or leave the task out."
        )


@dataclass(frozen=True)
class OneVsRest:
    """A logistic regression for each label.

    Attributes:
        scaler: of the features.
        models: one a label; None for a label that every training clip has, about which nothing can be learnt.
    """

    scaler: StandardScaler
    models: list[LogisticRegression | None]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return the log odds of each label: float (n, classes); zero where nothing was learnt."""
        scaled = self.scaler.transform(features)
        odds = [np.zeros(len(scaled)) if one is None else one.decision_function(scaled) for one in self.models]
        return np.stack(odds, axis=1).astype(np.float64)


def one_vs_rest(clips: Clips, features: np.ndarray, settings: LinearSettings) -> Search[OneVsRest]:
    """Fit a logistic regression per label against all clips without it, for each strength; choose on validation.

    One strength serves all labels: that of the highest mean average precision, found as
    :func:`avbench.evaluation.linear_probe.search` does.

    Args:
        clips: of the task; every label has a training clip.
        features: float32 (n, width).
        settings: strengths and iterations.
    """
    train, validation = clips.of_split("train"), clips.of_split("validation")
    scaler = StandardScaler().fit(features[train])
    scaled, truth = scaler.transform(features[train]), clips.truth[train]

    def fitted(strength: float, start: OneVsRest | None) -> tuple[OneVsRest, bool, float]:
        models: list[LogisticRegression | None] = []
        every = True
        for column in range(truth.shape[1]):
            model = None
            if not truth[:, column].all():
                before = start.models[column] if start else None
                model, converged = logistic_regression(scaled, truth[:, column], strength, settings, before)
                every &= converged
            models.append(model)
        found = OneVsRest(scaler, models)
        value = over_classes(average_precision, found.scores(features[validation]), clips.truth[validation]).mean()
        return found, every, round(float(value), 12)

    return search(settings.strengths, fitted)


def _results(
    protocol: str,
    modality: str,
    clips: Clips,
    scores: np.ndarray,
    said: np.ndarray,
    remark: str,
    fitted: Mapping[str, Any],
) -> Iterator[ProtocolResult]:
    """Yield a result by every metric; ``said``, bool (m, classes), are the labels that clips are given."""
    truth = clips.truth[clips.of_split("test")]
    names = np.array(clips.classes, dtype=object)
    predicted = np.array([joined(names[row]) for row in said], dtype=object)
    found = {name: over_classes(metric, scores, truth) for name, metric in METRICS.items()}
    for name, values in found.items():
        precision = float(found[MEAN_AVERAGE_PRECISION].mean())
        yield ProtocolResult(of_sets(protocol, name), modality, predicted, values, remark, precision, fitted)
