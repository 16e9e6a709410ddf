"""An encoder with a linear classifier, trained by gradient on a task's labels: linear-sgd, finetune and supervised.

The three differ in the encoder's initial weights and in whether it is trained. As in pretraining every draw is a
function of the seed, so that interrupted work goes on from the last step that was saved as if nothing had happened.
"""

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from avbench.config.evaluation import TrainingSettings
from avbench.config.features import FeatureSettings
from avbench.config.paper_switches import Protocol
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.config.tasks import TaskSettings
from avbench.core.errors import UserError
from avbench.core.files import read_json, write_json
from avbench.core.hashing import file_digest
from avbench.data.ledger import test_coverage
from avbench.data.store import Store, open_store
from avbench.evaluation import scores
from avbench.evaluation.classifier.run import ClassifierRun, trained_parts
from avbench.evaluation.classifier.train import train
from avbench.evaluation.embedding import load_for_task
from avbench.evaluation.tasks import task_clips, task_features
from avbench.features.statistics import subset_statistics
from avbench.models.embedder import Task
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.signals import stop_requests


@dataclass(frozen=True)
class Finished:
    """What a score file is made of, and the folders that keep it until all of a job is finished."""

    output: Path
    identity: Mapping[str, Any]
    parts: list[pd.DataFrame] = field(default_factory=list)
    n_train: dict[str, int] = field(default_factory=dict)
    coverage: dict[str, float] = field(default_factory=dict)
    precision: dict[tuple[str, str, str], float] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)


def write(jobs: Sequence[Finished]) -> None:
    """Write scores and predictions, and remove what was kept to go on with; what other settings left stays."""
    for job in jobs:
        table = pd.concat(job.parts, ignore_index=True)
        scores.write_scores(job.output, table, job.identity, job.n_train, job.coverage, job.precision)
    for folder in (folder for job in jobs for folder in job.folders):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def train_parts(
    output: Path,
    name: str,
    tasks: Sequence[TaskSettings],
    data: Path,
    subset: Mapping[str, Sequence[str]] | None,
    protocol: Protocol,
    settings: TrainingSettings,
    features: FeatureSettings,
    load: Callable[[TaskSettings, Store, Sequence[str]], Task],
    origin: Mapping[str, Any],
    identity: Mapping[str, Any],
    machine: MachineSettings,
    requests: Sequence[str],
) -> Finished:
    """Train a classifier for every task and modality.

    Each has a folder of its own in ``unfinished`` beside the score file: for a checkpoint while it is trained, then for
    what it predicts. So a job that was interrupted repeats what it had not saved of the part that it was at, no more.

    Args:
        output: the score file, for :func:`write`.
        name: the protocol.
        tasks, data, subset, protocol, settings: what to train on, and how.
        features: pretraining's windows and mel bands.
        load: makes the model for a task from its store and its training clips.
        origin: whatever decides the model's initial weights.
        identity: method, subset, labels and seed.
        machine: where and how fast.
        requests: of :func:`avbench.training.signals.stop_requests`.
    """
    keep_freed_memory()
    torch.set_num_threads(settings.cpu_threads)
    parts = trained_parts(name, protocol)
    job = Finished(output, identity)
    for task in tasks:
        clips, store = task_clips(task, data, subset, protocol), open_store(data, task.dataset)
        training = list(clips["clip_id"][clips["split"] == "train"])
        job.n_train[task.name], job.coverage[task.name] = len(training), test_coverage(data, task.dataset)
        windows = task_features(task, features, protocol)
        for modality in task.modalities:
            if modality not in settings.modalities:
                continue
            decided = {**identity, **origin, "protocol": name, "task": asdict(task), "modality": modality}
            decided |= {"settings": asdict(settings), "trained": asdict(parts), "features": asdict(windows)}
            decided |= {"clips": clips.to_dict("list"), "bands": protocol.task_mel_bands}
            folder = output.parent / "unfinished" / f"{task.name}-{modality}-{checkpoint.fingerprint(decided)}"
            said, scored = folder / scores.FILE, folder / "scores.json"
            if not said.exists():
                named = f"{identity['method']} {name} seed {identity['seed']} {task.name} {modality}"
                run = ClassifierRun(named, modality, parts, clips, windows, settings, identity["seed"])
                model = load(task, store, training)
                found, precision = train(model, store, run, folder / "checkpoint.pt", machine, requests)
                write_json(scored, {"mean_average_precision": precision})
                scores.write(said, found.assign(task=task.name, protocol=name, modality=modality))
            job.parts.append(scores.read(said))
            job.precision[task.name, name, modality] = read_json(scored)["mean_average_precision"]
            job.folders.append(folder)
    if not job.parts:
        raise UserError(f"evaluation.{name}.modalities: no task has any of {', '.join(settings.modalities)}.")
    return job


