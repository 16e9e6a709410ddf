"""Verbs of pretraining."""

import argparse
from pathlib import Path

from avbench.cli.arguments import (
    CLIP_LABEL,
    DATA,
    FEATURES,
    LEDGERED,
    MACHINE,
    OUTPUT,
    SUBSET,
    Verbs,
    job_argument,
    json_object,
    number_argument,
    path_argument,
    text_argument,
)


def dynamics_clips(args: argparse.Namespace) -> None:
    """choose the validation clips that are embedded along training; their labels are left out"""
    import pandas as pd

    from avbench.core.files import write_csv
    from avbench.data import ledger as ledgers
    from avbench.pretraining.dynamics_clips import choose

    validation = ledgers.stored(ledgers.read(args.ledger, LEDGERED), "validation")
    write_csv(args.output, pd.DataFrame({"clip_id": choose(validation, args.clips)}), sealed=True)


def statistics(args: argparse.Namespace) -> None:
    """measure the mean and deviation of each mel band over a pretraining subset"""
    from avbench.config.features import FeatureSettings
    from avbench.config.models import settings_of
    from avbench.config.settings import build
    from avbench.core.files import read_csv, write_json
    from avbench.data.store import open_store
    from avbench.features.statistics import subset_statistics

    features = build(FeatureSettings, args.features, "features")
    networks = settings_of(args.model) if args.model else None
    ids = read_csv(args.subset, CLIP_LABEL)["clip_id"]
    measured = subset_statistics(open_store(args.data, args.dataset), ids, features, networks)
    write_json(args.output, measured, sealed=True)


def pretrain(args: argparse.Namespace) -> None:
    """pretrain one method on one subset with one seed; goes on where an interrupted run stopped"""
    from avbench.pretraining.pretrain_job import PretrainJob

    job = PretrainJob.from_mapping(args.job)

    from avbench.config.pretraining import MachineSettings
    from avbench.config.settings import build
    from avbench.pretraining.run import pretrain as run
    from avbench.provenance import record as provenance

    provenance.begin()
    run(job, build(MachineSettings, args.machine, "machine"))


def untrained(args: argparse.Namespace) -> None:
    """write the initial weights of each seed, the baseline that any pretraining has to beat"""
    from avbench.pretraining.pretrain_job import UntrainedJob

    job = UntrainedJob.from_mapping(args.job)

    from avbench.pretraining.run import untrained as run

    run(job)


def models(args: argparse.Namespace) -> None:
    """print parameters and GFLOP per clip of each preset, or of the encoders of a configuration"""
    from avbench.models.summary import table, table_of

    if args.config is None:
        print(table())
        return
    from avbench.cli.configuration import planned
    from avbench.config.features import FeatureSettings
    from avbench.config.pretraining import PretrainSettings
    from avbench.config.settings import build

    plan = planned(args.config)
    settings = build(PretrainSettings, plan.pretrain_settings("all"), "config: pretraining")
    print(table_of(settings.networks, build(FeatureSettings, plan.feature_settings(), "config: pretraining.features")))


MODEL = (
    "--model",
    {"type": json_object, "default": None, "metavar": "JSON", "help": "where features are given (JSON)"},
)


def check_plugin(args: argparse.Namespace) -> None:
    """check that the positives, batches and losses of a file keep what ours do"""
    from avbench.core.errors import UserError
    from avbench.methods.properties import check_file

    found = check_file(args.file)
    for name, faults in found.items():
        print(f"{name}: {'keeps all that is asked' if not faults else f'{len(faults)} fault(s)'}")
    if told := [f"{name}: {fault}" for name, faults in found.items() for fault in faults]:
        raise UserError(f"{args.file}: " + " ".join(told))


VERBS: Verbs = {
    dynamics_clips: [path_argument("--ledger", "the dataset's ledger"), number_argument("--clips", "how many"), OUTPUT],
    statistics: [DATA, text_argument("--dataset", "the subset's dataset"), SUBSET, FEATURES, MODEL, OUTPUT],
    pretrain: [job_argument("avbench.pretraining.pretrain_job:PretrainJob"), MACHINE],
    untrained: [job_argument("avbench.pretraining.pretrain_job:UntrainedJob")],
    models: [
        ("--config", {"type": Path, "default": None, "metavar": "FILE", "help": "a configuration; presets without it"})
    ],
    check_plugin: [("file", {"metavar": "FILE", "help": "Python that declares them; see docs/extending.md"})],
}
