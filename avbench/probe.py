"""The linear probe: a logistic regression on frozen features, its strength chosen on validation, tested once."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from avbench.fileio import write_csv
from avbench.tables import ACCURACY_COLUMNS
from avbench.tasks import TaskSettings, test_coverage


@dataclass(frozen=True)
class ProbeSettings:
    """Inverse regularisation strengths to choose from, and the solver's iteration limit."""

    strengths: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)
    max_iterations: int = 300


@dataclass(frozen=True)
class Outcome:
    """What a probe reached."""

    accuracy: float
    strength: float
    validation_accuracy: float
    converged: bool
    n_train: int
    n_test: int


def linear_probe(features: np.ndarray, labels: np.ndarray, split: np.ndarray, settings: ProbeSettings) -> Outcome:
    """Fit a multinomial logistic regression for each strength; test the best on validation once.

    Features are standardised with the training clips' mean and deviation. Equal validation accuracies give the
    stronger regularisation.

    Args:
        features: float32 (n, width).
        labels: text (n,), the true labels.
        split: text (n,), ``train``, ``validation`` or ``test``.
        settings: strengths and iterations.
    """
    train, validation, test = (split == name for name in ("train", "validation", "test"))
    scaler = StandardScaler().fit(features[train])
    scaled = scaler.transform(features)
    best: tuple[float, float, LogisticRegression, bool] | None = None
    start: LogisticRegression | None = None
    for strength in sorted(settings.strengths):
        model = LogisticRegression(C=strength, max_iter=settings.max_iterations, warm_start=start is not None)
        if start is not None:  # the weaker penalty's solution is near the stronger one's
            model.coef_, model.intercept_, model.classes_ = (
                start.coef_.copy(),
                start.intercept_.copy(),
                start.classes_,
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model.fit(scaled[train], labels[train])
        converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
        accuracy = float(model.score(scaled[validation], labels[validation]))
        if best is None or accuracy > best[0]:
            best = (accuracy, strength, model, converged)
        start = model
    if best is None:
        raise ValueError("no strengths to choose from")
    accuracy, strength, model, converged = best
    tested = float(model.score(scaled[test], labels[test]))
    return Outcome(tested, strength, accuracy, converged, int(train.sum()), int(test.sum()))


def probe(
    embeddings: Sequence[Path],
    seeds: Sequence[int],
    outputs: Sequence[Path],
    tasks: Sequence[TaskSettings],
    data: Path,
    settings: ProbeSettings,
    identity: Mapping[str, str],
) -> None:
    """Probe each run's features on every task and modality; one score file a run.

    Args:
        embeddings: files written by ``embed``, one a seed.
        seeds: the runs' seeds, in the same order.
        outputs: the score files, in the same order.
        tasks: the tasks to score.
        data: the folder that holds the datasets (for coverage).
        settings: the probe's settings.
        identity: method, subset and labels of the runs.
    """
    for path, seed, output in zip(embeddings, seeds, outputs, strict=True):
        rows = []
        with np.load(path) as arrays:
            for task in tasks:
                labels, split = arrays[f"{task.name}/label"], arrays[f"{task.name}/split"]
                for modality in task.modalities:
                    found = linear_probe(arrays[f"{task.name}/{modality}"], labels, split, settings)
                    rows.append(
                        {
                            **identity,
                            "task": task.name,
                            "protocol": "linear",
                            "modality": modality,
                            "seed": seed,
                            "accuracy": found.accuracy,
                            "n_train": found.n_train,
                            "n_test": found.n_test,
                            "coverage": test_coverage(data, task.dataset),
                        }
                    )
                    print(
                        f"{identity['method']} seed {seed} {task.name} {modality}: test {found.accuracy:.4f}, "
                        f"validation {found.validation_accuracy:.4f} at C={found.strength:g}"
                        + ("" if found.converged else " (solver stopped at its iteration limit)")
                    )
        write_csv(output, pd.DataFrame(rows)[ACCURACY_COLUMNS])
