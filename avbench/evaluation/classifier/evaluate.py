"""An encoder with a linear classifier, trained by gradient on a task's labels: linear-sgd, finetune and supervised.

The three differ in the encoder's initial weights and in whether it is trained. As in pretraining every draw is a
function of the seed, so that interrupted work goes on from the last step that was saved as if nothing had happened.
"""

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from avbench.config.budgets import ALL_BUDGETS
from avbench.config.features import FeatureSettings
from avbench.config.models import ModelSettings, settings_of
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.config.tasks import TaskSettings
from avbench.core.errors import UserError
from avbench.core.files import read_csv, read_json, write_json
from avbench.core.hashing import file_digest
from avbench.data.ledger import read_content, test_coverage
from avbench.data.store import Store, open_store
from avbench.evaluation import scores
from avbench.evaluation.classifier.train import train
from avbench.evaluation.classifier.training_run import ClassifierRun, TrainedParts, trained_parts
from avbench.evaluation.embedding import load_for_task
from avbench.evaluation.scoring_jobs import SupervisedJob, TrainedJob
from avbench.evaluation.tasks import task_clips, task_features
from avbench.features.given_features import given_features
from avbench.features.statistics import subset_statistics
from avbench.features.windows import Clips
from avbench.models.embedder import Embedder
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.signals import stop_requests


@dataclass(frozen=True)
class ScoredRun:
    """What a score file is made of, and the folders that keep it until all of a job has been trained."""

    output: Path
    identity: Mapping[str, Any]
    parts: list[pd.DataFrame] = field(default_factory=list)
    n_train: dict[str, int] = field(default_factory=dict)
    coverage: dict[str, float] = field(default_factory=dict)
    precision: dict[tuple[str, str, str], float] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)


def write(runs: Sequence[ScoredRun]) -> None:
    """Write scores and predictions, and remove what was kept to go on with; what other settings left stays."""
    for run in runs:
        table = pd.concat(run.parts, ignore_index=True)
        scores.write_scores(run.output, table, run.identity, run.n_train, run.coverage, run.precision)
    for folder in (folder for run in runs for folder in run.folders):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


@dataclass(frozen=True)
class ClassifierJob:
    """What the classifiers of one score file have in common.

    Attributes:
        protocol: its name.
        job: tasks, subset, switches, settings and data.
        features: pretraining's windows and mel bands.
        load: makes the embedder for a task from its store and its training clips.
        origin: whatever decides the embedder's initial weights.
        identity: method, subset, labels, budget and seed.
        networks: the encoders' settings.
        decoded: the training clips of the task at hand, which all that is trained on them shares.
    """

    protocol: str
    job: TrainedJob | SupervisedJob
    features: FeatureSettings
    load: Callable[[TaskSettings, Store, Sequence[str]], Embedder]
    origin: Mapping[str, Any]
    identity: Mapping[str, Any]
    networks: ModelSettings
    decoded: dict[str, Clips] = field(default_factory=dict)

    def training_clips(
        self, task: TaskSettings, store: Store, ids: Sequence[str], windows: FeatureSettings, cache_mb: float | str
    ) -> Clips:
        """Return the training clips of a task; those that are shorter than a window are repeated."""
        if task.name not in self.decoded:
            self.decoded.clear()  # makes room
            given = given_features(self.networks, store.dataset)
            self.decoded[task.name] = Clips(store, ids, windows, cache_mb, "repeat", given)
        return self.decoded[task.name]

    def fingerprint(self, parts: TrainedParts, clips: pd.DataFrame, task: TaskSettings, modality: str) -> str:
        """Return what changes with anything that decides what a classifier predicts."""
        windows = task_features(task, self.features, self.job.switches)
        return checkpoint.fingerprint(
            {
                **self.identity,
                **self.origin,
                "protocol": self.protocol,
                "task": asdict(task),
                "modality": modality,
                "settings": asdict(self.job.settings),
                "trained": asdict(parts),
                "features": asdict(windows),
                "clips": clips.to_dict("list"),
                "content": read_content(self.job.data / task.dataset / "ledger.parquet"),
                "bands": self.job.switches.task_mel_bands,
            }
        )


