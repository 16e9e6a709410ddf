"""What a run's frozen features show: linear probe, nearest neighbours, cross-modal retrieval, and their geometry."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from avbench.config.evaluation import FROZEN, KnnSettings, LinearSettings
from avbench.config.settings import build
from avbench.config.tasks import BOTH, TaskSettings
from avbench.core.arrays import open_arrays
from avbench.core.errors import UserError
from avbench.core.files import write_csv
from avbench.data.ledger import test_coverage
from avbench.evaluation import geometry, multi_label
from avbench.evaluation.geometry import GEOMETRY_COLUMNS
from avbench.evaluation.knn import knn
from avbench.evaluation.linear_probe import edge_warning, linear_probe
from avbench.evaluation.metrics import mean_average_precision
from avbench.evaluation.protocol_result import ProtocolResult
from avbench.evaluation.retrieval import retrieval
from avbench.evaluation.scores import SCORED, write_scores
from avbench.evaluation.scoring_jobs import FrozenJob


def frozen(job: FrozenJob) -> None:
    """Evaluate each run's features on every task and modality: a score file per run.

    Beside each score file lie its predictions, and ``geometry.csv``: the measures of
    :func:`avbench.evaluation.geometry.describe`, of the test clips of each task that has both modalities.

    Args:
        job: which features, by which protocols, and where to.

    Raises:
        UserError: a protocol is unknown, or its settings do not suit a task.
    """
    if unknown := sorted(set(job.protocols) - set(FROZEN)):
        raise UserError(f"evaluation: {unknown[0]!r} needs no frozen features. Those that do: {', '.join(FROZEN)}.")
    coverage = {task.name: test_coverage(job.data, task.dataset) for task in job.tasks}
    for path, seed, output in zip(job.embeddings, job.seeds, job.outputs, strict=True):
        parts, measured, n_train, precision, fitted = [], [], {}, {}, {}
        run = {**job.identity, "seed": seed}
        with open_arrays(path) as arrays:
            for task in job.tasks:
                own = {name: arrays[f"{task.name}/{name}"] for name in ("clip_id", "label", "split")}
                own |= {name: arrays[f"{task.name}/{name}"] for name in _embedded(task)}
                n_train[task.name] = int((own["split"] == "train").sum())
                test = own["split"] == "test"
                truth = {"clip_id": own["clip_id"][test], "label": own["label"][test]}
                for result in _evaluate(task, own, job.protocols):
                    key = (task.name, result.protocol, result.modality)
                    columns = {"prediction": result.prediction, "correct": result.correct}
                    parts.append(pd.DataFrame(dict(zip(SCORED, key, strict=True)) | truth | columns))
                    precision[key], fitted[key] = result.precision, result.fitted
                    scored = f"{' '.join(key)}: test {result.correct.mean():.4f}"
                    print(f"{job.identity['method']} seed {seed} {scored}, {result.remark}")
                if task.paired:
                    heads, pooled = ((own[f"audio{kind}"][test], own[f"video{kind}"][test]) for kind in ("-head", ""))
                    measured.append({**run, "task": task.name, **geometry.describe(*heads, *pooled, truth["label"])})
        write_csv(output.with_name("geometry.csv"), pd.DataFrame(measured, columns=GEOMETRY_COLUMNS))
        write_scores(output, pd.concat(parts, ignore_index=True), run, n_train, coverage, precision, fitted)


def _embedded(task: TaskSettings) -> list[str]:
    heads = [f"{modality}-head" for modality in task.encoders] if task.paired else []
    return [*task.encoders, *heads]


def _evaluate(
    task: TaskSettings, own: Mapping[str, np.ndarray], protocols: Mapping[str, Mapping[str, Any]]
) -> Iterator[ProtocolResult]:
    """Yield what each protocol finds, of each modality."""
    split = own["split"]
    test = split == "test"
    clips = multi_label.Clips.of(own["label"], split) if task.multi_label else None
    for modality in task.modalities:
        features = side_by_side(own, split == "train") if modality == BOTH else own[modality]
        if clips is not None:
            yield from multi_label.evaluate(task.name, clips, features, modality, protocols)
        else:
            yield from _classified(task, own["label"], split, features, modality, protocols)
    if "retrieval" in protocols and task.paired:
        ids = own["clip_id"][test]
        for query, target in (("audio", "video"), ("video", "audio")):
            nearest, hits = retrieval(own[f"{query}-head"][test], own[f"{target}-head"][test])
            for k, hit in hits.items():
                chance = f"chance {min(1, k / len(ids)):.4f}"
                yield ProtocolResult(f"retrieval-{k}", f"{query}-to-{target}", ids[nearest], hit, chance)


def _classified(
    task: TaskSettings,
    labels: np.ndarray,
    split: np.ndarray,
    features: np.ndarray,
    modality: str,
    protocols: Mapping[str, Mapping[str, Any]],
) -> Iterator[ProtocolResult]:
    """Yield what the probe and nearest neighbours find where each clip is of one class."""
    train, test = split == "train", split == "test"
    truth = labels[test]
    chance = f"chance {1 / len(np.unique(labels)):.4f}"
    if "linear" in protocols:
        fitting = build(LinearSettings, protocols["linear"], "evaluation.linear")
        probe = linear_probe(features, labels, split, fitting)
        remark = f"validation {probe.validation_accuracy:.4f} at C={probe.strength:g}, {chance}"
        remark += "" if probe.converged else " (the solver stopped at its iteration limit)"
        remark += edge_warning(probe.strength, probe.edge)
        precision = mean_average_precision(probe.scores, probe.classes, truth)
        right, fitted = _correct(probe.predictions, truth), {"strength": probe.strength, "edge": probe.edge}
        yield ProtocolResult("linear", modality, probe.predictions, right, remark, precision, fitted)
    if "knn" in protocols:
        voting = build(KnnSettings, protocols["knn"], "evaluation.knn")
        votes = knn(features[train], labels[train], features[test], voting, task.name)
        precision = mean_average_precision(votes.shares, votes.classes, truth)
        yield ProtocolResult("knn", modality, votes.predictions, _correct(votes.predictions, truth), chance, precision)


def side_by_side(own: Mapping[str, np.ndarray], train: np.ndarray) -> np.ndarray:
    """Return the features of sound and picture of each clip in one row, each standardised by the training clips.

    Args:
        own: ``audio`` and ``video``, float32 (n, width) each.
        train: bool (n,).

    Returns:
        float32, (n, both widths). What does not vary over training clips is left out of the scale, as scikit-learn's
        `StandardScaler` does.
    """
    scaled = [StandardScaler().fit(own[name][train]).transform(own[name]) for name in ("audio", "video")]
    return np.concatenate(scaled, axis=1)


def _correct(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (predictions == labels).astype(np.float64)