def trained(
    name: str,
    pretrained: Path,
    output: Path,
    tasks: Sequence[TaskSettings],
    data: Path,
    subset: Mapping[str, Sequence[str]],
    protocol: Protocol,
    settings: TrainingSettings,
    seed: int,
    identity: Mapping[str, str],
    machine: MachineSettings,
) -> None:
    """Evaluate a run by ``linear-sgd`` or ``finetune`` on every task and modality.

    Args:
        name: the protocol.
        pretrained: the run's checkpoint.
        output: the score file; predictions are written beside it.
        tasks: the tasks to score.
        data: the folder of the datasets.
        subset: columns clip_id and label (true) of the pretraining subset.
        protocol: switches; ``train_mode_probe`` acts on linear-sgd.
        settings: how to train.
        seed: the run's, of everything that is drawn.
        identity: method, subset and labels of the run.
        machine: where and how fast.

    Raises:
        Stopped: SIGTERM or SIGUSR1 came; what has been reached is saved, and the same call goes on with it.
    """
    state = checkpoint.load(pretrained)
    with stop_requests() as requests:
        job = train_parts(
            output,
            name,
            tasks,
            data,
            subset,
            protocol,
            settings,
            FeatureSettings(**state["settings"]["features"]),
            lambda task, store, training: load_for_task([state], task, protocol, store, training)[0],
            {"checkpoint": file_digest(pretrained)},
            {**identity, "seed": seed},
            machine,
            requests,
        )
        write([job])


def supervised(
    task: TaskSettings,
    data: Path,
    subset: Mapping[str, Sequence[str]] | None,
    subset_name: str,
    protocol: Protocol,
    settings: TrainingSettings,
    features: FeatureSettings,
    seeds: Sequence[int],
    outputs: Sequence[Path],
    machine: MachineSettings,
) -> None:
    """Train the baseline of a task, from scratch on its true labels, with every seed.

    Sound is standardised by the statistics of the task's training clips.

    Args:
        task: the task; its ``train`` says whether ``subset`` or all training clips are used.
        data: the folder of the datasets.
        subset: columns clip_id and label (true) of the pretraining subset, or None.
        subset_name: its name in the scores.
        protocol: switches.
        settings: how to train.
        features: pretraining's windows and mel bands.
        seeds: the seeds.
        outputs: the score files, in the same order; predictions are written beside them.
        machine: where and how fast.

    Raises:
        Stopped: as :func:`trained`.
    """
    statistics: dict[str, Any] = {}

    def load(task: TaskSettings, store: Store, training: Sequence[str]) -> Task:
        own = task_features(task, features, protocol)
        if not statistics:
            statistics.update(subset_statistics(store, training, own))
        return Task(PretrainSettings(model=settings.model, flip=settings.flip), own, statistics, seed)

    with stop_requests() as requests:
        jobs = []
        for seed, output in zip(seeds, outputs, strict=True):
            identity = {"method": "supervised", "subset": subset_name, "labels": "true", "seed": seed}
            given = (protocol, settings, features, load, {}, identity, machine, requests)
            jobs.append(train_parts(output, "supervised", [task], data, subset, *given))
        write(jobs)  # only now: a job that starts again finds no score file of its own