def train_classifiers(
    common: ClassifierJob, output: Path, machine: MachineSettings, requests: Sequence[str]
) -> ScoredRun:
    """Train a classifier for every task and modality.

    Each has a folder of its own in ``unfinished`` beside the score file: for a checkpoint while it is trained, then for
    what it predicts. So a job that was interrupted repeats what it had not saved of the part that it was at, no more.

    Args:
        common: what to train, on what.
        output: the score file, for :func:`write`.
        machine: where and how fast.
        requests: of :func:`avbench.training.signals.stop_requests`.
    """
    job, settings, name = common.job, common.job.settings, common.protocol
    keep_freed_memory()
    torch.set_num_threads(settings.cpu_threads)
    subset = read_csv(job.subset, ("clip_id", "label")) if job.subset else None
    parts = trained_parts(name, job.switches)
    scored = ScoredRun(output, common.identity)
    method, seed = common.identity["method"], common.identity["seed"]
    for task in job.tasks:
        clips, store = task_clips(task, job.data, subset, job.switches), open_store(job.data, task.dataset)
        training = list(clips["clip_id"][clips["split"] == "train"])
        scored.n_train[task.name], scored.coverage[task.name] = len(training), test_coverage(job.data, task.dataset)
        windows = task_features(task, common.features, job.switches)
        for modality in task.modalities:
            if modality not in settings.modalities:
                continue
            fingerprint = common.fingerprint(parts, clips, task, modality)
            folder = output.parent / "unfinished" / f"{task.name}-{modality}-{fingerprint}"
            predictions, precisions = folder / scores.FILE, folder / "scores.json"
            if not predictions.exists():
                title = f"{method} {name} seed {seed} {task.name} {modality}"
                run = ClassifierRun(title, modality, parts, clips, windows, settings, seed)
                embedder = common.load(task, store, training)
                shared = common.training_clips(task, store, training, windows, machine.cache_mb)
                table, precision = train(embedder, shared, run, folder / "checkpoint.pt", machine, requests)
                write_json(precisions, {"mean_average_precision": precision})
                scores.write(predictions, table.assign(task=task.name, protocol=name, modality=modality))
            scored.parts.append(scores.read(predictions))
            scored.precision[task.name, name, modality] = read_json(precisions)["mean_average_precision"]
            scored.folders.append(folder)
    if not scored.parts:
        raise UserError(f"evaluation.{name}.modalities: no task has any of {', '.join(settings.modalities)}.")
    return scored


def trained(job: TrainedJob, machine: MachineSettings) -> None:
    """Evaluate a run by ``linear-sgd`` or ``finetune`` on every task and modality.

    Raises:
        UserError: there is no such protocol, a file is missing or damaged, or the loss is no longer finite.
        Stopped: SIGTERM or SIGUSR1 came; the training is saved, and the same call goes on with it.
    """
    state = checkpoint.load(job.checkpoint)

    def load(task: TaskSettings, store: Store, training: Sequence[str]) -> Embedder:
        return load_for_task([state], task, job.switches, store, training)[0]

    features = FeatureSettings(**state["settings"]["features"])
    origin, identity = {"checkpoint": file_digest(job.checkpoint)}, {**job.identity, "seed": job.seed}
    networks = settings_of(state["settings"]["pretraining"]["model"])
    common = ClassifierJob(job.protocol, job, features, load, origin, identity, networks)
    with stop_requests() as requests:
        write([train_classifiers(common, job.output, machine, requests)])


def supervised(job: SupervisedJob, machine: MachineSettings) -> None:
    """Train the baseline of a task, from scratch on its true labels, with every seed.

    Sound is standardised by the statistics of the task's training clips.

    Raises:
        UserError, Stopped: as :func:`trained`.
    """
    statistics: dict[str, Any] = {}
    decoded: dict[str, Clips] = {}
    settings = PretrainSettings(model=job.settings.model, flip=job.settings.flip)

    def load(seed: int, task: TaskSettings, store: Store, training: Sequence[str]) -> Embedder:
        own = task_features(task, job.features, job.switches)
        if not statistics:
            statistics.update(subset_statistics(store, training, own, settings.networks))
        return Embedder(settings, own, statistics, seed)

    with stop_requests() as requests:
        runs = []
        for seed, output in zip(job.seeds, job.outputs, strict=True):
            identity = {"method": "supervised", "subset": job.subset_name, "labels": "true", "budget": ALL_BUDGETS}
            whose = {**identity, "seed": seed}
            common = ClassifierJob(
                "supervised", job, job.features, partial(load, seed), {}, whose, settings.networks, decoded
            )
            runs.append(train_classifiers(common, output, machine, requests))
        write(runs)  # only now: a job that starts again finds no score file of its own
