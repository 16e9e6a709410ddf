"""Verbs that embed and score."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avbench.cli.arguments import DEVICE, MACHINE, Verbs, job_argument

if TYPE_CHECKING:
    from avbench.config.tasks import TaskSettings


def embed(args: argparse.Namespace) -> None:
    """embed the clips of every task with the frozen encoders of a method's runs"""
    from avbench.evaluation.scoring_jobs import EmbedJob

    job = EmbedJob.from_mapping(args.job)

    from avbench.evaluation.embedding import embed as run

    run(job, args.device)


def frozen(args: argparse.Namespace) -> None:
    """score frozen features (linear probe, nearest neighbours, retrieval) and describe their geometry"""
    from avbench.config.job import without_paths
    from avbench.evaluation.scoring_jobs import FrozenJob

    job = FrozenJob.from_mapping(args.job)

    from avbench.evaluation.frozen import frozen as run
    from avbench.provenance import record as provenance

    provenance.begin()
    run(job)
    settings = without_paths(FrozenJob, args.job)
    for embeddings, output in zip(job.embeddings, job.outputs, strict=True):
        inputs = [embeddings, embeddings.with_name("checkpoint.pt"), *_stored(job.tasks, job.data)]
        _record_scores(output, inputs, settings)


def tune(args: argparse.Namespace) -> None:
    """choose a method's learning rate and temperature by what its trials reach on validation clips"""
    from avbench.config.job import without_paths
    from avbench.evaluation.scoring_jobs import TuneJob

    job = TuneJob.from_mapping(args.job)

    from avbench.evaluation.trial_scores import tune as run
    from avbench.provenance import record as provenance

    provenance.begin()
    run(job, args.device)
    # results/{experiment}/tuning/{dataset}/{subset}/{labels}/{method}/{budget}/
    folder = provenance.folder_of(job.choice, "tuning", 6)
    inside = job.choice.relative_to(folder.parent)
    record = folder / (f"{inside.parent}.json" if inside.parent.name else inside.with_suffix(".json"))
    inputs = [*job.checkpoints, job.subset, *_stored(job.tasks, job.data)]
    settings = without_paths(TuneJob, args.job)
    provenance.record(record, inputs, [job.trials, job.choice], settings)


def trained(args: argparse.Namespace) -> None:
    """train a classifier on a run's encoders, alone (linear-sgd) or with them (finetune); goes on where it stopped"""
    from avbench.config.job import without_paths
    from avbench.evaluation.scoring_jobs import TrainedJob

    job = TrainedJob.from_mapping(args.job)

    from avbench.config.pretraining import MachineSettings
    from avbench.config.settings import build
    from avbench.evaluation.classifier.evaluate import trained as run
    from avbench.provenance import record as provenance

    provenance.begin()
    run(job, build(MachineSettings, args.machine, "machine"))
    settings = without_paths(TrainedJob, args.job) | {"machine": args.machine}
    _record_scores(job.output, [job.checkpoint, job.subset, *_stored(job.tasks, job.data)], settings)


def supervised(args: argparse.Namespace) -> None:
    """train encoders from scratch on a task's labels, with every seed; goes on where it stopped"""
    from avbench.config.job import without_paths
    from avbench.evaluation.scoring_jobs import SupervisedJob

    job = SupervisedJob.from_mapping(args.job)

    from avbench.config.pretraining import MachineSettings
    from avbench.config.settings import build
    from avbench.evaluation.classifier.evaluate import supervised as run
    from avbench.provenance import record as provenance

    provenance.begin()
    run(job, build(MachineSettings, args.machine, "machine"))
    settings = without_paths(SupervisedJob, args.job) | {"machine": args.machine}
    for output in job.outputs:
        _record_scores(output, [*([job.subset] if job.subset else []), *_stored(job.tasks, job.data)], settings)


def _stored(tasks: Iterable["TaskSettings"], data: Path) -> list[Path]:
    return [data / name / "stored.json" for name in dict.fromkeys(task.dataset for task in tasks)]


def _record_scores(output: Path, inputs: Sequence[Path], settings: Mapping[str, Any]) -> None:
    """Write beside a score file how it came to be."""
    from avbench.evaluation import scores
    from avbench.provenance import record as provenance

    written = [output.with_name(name) for name in (output.name, scores.FILE, "geometry.csv")]
    provenance.record(output.with_name(provenance.FILE), inputs, [path for path in written if path.exists()], settings)


VERBS: Verbs = {
    embed: [job_argument("avbench.evaluation.scoring_jobs:EmbedJob"), DEVICE],
    frozen: [job_argument("avbench.evaluation.scoring_jobs:FrozenJob")],
    tune: [job_argument("avbench.evaluation.scoring_jobs:TuneJob"), DEVICE],
    trained: [job_argument("avbench.evaluation.scoring_jobs:TrainedJob"), MACHINE],
    supervised: [job_argument("avbench.evaluation.scoring_jobs:SupervisedJob"), MACHINE],
}
