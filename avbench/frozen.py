"""The protocols that only look at a run's frozen features: linear, nearest neighbours, cross-modal retrieval."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avbench.errors import UserError
from avbench.knn import KnnSettings, knn
from avbench.predictions import write_scores
from avbench.probe import LinearSettings, linear_probe
from avbench.retrieval import retrieval
from avbench.settings import build
from avbench.tasks import TaskSettings, test_coverage

PROTOCOLS = ("linear", "knn", "retrieval")


def frozen(
    embeddings: Sequence[Path],
    seeds: Sequence[int],
    outputs: Sequence[Path],
    tasks: Sequence[TaskSettings],
    data: Path,
    protocols: Mapping[str, Mapping[str, Any]],
    identity: Mapping[str, str],
) -> None:
    """Evaluate each run's features on every task and modality: a score file and its predictions a run.

    Args:
        embeddings: files written by ``embed``, one a seed.
        seeds: the runs' seeds, in the same order.
        outputs: the score files, in the same order; predictions are written beside them.
        tasks: the tasks to score.
        data: the folder that holds the datasets (for coverage).
        protocols: settings of each protocol to evaluate, by its name.
        identity: method, subset and labels of the runs.

    Raises:
        UserError: a protocol is unknown, or its settings do not suit a task.
    """
    if unknown := sorted(set(protocols) - set(PROTOCOLS)):
        raise UserError(f"evaluation: {unknown[0]!r} needs no frozen features. Those that do: {', '.join(PROTOCOLS)}.")
    coverage = {task.name: test_coverage(data, task.dataset) for task in tasks}
    for path, seed, output in zip(embeddings, seeds, outputs, strict=True):
        parts, n_train = [], {}
        with np.load(path) as arrays:
            for task in tasks:
                own = {name: arrays[f"{task.name}/{name}"] for name in ("clip_id", "label", "split")}
                n_train[task.name] = int((own["split"] == "train").sum())
                test = own["split"] == "test"
                truth = {"clip_id": own["clip_id"][test], "label": own["label"][test]}
                for protocol, modality, found, remark in _evaluate(task, arrays, own, protocols):
                    part = pd.DataFrame(
                        {"task": task.name, "protocol": protocol, "modality": modality, **truth, **found}
                    )
                    parts.append(part)
                    reached = f"{task.name} {protocol} {modality}: test {part['correct'].mean():.4f}"
                    print(f"{identity['method']} seed {seed} {reached}, {remark}")
        table = pd.concat(parts, ignore_index=True)
        write_scores(output, table, {**identity, "seed": seed}, n_train, coverage)


def _evaluate(
    task: TaskSettings,
    arrays: Mapping[str, np.ndarray],
    own: Mapping[str, np.ndarray],
    protocols: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, str, dict[str, np.ndarray], str]]:
    """Yield protocol, modality, predictions on the test clips (prediction and correct), and a remark for the log."""
    labels, split = own["label"], own["split"]
    train, test = split == "train", split == "test"
    chance = f"chance {1 / len(np.unique(labels)):.4f}"
    for modality in task.modalities:
        features = arrays[f"{task.name}/{modality}"]
        if "linear" in protocols:
            settings = build(LinearSettings, protocols["linear"], "evaluation.linear")
            found = linear_probe(features, labels, split, settings)
            remark = f"validation {found.validation_accuracy:.4f} at C={found.strength:g}, {chance}"
            remark += "" if found.converged else " (the solver stopped at its iteration limit)"
            yield "linear", modality, _compared(found.predictions, labels[test]), remark
        if "knn" in protocols:
            settings = build(KnnSettings, protocols["knn"], "evaluation.knn")
            predictions = knn(features[train], labels[train], features[test], settings, task.name)
            yield "knn", modality, _compared(predictions, labels[test]), chance
    if "retrieval" in protocols and len(task.modalities) == 2:
        projected = {modality: arrays[f"{task.name}/{modality}-head"][test] for modality in ("audio", "video")}
        ids = own["clip_id"][test]
        for query, target in (("audio", "video"), ("video", "audio")):
            nearest, hits = retrieval(projected[query], projected[target])
            for k, hit in hits.items():
                found = {"prediction": ids[nearest], "correct": hit}
                yield f"retrieval-{k}", f"{query}-to-{target}", found, f"chance {min(1, k / len(ids)):.4f}"


def _compared(predictions: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    return {"prediction": predictions, "correct": (predictions == labels).astype(np.float64)}
