"""Verbs that embed and score."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avbench.cli.arguments import (
    CLIP_LABEL,
    DATA,
    FEATURES,
    MACHINE,
    SUBSET,
    SWITCHES,
    TASKS,
    THREADS,
    Verbs,
    json_argument,
    number_argument,
    path_argument,
    text_argument,
)


def embed(args: argparse.Namespace) -> None:
    """embed the clips of every task with the frozen encoders of a method's runs"""
    from avbench.config.paper_switches import Protocol
    from avbench.config.settings import build
    from avbench.config.tasks import read_tasks
    from avbench.core.files import read_csv
    from avbench.evaluation.embedding import embed as run

    run(
        args.checkpoints,
        args.outputs,
        read_tasks(args.tasks),
        args.data,
        read_csv(args.subset, CLIP_LABEL),
        build(Protocol, args.switches, "protocol"),
        args.device,
        args.cpu_threads,
    )


def frozen(args: argparse.Namespace) -> None:
    """score frozen features (linear probe, nearest neighbours, retrieval) and describe their geometry"""
    from avbench.config.tasks import read_tasks
    from avbench.evaluation.frozen import frozen as run
    from avbench.provenance import record as provenance

    provenance.begin()
    run(args.embeddings, args.seeds, args.outputs, read_tasks(args.tasks), args.data, args.protocols, args.identity)
    for embeddings, output in zip(args.embeddings, args.outputs, strict=True):
        _record_scores(args, output, [embeddings, embeddings.with_name("checkpoint.pt")], args.tasks)


def _record_scores(args: argparse.Namespace, output: Path, inputs: Sequence[Path], tasks: dict[str, Any]) -> None:
    """Write beside a score file how it came to be."""
    from avbench.evaluation import scores
    from avbench.provenance import record as provenance

    coverage = [args.data / name / "coverage.json" for name in dict.fromkeys(t["dataset"] for t in tasks.values())]
    written = [output.with_name(name) for name in (output.name, scores.FILE, "geometry.csv")]
    settings = {name: value for name, value in vars(args).items() if isinstance(value, dict | str | int)}
    provenance.record(
        output.with_name(provenance.FILE), [*inputs, *coverage], [path for path in written if path.exists()], settings
    )


def trained(args: argparse.Namespace) -> None:
    """train a classifier on a run's encoders, alone (linear-sgd) or with them (finetune); goes on where it stopped"""
    from avbench.config.evaluation import TrainingSettings
    from avbench.config.paper_switches import Protocol
    from avbench.config.pretraining import MachineSettings
    from avbench.config.settings import build
    from avbench.config.tasks import read_tasks
    from avbench.core.files import read_csv
    from avbench.evaluation.classifier.jobs import trained as run
    from avbench.provenance import record as provenance

    provenance.begin()
    run(
        args.protocol,
        args.checkpoint,
        args.output,
        read_tasks(args.tasks),
        args.data,
        read_csv(args.subset, CLIP_LABEL),
        build(Protocol, args.switches, "protocol"),
        build(TrainingSettings, args.settings, f"evaluation.{args.protocol}"),
        args.seed,
        args.identity,
        build(MachineSettings, args.machine, "machine"),
    )
    _record_scores(args, args.output, [args.checkpoint, args.subset], args.tasks)


def supervised(args: argparse.Namespace) -> None:
    """train encoders from scratch on a task's labels, with every seed; goes on where it stopped"""
    from avbench.config.evaluation import TrainingSettings
    from avbench.config.features import FeatureSettings
    from avbench.config.paper_switches import Protocol
    from avbench.config.pretraining import MachineSettings
    from avbench.config.settings import build
    from avbench.config.tasks import read_tasks
    from avbench.core.files import read_csv
    from avbench.evaluation.classifier.jobs import supervised as run
    from avbench.provenance import record as provenance

    provenance.begin()
    (task,) = read_tasks(args.task)
    run(
        task,
        args.data,
        read_csv(args.subset, CLIP_LABEL) if args.subset else None,
        args.subset_name,
        build(Protocol, args.switches, "protocol"),
        build(TrainingSettings, args.settings, "evaluation.supervised"),
        build(FeatureSettings, args.features, "features"),
        args.seeds,
        args.outputs,
        build(MachineSettings, args.machine, "machine"),
    )
    for output in args.outputs:
        _record_scores(args, output, [args.subset] if args.subset else [], args.task)


VERBS: Verbs = {
    embed: [
        DATA,
        SUBSET,
        path_argument("--checkpoints", "finished runs", many=True),
        path_argument("--outputs", "one a checkpoint", many=True),
        TASKS,
        SWITCHES,
        text_argument("--device", "auto, cpu or cuda", "auto"),
        ("--cpu-threads", THREADS | {"help": "threads of each computation"}),
    ],
    frozen: [
        DATA,
        path_argument("--embeddings", "files written by embed", many=True),
        number_argument("--seeds", "one a file", many=True),
        path_argument("--outputs", "score files to write, one a file; predictions are written beside each", many=True),
        TASKS,
        json_argument("--protocols", "settings of linear, knn and retrieval; those left out are not run"),
        json_argument("--identity", "names of method, subset and labels"),
        ("--cpu-threads", THREADS | {"help": "threads of each computation"}),
    ],
    trained: [
        DATA,
        SUBSET,
        (
            "--protocol",
            {"required": True, "choices": ["linear-sgd", "finetune"], "help": "what is trained: a classifier, or all"},
        ),
        path_argument("--checkpoint", "a finished run"),
        path_argument("--output", "the score file to write; predictions are written beside it"),
        TASKS,
        SWITCHES,
        json_argument("--settings", "how to train"),
        json_argument("--identity", "names of method, subset and labels"),
        number_argument("--seed", "the run's"),
        MACHINE,
    ],
    supervised: [
        DATA,
        path_argument("--subset", "the pretraining subset; leave out to train on all clips", optional=True),
        text_argument("--subset-name", "the subset's name in the tables"),
        json_argument("--task", "one row of the table of tasks"),
        SWITCHES,
        json_argument("--settings", "how to train"),
        FEATURES,
        number_argument("--seeds", "one a score file", many=True),
        path_argument("--outputs", "score files to write; predictions are written beside each", many=True),
        MACHINE,
    ],
}
